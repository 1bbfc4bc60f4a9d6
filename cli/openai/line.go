package openai

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"sealvk/engine"
)

// Place is where a line stands in its job; its result is named by it.
type Place struct {
	Index   int64
	Hash    string  // 16 hexadecimal digits
	Columns Columns // that go through to the result of a plain line
}

// Line is a line of output, encoded without a line break: for a batch line OpenAI's result, for
// the others a Plain. results are those of Requests; one with an Err gives the line of that error,
// as Job.Failure does. None may be cancelled: such a line has no result.
func (a *Asked) Line(at Place, results []engine.Result) ([]byte, error) {
	for _, r := range results {
		if r.Err != nil {
			return a.job.Failure(a.request, at, r.Err)
		}
		if r.Finish == engine.FinishCancelled {
			return nil, errors.New("openai: a cancelled answer has no line of output")
		}
	}
	if !a.request.Batch {
		return encode(a.Plain(at, results))
	}
	return encode(at.batchLine(a.request, 200, a.Body(at.name(a.request.idPrefix()), results, false), nil))
}

// Failure is the line of output for a request that was refused or failed, encoded likewise: r is
// what Parse gave, with its error or without, and may be nil.
func (j *Job) Failure(r *Request, at Place, err error) ([]byte, error) {
	e, status := ErrorOf(err)
	if r == nil || !r.Batch {
		return encode(&Plain{Index: at.Index, Hash: at.Hash, Columns: at.Columns, Error: e.Message})
	}
	return encode(at.batchLine(r, status, ErrorBody{e}, &e))
}

func (at Place) batchLine(r *Request, status int, body any, e *Error) BatchLine {
	return BatchLine{
		ID: at.name("batch_req"), CustomID: r.CustomID, Error: e,
		Response: &BatchResponse{StatusCode: status, RequestID: at.name("req"), Body: body},
	}
}

// name is an id with the line's index and hash.
func (at Place) name(prefix string) string { return fmt.Sprintf("%s_%d_%s", prefix, at.Index, at.Hash) }

// idPrefix is what the ids of bodies begin with at OpenAI's.
func (r *Request) idPrefix() string {
	if r.Endpoint == Chat {
		return "chatcmpl"
	}
	return "cmpl"
}

// ErrorOf is OpenAI's error object of err and the status of a response with it: 400 for what is
// the request's fault, a FieldError or a prompt that has no room, else 500.
func ErrorOf(err error) (Error, int) {
	e := Error{Message: strings.ToValidUTF8(err.Error(), "\uFFFD"), Type: "server_error"}
	var field *FieldError
	switch {
	case errors.As(err, &field):
		if param := strings.TrimPrefix(field.Field, "body."); param != "" {
			e.Param = &param
		}
		if field.Code != "" {
			e.Code = &field.Code
		}
	case errors.Is(err, engine.ErrContextFull):
		code := tooLong
		e.Code = &code
	default:
		return e, 500
	}
	e.Type = "invalid_request_error"
	return e, 400
}

// encode writes a result: texts as they are, no \u003c, which is why it is not encoding/json's.
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("openai: encoding a result: %w", err)
	}
	return b, nil
}
