package serve

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"sealvk/engine"
)

// visit is what the access log tells of a request beside what its response does. Nothing that
// somebody wrote to the model is there, nor a query or a key.
type visit struct {
	id string

	mu                 sync.Mutex
	endpoint           string // of the route; "": there was none
	code               string // OpenAI's, of an error; "": none
	cause              string // of a failure that is not the client's
	prompt, completion int    // tokens
	finishes           []string
}

type visitKey struct{}

// visitOf is the request's; outside the server one that nobody reads.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// noteEndpoint notes which route a request took.
func noteEndpoint(ctx context.Context, path string) {
	v := visitOf(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.endpoint = path
}

// noteAnswers notes what a request got of the model. A prompt of several choices counts for each.
func noteAnswers(ctx context.Context, results []engine.Result) {
	v := visitOf(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range results {
		v.prompt += r.PromptTokens
		v.completion += len(r.Tokens)
		if f := string(r.Finish); f != "" && !slices.Contains(v.finishes, f) {
			v.finishes = append(v.finishes, f)
		}
	}
}

// noteError notes what the client is told, and in words only what has nothing of the request: a failure of
// the server's own.
func noteError(ctx context.Context, err error) {
	told, status, _ := failureOf(err)
	v := visitOf(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.code = told.Type
	if told.Code != nil {
		v.code = *told.Code
	}
	if status >= http.StatusInternalServerError {
		v.cause = err.Error()
	}
}

// log writes a request's line.
func (v *visit) log(l *slog.Logger, r *http.Request, w *writer, took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	told := []slog.Attr{
		slog.String("id", v.id), slog.String("remote", r.RemoteAddr), slog.String("method", cut(r.Method)), slog.String("path", cut(r.URL.EscapedPath())),
		slog.Int("status", w.status), slog.Int64("bytes", w.bytes), slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	if v.prompt > 0 {
		told = append(told, slog.Int("prompt_tokens", v.prompt), slog.Int("completion_tokens", v.completion))
	}
	if len(v.finishes) > 0 {
		told = append(told, slog.String("finish", strings.Join(v.finishes, ",")))
	}
	if v.code != "" {
		told = append(told, slog.String("error", v.code))
	}
	if v.cause != "" {
		told = append(told, slog.String("cause", v.cause))
	}
	level := slog.LevelInfo
	if probe := v.endpoint == healthPath || v.endpoint == metricsPath; probe && v.code == "" { // what comes every few seconds
		level = slog.LevelDebug
	}
	l.LogAttrs(context.WithoutCancel(r.Context()), level, "request", told...)
}

// cut is as much of a path, escaped so that it is ASCII, or of a method as a line shows.
func cut(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// requestID is the one that the client has given the request, if it is short and printable, or a new one.
func requestID(r *http.Request) string {
	const most = 128
	id := r.Header.Get("X-Request-Id")
	odd := func(c rune) bool { return c <= ' ' || c > '~' }
	if id == "" || len(id) > most || strings.ContainsFunc(id, odd) {
		return "req_" + strings.ToLower(rand.Text())
	}
	return id
}

// guarded is the handler with all that stands in front of it and behind it, whatever the route.
func (s *Server) guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		begun, v, w := time.Now(), &visit{id: requestID(r)}, s.door.writer(to)
		r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
		s.door.bounded(to, r)
		w.Header().Set("X-Request-Id", v.id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if s.gate.stopping() {
			w.Header().Set("Connection", "close")
		}
		defer func() { s.leave(v, r, w, time.Since(begun)) }()
		defer s.survive(v, w, r)
		if !s.door.cors(w, r) {
			h.ServeHTTP(w, r)
		}
	})
}

// leave counts and logs a request.
func (s *Server) leave(v *visit, r *http.Request, w *writer, took time.Duration) {
	if w.status == 0 { // net/http writes an empty response
		w.status = http.StatusOK
		if r.Context().Err() != nil {
			w.status = clientGone
		}
	}
	s.metrics.requested(v.endpoint, w.status)
	v.log(s.Log, r, w, took)
}

// survive ends a request whose handler panicked, and lets the server live. A response that has begun ends
// with its connection, so that nobody takes it for whole.
func (s *Server) survive(v *visit, w *writer, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler {
		s.Log.Error("panic", "id", v.id, "value", fmt.Sprint(p), "stack", string(debug.Stack()))
		if w.status == 0 {
			failOpenAI(w, r, fmt.Errorf("serve: the server failed at this request, %s in its log", v.id))
			return
		}
	}
	panic(http.ErrAbortHandler)
}
