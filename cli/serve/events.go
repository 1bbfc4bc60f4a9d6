package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"sealvk/cli/openai"
)

// events is a stream of server-sent events. Its header is written with the first of them, so that what fails in front
// of that has a status of its own.
type events struct {
	w         http.ResponseWriter
	keepAlive time.Duration // that it says nothing at most
	begun     bool
	fresh     bool      // something was written that is not flushed
	said      time.Time // when something was written last
}

func (s *Server) newEvents(w http.ResponseWriter) *events {
	return &events{w: w, keepAlive: s.keepAlive, said: time.Now()}
}

// write writes lines.
func (e *events) write(lines string) error {
	if !e.begun {
		e.begun = true
		h := e.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // nginx would collect them
		e.w.WriteHeader(http.StatusOK)
	}
	e.fresh, e.said = true, time.Now()
	_, err := io.WriteString(e.w, lines)
	return err
}

// send writes an event for each value.
func (e *events) send(values ...any) error {
	for _, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("serve: encoding an event: %w", err)
		}
		if err := e.write("data: " + string(b) + "\n\n"); err != nil {
			return err
		}
	}
	return nil
}

// pause hands on what was written or, where that is long ago, a comment. No empty line ends it: OpenAI's client for Go
// takes one for the end of an event, and reads an empty one.
func (e *events) pause() error {
	if !e.fresh && time.Since(e.said) >= e.keepAlive {
		if err := e.write(": more to come\n"); err != nil {
			return err
		}
	}
	if !e.fresh {
		return nil
	}
	return e.flush()
}

func (e *events) flush() error {
	e.fresh = false
	return http.NewResponseController(e.w).Flush()
}

// end writes the last events.
func (e *events) end(values ...any) error {
	return errors.Join(e.send(values...), e.write("data: [DONE]\n\n"), e.flush())
}

// fail ends a stream that has begun with an event that says why; else the error comes back.
func (e *events) fail(err error) error {
	if !e.begun {
		return err
	}
	object, _, _ := failureOf(err)
	_ = errors.Join(e.send(openai.ErrorBody{Error: object}), e.flush()) // the client may be the one that is gone
	return nil
}
