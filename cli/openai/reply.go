package openai

import (
	"strconv"
	"strings"

	"sealvk/engine"
	"sealvk/prompt"
)

// ToolCall is a call of a function in an answer.
type ToolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"` // function
	Function FunctionCall `json:"function"`
}

// FunctionCall says what is called with what.
type FunctionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // a JSON object, as the model wrote it
}

// Reply takes an answer apart as it comes: into text, and calls of the request's tools.
type Reply struct {
	reader *prompt.CallReader // nil: all is text
	one    bool               // no call behind the first
	id     string             // that calls' ids are made of
	calls  int                // so far
}

// Reply begins the answer of a choice in a result under an id.
func (a *Asked) Reply(choice int, id string) *Reply {
	if a.request.Tools == nil {
		return &Reply{}
	}
	id = id[strings.IndexAny(id, "-_")+1:]
	return &Reply{
		reader: prompt.NewCallReader(a.job.Template.CallForm(a.job.Tokenizer), a.request.Tools),
		one:    a.request.OneCall, id: "call_" + id + "_" + strconv.Itoa(choice) + "_",
	}
}

// Push takes the next piece of the answer's text, and returns what of it is text and the calls that it completes.
func (r *Reply) Push(piece string) (text string, calls []ToolCall) {
	if r.reader == nil {
		return piece, nil
	}
	text, found := r.reader.Push(piece)
	return text, r.number(found)
}

// End returns what Push held back.
func (r *Reply) End() (text string, calls []ToolCall) {
	if r.reader == nil {
		return "", nil
	}
	text, found := r.reader.End()
	return text, r.number(found)
}

// finish is OpenAI's word for the answer's end.
func (r *Reply) finish(e engine.Result) string { return r.word(finish(e)) }

// word is that word, by that of an answer without calls.
func (r *Reply) word(reason string) string {
	if reason == "stop" && r.calls > 0 {
		return "tool_calls"
	}
	return reason
}

// deltas are the latest of the calls.
func (r *Reply) deltas(calls []ToolCall) (deltas []ToolCallDelta) {
	for i, c := range calls {
		deltas = append(deltas, ToolCallDelta{r.calls - len(calls) + i, c})
	}
	return deltas
}

func (r *Reply) number(found []prompt.ToolCall) (calls []ToolCall) {
	for _, c := range found {
		if r.one && r.calls > 0 {
			break
		}
		calls = append(calls, ToolCall{ID: r.id + strconv.Itoa(r.calls), Type: "function", Function: FunctionCall{c.Name, c.Arguments}})
		r.calls++
	}
	return calls
}

// whole takes an answer apart at once.
func (r *Reply) whole(answer string) (text string, calls []ToolCall) {
	text, calls = r.Push(answer)
	rest, more := r.End()
	return text + rest, append(calls, more...)
}
