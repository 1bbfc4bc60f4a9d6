package serve

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"

	"sealvk/cli/openai"
)

// events is a stream of server-sent events. Its header is written with the first of them, so that what fails in front
// of that has a status of its own.
type events struct {
	w     http.ResponseWriter
	begun bool
	fresh bool // something was written that is not flushed
}

func newEvents(w http.ResponseWriter) *events { return &events{w: w} }

// write writes a line and an empty one.
func (e *events) write(line []byte) error {
	if !e.begun {
		e.begun = true
		h := e.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // nginx would collect them
		e.w.WriteHeader(http.StatusOK)
	}
	e.fresh = true
	_, err := e.w.Write(append(line, "\n\n"...))
	return err
}

// send writes an event for each value.
func (e *events) send(values ...any) error {
	for _, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("serve: encoding an event: %w", err)
		}
		if err := e.write(append([]byte("data: "), b...)); err != nil {
			return err
		}
	}
	return nil
}

// pause hands on what was written, or a comment that says that there will be more.
func (e *events) pause() error {
	if !e.fresh {
		if err := e.write([]byte(": more to come")); err != nil {
			return err
		}
	}
	return e.flush()
}

func (e *events) flush() error {
	e.fresh = false
	return http.NewResponseController(e.w).Flush()
}

// end writes the last events.
func (e *events) end(values ...any) error {
	return errors.Join(e.send(values...), e.write([]byte("data: [DONE]")), e.flush())
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
