package serve

import (
	"context"
	"net"
	"net/http"
	"time"

	"sealvk/engine"
)

// What stands here is the least that the rest needs, until it comes with files of its own: each takes
// its part out of here.

// Guard says who may ask, and how much.
type Guard struct{}

// guarded is the handler with all that stands in front of it.
func (s *Server) guarded(h http.Handler) http.Handler { return h }

// Run answers what comes in until ctx ends, and then what it has, within grace.
func (s *Server) Run(ctx context.Context, l net.Listener, grace time.Duration) error {
	server := &http.Server{Handler: s}
	defer context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	})()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// noteAnswers keeps what the access log says of a request's answers, by the context of the request.
func noteAnswers(ctx context.Context, results []engine.Result) {}

// metrics count what happens.
type metrics struct{}

// answered counts an answer that has ended, whose first token took so long from when it was asked for, 0 if there was
// none, and the whole so long.
func (m *metrics) answered(r *engine.Result, first, took time.Duration) {}

func (s *Server) exposition(w http.ResponseWriter, r *http.Request) error { return nil }

// health answers GET /health.
func (s *Server) health(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// pageHandler answers GET / and /page/….
func pageHandler() http.Handler { return http.NotFoundHandler() }
