package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"sealvk/cli/openai"
	"sealvk/cli/resident"
	"sealvk/engine"
)

// ollamaRoutes are those of Ollama's API, as far as text goes.
func (s *Server) ollamaRoutes() []route {
	routes := []route{
		{"POST", "/api/chat", s.ollamaChat, failOllama},
		{"POST", "/api/generate", s.ollamaGenerate, failOllama},
		{"GET", "/api/tags", s.ollamaTags, failOllama},
		{"GET", "/api/ps", s.ollamaRunning, failOllama},
		{"POST", "/api/show", s.ollamaShow, failOllama},
		{"GET", "/api/version", s.ollamaVersion, failOllama},
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		routes = append(routes, route{method, "/api/{other...}", ollamaOther, failOllama})
	}
	return routes
}

// failOllama writes Ollama's error object.
func failOllama(w http.ResponseWriter, _ *http.Request, err error) {
	e, status, after := failureOf(err)
	tellAfter(w, after)
	_ = writeJSON(w, status, ollamaError{e.Message}) // nobody is left to be told
}

type ollamaError struct {
	Error string `json:"error"`
}

// ollamaOther answers what Ollama has and this server has not.
func ollamaOther(_ http.ResponseWriter, r *http.Request) error {
	e := &statusError{status: http.StatusNotFound, kind: invalidRequest, code: "not_found",
		message: r.Method + " " + r.URL.Path + " is nothing that this server has"}
	switch r.PathValue("other") {
	case "pull", "push", "create", "copy", "delete":
		e.status, e.message = http.StatusNotImplemented, r.URL.Path+" is not supported: the server has the model that it was started with; sealvk pull brings others"
	case "embed", "embeddings":
		e.status, e.message = http.StatusNotImplemented, r.URL.Path+" is not supported: the server makes no embeddings"
	}
	return e
}

// ollamaChat answers POST /api/chat.
func (s *Server) ollamaChat(w http.ResponseWriter, r *http.Request) error {
	return s.ollama(w, r, openai.ParseOllamaChat)
}

// ollamaGenerate answers POST /api/generate.
func (s *Server) ollamaGenerate(w http.ResponseWriter, r *http.Request) error {
	return s.ollama(w, r, openai.ParseOllamaGenerate)
}

func (s *Server) ollama(w http.ResponseWriter, r *http.Request, parse func([]byte) (*openai.OllamaRequest, error)) error {
	begun := time.Now()
	body, err := s.body(r)
	if err != nil {
		return err
	}
	request, err := parse(body)
	if err != nil {
		return err
	}
	if request.Load {
		if err := s.bring(r.Context()); err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, request.Loaded(s.ollamaName()))
	}
	asked, err := s.askOllama(request)
	if err != nil {
		return err
	}
	result := asked.Ollama("ollama-" + rand.Text())
	if !request.Stream {
		results, err := s.answer(r.Context(), asked, listener{})
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, result.Whole(results[0], time.Since(begun)))
	}
	lines := ollamaLines{w: w}
	_, err = s.answer(r.Context(), asked, listener{
		tokens: func(_ int, tokens []engine.Token) error { return lines.send(result.Tokens(tokens)) },
		ended:  func(_ int, r engine.Result) error { return lines.send(result.Ended(r, time.Since(begun))) },
		pause:  lines.flush,
	})
	if err != nil {
		return lines.fail(err)
	}
	return lines.flush()
}

// askOllama makes a request the model's.
func (s *Server) askOllama(r *openai.OllamaRequest) (*openai.Asked, error) {
	s.instruct(r.Request)
	job := s.job()
	job.System, job.Raw, job.Model = cmp.Or(r.System, job.System), false, s.ollamaName()
	return job.Ask(r.Request, s.asked.Add(1))
}

// bring has a model that was unloaded loaded, as any other request has, unless the server stops meanwhile.
func (s *Server) bring(ctx context.Context) error {
	if s.Model.Status().State == resident.Ready {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.gate.open, func() { cancel(errStopping) })()
	done := make(chan error, 1)
	nothing := engine.Request{
		Prompt: []int32{max(0, s.Job.Tokenizer.BOS())}, MaxTokens: engine.NoTokens, Done: func(r engine.Result) { done <- r.Err },
	}
	if err := s.Model.Submit(ctx, nothing); err != nil {
		return err
	}
	return <-done
}

// ollamaLines is a stream of JSON values, one a line. Its header is written with the first of them.
type ollamaLines struct {
	w     http.ResponseWriter
	begun bool
}

func (l *ollamaLines) send(lines []openai.OllamaLine) error {
	for _, line := range lines {
		if err := l.write(line); err != nil {
			return err
		}
	}
	return nil
}

func (l *ollamaLines) write(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("serve: encoding a line: %w", err)
	}
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		l.w.Header().Set("X-Accel-Buffering", "no") // nginx would collect them
		l.w.WriteHeader(http.StatusOK)
	}
	_, err = l.w.Write(append(b, '\n'))
	return err
}

// flush hands on what was written. There is nothing that could be said meanwhile.
func (l *ollamaLines) flush() error {
	if !l.begun {
		return nil
	}
	return http.NewResponseController(l.w).Flush()
}

// fail ends a stream that has begun with a line that says why; else the error comes back.
func (l *ollamaLines) fail(err error) error {
	if !l.begun {
		return err
	}
	e, _, _ := failureOf(err)
	_ = errors.Join(l.write(ollamaError{e.Message}), l.flush()) // the client may be the one that is gone
	return nil
}
