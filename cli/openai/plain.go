package openai

import (
	"github.com/go-json-experiment/json/jsontext"

	"sealvk/engine"
)

// Plain is the line of output for a line that is not a batch line.
type Plain struct {
	Index        int64          `json:"index"`
	Hash         string         `json:"hash"`
	Columns      Columns        `json:"columns,omitzero"`
	*PlainAnswer                // of a request for one
	Choices      []*PlainAnswer `json:"choices,omitzero"` // of one for several: those of the first prompt come first
	Error        string         `json:"error,omitzero"`   // then there is no answer
}

// PlainAnswer is one answer.
type PlainAnswer struct {
	Text             string          `json:"text"`
	ToolCalls        []ToolCall      `json:"tool_calls,omitzero"`
	FinishReason     string          `json:"finish_reason"` // stop, length or tool_calls
	PromptTokens     int             `json:"prompt_tokens"`
	CompletionTokens int             `json:"completion_tokens"`
	Seed             *int64          `json:"seed,omitzero"` // that gives the same answer again; nil: nothing was drawn
	Logprobs         *ChatLogprobs   `json:"logprobs,omitzero"`
	PromptLogprobs   []*TokenRanking `json:"prompt_logprobs,omitzero"`
}

// Columns are the fields of a CSV record in the order of its header, encoded as an object.
type Columns []Column

// Column is a field and its name in the header.
type Column struct{ Name, Value string }

// MarshalJSONTo writes the object.
func (c Columns) MarshalJSONTo(e *jsontext.Encoder) error {
	return marshalObject(e, c, func(c Column) (string, any) { return c.Name, c.Value })
}

// Plain is what Line encodes for a line that is not a batch line, if no result has an Err.
func (a *Asked) Plain(at Place, results []engine.Result) *Plain {
	p := &Plain{Index: at.Index, Hash: at.Hash, Columns: at.Columns}
	for i, r := range results {
		p.Choices = append(p.Choices, a.plainAnswer(at, i, r, results))
	}
	if len(p.Choices) == 1 && !a.request.List {
		p.PlainAnswer, p.Choices = p.Choices[0], nil
	}
	return p
}

func (a *Asked) plainAnswer(at Place, i int, r engine.Result, results []engine.Result) *PlainAnswer {
	sampling := a.Requests[i].Sampling
	reply := a.Reply(i, at.name("plain"))
	text, calls := reply.whole(a.text(i, r))
	answer := &PlainAnswer{
		Text: text, ToolCalls: calls, FinishReason: reply.finish(r),
		PromptTokens: len(a.Requests[i].Prompt), CompletionTokens: len(r.Tokens),
		PromptLogprobs: a.ofPrompt(i, results),
	}
	if sampling.Temperature > 0 {
		seed := int64(sampling.Seed)
		answer.Seed = &seed
	}
	if a.request.Echo && a.request.Logprobs && answer.PromptLogprobs == nil { // Logprobs are the answer's
		answer.PromptLogprobs = rankings(a.job.Tokenizer, results[a.first(i)].PromptLogprobs, a.request.TopLogprobs)
	}
	if a.request.Logprobs {
		answer.Logprobs = chatLogprobs(a.job.Tokenizer, r.Logprobs, a.request.TopLogprobs)
	}
	return answer
}
