package resident

import (
	"errors"
	"fmt"
	"time"
)

// State is what can be expected of a model.
type State int

const (
	Loading  State = iota // it comes: for the first time, behind a loss, or because a request asked for an unloaded one
	Ready                 // it takes requests
	Unloaded              // its memory is given back; the next request loads it
	Failed                // it does not come any more
)

func (s State) String() string {
	switch s {
	case Loading:
		return "loading"
	case Ready:
		return "ready"
	case Unloaded:
		return "unloaded"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Status is a model's state.
type Status struct {
	State  State
	Reason string    // one line: why it is not ready; "" while it is, or loads for the first time
	Since  time.Time // when the state began
	Losses int       // of devices so far
	Waking bool      // it loads because a request asked for an unloaded one: requests wait for it
}

// ErrNotReady is the error of requests that nobody can answer now, or any more. Its text has the reason.
var ErrNotReady = errors.New("the model is not ready")

// notReady is ErrNotReady with the status's reason, and with what it comes of.
type notReady struct {
	status Status
	cause  error // nil: none
}

func (e *notReady) Error() string {
	text := fmt.Sprintf("resident: %v: it is %v", ErrNotReady, e.status.State)
	if e.status.Reason != "" {
		text += ": " + e.status.Reason
	}
	return text
}

func (e *notReady) Unwrap() []error { return []error{ErrNotReady, e.cause} }
