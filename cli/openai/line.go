package openai

import (
	"errors"

	"sealvk/engine"
)

var errSoon = errors.New("openai: not yet")

// Place is where a line stands in its job; its result is named by it.
type Place struct {
	Index   int64
	Hash    string   // 16 hexadecimal digits
	Columns []Column // that go through to the result of a plain line
}

// Column is a field of a CSV record and its name in the header.
type Column struct{ Name, Value string }

// Line is a line of output, encoded without a line break: for a batch line OpenAI's result, for
// the others the object of Plain. results are of Asked.Requests; one with an Err gives the line
// of that error, as Job.Failure does. None may be cancelled.
func (a *Asked) Line(at Place, results []engine.Result) ([]byte, error) { return nil, errSoon }

// Plain is what Line encodes for a line that is not a batch line.
func (a *Asked) Plain(at Place, results []engine.Result) *Plain {
	return &Plain{Index: at.Index, Hash: at.Hash}
}

// Failure is the line of output for a request that was refused or failed: r is what Parse gave
// with the error, or nil. A FieldError is the request's fault, other errors are not.
func (j *Job) Failure(r *Request, at Place, err error) ([]byte, error) { return nil, errSoon }

// Body is a server's result under an id: a *ChatBody, or a *TextBody for a prompt. cached tells
// whether it counts the tokens that had been computed before.
func (a *Asked) Body(id string, results []engine.Result, cached bool) any { return &TextBody{ID: id} }

// ErrorOf is the error object of err and the status of a response with it: 400 for a FieldError,
// else 500.
func ErrorOf(err error) (Error, int) { return Error{Message: err.Error()}, 500 }
