package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"sealvk/cli/openai"
	"sealvk/cli/resident"
	"sealvk/engine"
)

// OpenAI's types of errors.
const (
	invalidRequest = "invalid_request_error"
	serverError    = "server_error"
)

// statusError is a failure with a status of its own.
type statusError struct {
	status  int
	kind    string // OpenAI's type
	code    string // OpenAI's; may be ""
	message string
	after   time.Duration // when it may be tried again; 0: nothing is said of that
}

func (e *statusError) Error() string { return e.message }

// clientGone is the status, in logs alone, of what nobody waits for any more, as nginx has it.
const clientGone = 499

// failureOf is what a client is told of an error: OpenAI's error object, the status, and when the request may come
// again, 0 if nothing is known of that.
func failureOf(err error) (e openai.Error, status int, after time.Duration) {
	var own *statusError
	var tooBig *http.MaxBytesError
	e, status = openai.ErrorOf(err)
	say := func(newStatus int, kind, code string) {
		e.Type, e.Code, status = kind, nil, newStatus
		if code != "" {
			e.Code = &code
		}
	}
	switch {
	case status != http.StatusInternalServerError:
	case errors.As(err, &own):
		say(own.status, own.kind, own.code)
		after = own.after
	case errors.As(err, &tooBig):
		say(http.StatusRequestEntityTooLarge, invalidRequest, "request_too_large")
		e.Message = fmt.Sprintf("the request's body is larger than %d bytes", tooBig.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		say(http.StatusRequestTimeout, invalidRequest, "timeout")
		e.Message = "the request took too long to arrive"
	case errors.Is(err, resident.ErrNotReady):
		say(http.StatusServiceUnavailable, serverError, "model_not_ready")
		e.Message = strings.TrimPrefix(e.Message, "resident: ")
		after = 2 * time.Second
	case resident.Lost(err), errors.Is(err, engine.ErrClosed):
		say(http.StatusServiceUnavailable, serverError, "model_lost")
		e.Message = "the model was lost while it answered, and comes back if it can; try again: " + e.Message
		after = 5 * time.Second
	case errors.Is(err, context.Canceled):
		say(clientGone, serverError, "cancelled")
	}
	return e, status, after
}

// failOpenAI writes OpenAI's error object.
func failOpenAI(w http.ResponseWriter, _ *http.Request, err error) {
	e, status, after := failureOf(err)
	tellAfter(w, after)
	_ = writeJSON(w, status, openai.ErrorBody{Error: e}) // nobody is left to be told
}

// tellAfter says when a request may come again, unless nothing is known of that.
func tellAfter(w http.ResponseWriter, after time.Duration) {
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
}

// writeJSON writes a whole response.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("serve: encoding a response: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(status)
	_, err = w.Write(append(b, '\n'))
	return err
}
