package serve

import (
	"crypto/rand"
	"math"
	"net/http"
	"slices"
	"time"

	"sealvk/cli/openai"
	"sealvk/engine"
	"sealvk/prompt"
)

// chat answers POST /v1/chat/completions.
func (s *Server) chat(w http.ResponseWriter, r *http.Request) error {
	return s.complete(w, r, "chatcmpl-", openai.ParseChat)
}

// completion answers POST /v1/completions.
func (s *Server) completion(w http.ResponseWriter, r *http.Request) error {
	return s.complete(w, r, "cmpl-", openai.ParseCompletion)
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request, prefix string, parse func([]byte) (*openai.Request, error)) error {
	body, err := s.body(r)
	if err != nil {
		return err
	}
	request, err := parse(body)
	if err != nil {
		return err
	}
	asked, err := s.ask(request)
	if err != nil {
		return err
	}
	id := prefix + rand.Text()
	if request.Stream {
		return s.stream(w, r, asked, id)
	}
	results, err := s.answer(r.Context(), asked, listener{})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, asked.Body(id, results, true))
}

// ask makes a request the model's. Each request that names no seed draws on its own.
func (s *Server) ask(r *openai.Request) (*openai.Asked, error) {
	s.instruct(r)
	job := s.job()
	return job.Ask(r, s.asked.Add(1))
}

// instruct gives a conversation that has no system message the job's.
func (s *Server) instruct(r *openai.Request) {
	if system := s.Job.System; system != "" && r.Endpoint == openai.Chat && !slices.ContainsFunc(r.Messages, isSystem) {
		r.Messages = slices.Insert(r.Messages, 0, prompt.Message{Role: "system", Content: system})
	}
}

// job is what a request has in common with others.
func (s *Server) job() openai.Job {
	job := s.Job
	job.Created, job.Context = time.Now().Unix(), math.MaxInt32 // the model checks too
	if place := s.place(); place != nil {
		job.Context = place.context
	}
	return job
}

func isSystem(m prompt.Message) bool { return m.Role == "system" }

// stream answers by server-sent events, as OpenAI's are.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, asked *openai.Asked, id string) error {
	e, chunks := s.newEvents(w), asked.Stream(id)
	results, err := s.answer(r.Context(), asked, listener{
		tokens: func(choice int, tokens []engine.Token) error { return e.send(chunks.Tokens(choice, tokens)...) },
		ended:  func(choice int, r engine.Result) error { return e.send(chunks.Ended(choice, r)...) },
		pause:  e.pause,
	})
	if err != nil {
		return e.fail(err)
	}
	return e.end(chunks.Usage(results)...)
}
