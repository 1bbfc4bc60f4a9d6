package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// errStopping is what requests are told for which the server has no time left.
var errStopping = &statusError{
	status: http.StatusServiceUnavailable, kind: serverError, code: "stopping", after: 5 * time.Second,
	message: "the server is stopping; try again when it is back",
}

// gate counts the requests that are being answered, and is shut for good when the server stops.
type gate struct {
	open context.Context // until it is shut
	shut context.CancelFunc

	mu     sync.Mutex
	inside int
	empty  chan struct{} // closed once it is shut and nobody is inside
}

func newGate() *gate {
	g := &gate{empty: make(chan struct{})}
	g.open, g.shut = context.WithCancel(context.Background())
	return g
}

// enter lets a request in, who then leaves, or gives errStopping.
func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping() {
		return errStopping
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.tell()
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stopping() {
		g.shut()
		g.tell()
	}
}

// tell tells that it is empty. The gate is locked.
func (g *gate) tell() {
	if g.stopping() && g.inside == 0 {
		close(g.empty)
	}
}

func (g *gate) stopping() bool { return g.open.Err() != nil }

// count is how many requests are inside.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside
}

// CutOffError tells that requests were still being answered when the time for that was over.
type CutOffError struct{ Requests int }

func (e *CutOffError) Error() string {
	return fmt.Sprintf("serve: %d requests were still being answered, and were cut off", e.Requests)
}

// partingTime is for what was cut off to tell its clients.
const partingTime = 2 * time.Second

// Run answers what the listener brings until ctx ends, and then for at most grace the requests whose answers have begun. All others
// are refused by then, those that wait and those that come, which are listened to for as long: a proxy sees at /health
// that it should ask another server. The listener is closed in the end. Errors: a CutOffError, and the listener's.
func (s *Server) Run(ctx context.Context, l net.Listener, grace time.Duration) error {
	life, cut := context.WithCancelCause(context.Background())
	defer cut(nil)
	limited := limitConnections(l, s.door.Connections)
	server := &http.Server{
		Handler: s, TLSConfig: s.door.TLS.Clone(), ConnState: limited.changed, MaxHeaderBytes: maxHead,
		ReadHeaderTimeout: s.door.HeadTime, IdleTimeout: s.door.IdleTime,
		HTTP2:       &http.HTTP2Config{WriteByteTimeout: s.door.WriteTime}, // a stream's deadline ends no write of the connection's
		BaseContext: func(net.Listener) context.Context { return life },
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			ended <- server.ServeTLS(limited, "", "")
		} else {
			ended <- server.Serve(limited)
		}
	}()
	var left error
	select {
	case err := <-ended:
		return fmt.Errorf("serve: listening: %w", err)
	case <-ctx.Done():
		left = s.finish(cut, grace)
	}
	parting, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	if server.Shutdown(parting) != nil {
		_ = server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		left = errors.Join(left, fmt.Errorf("serve: listening: %w", err))
	}
	return left
}

// finish waits for the requests that are being answered, and cuts those off that take longer than grace.
func (s *Server) finish(cut context.CancelCauseFunc, grace time.Duration) error {
	s.gate.close()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-s.gate.empty:
		return nil
	case <-timer.C:
	}
	n := s.gate.count()
	cut(errStopping)
	timer.Reset(partingTime)
	select {
	case <-s.gate.empty:
	case <-timer.C: // clients that do not read
	}
	if n == 0 {
		return nil
	}
	return &CutOffError{n}
}
