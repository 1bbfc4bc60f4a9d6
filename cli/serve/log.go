package serve

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"sealvk/engine"
)

// visit is what the access log tells of a request beside what the response does. Nothing that
// somebody wrote to the model is there, nor a query or a key.
type visit struct {
	id string

	mu                 sync.Mutex
	code               string // OpenAI's of an error; "": none
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

// noteAnswers notes what a request got of the model; prompts that several choices share count for each.
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

// noteError notes the code of the error that the client is told.
func noteError(ctx context.Context, code string) {
	v := visitOf(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.code = code
}

// log writes a request's line.
func (v *visit) log(l *slog.Logger, r *http.Request, w *writer, took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	told := []slog.Attr{
		slog.String("id", v.id), slog.String("remote", r.RemoteAddr), slog.String("method", r.Method), slog.String("path", cut(r.URL.Path)),
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
	l.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelInfo, "request", told...)
}

// cut is as much of a path as a line shows.
func cut(path string) string {
	const most = 200
	if len(path) > most {
		return path[:most] + "…"
	}
	return path
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
