package openai

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/engine"
)

// OllamaLine is a line of Ollama's stream, or a whole result.
type OllamaLine struct {
	Model      string         `json:"model"`
	CreatedAt  time.Time      `json:"created_at"`
	Message    *OllamaMessage `json:"message,omitzero"`  // of /api/chat
	Response   *string        `json:"response,omitzero"` // of /api/generate
	Done       bool           `json:"done"`
	DoneReason string         `json:"done_reason,omitzero"` // stop, length or load
	Logprobs   []ChatLogprob  `json:"logprobs,omitzero"`
	*OllamaTimes
}

// OllamaMessage is an answer, or a piece of one.
type OllamaMessage struct {
	Role      string           `json:"role"`
	Content   string           `json:"content"`
	ToolCalls []OllamaToolCall `json:"tool_calls,omitzero"`
}

// OllamaToolCall is a call of a tool, whose arguments are an object.
type OllamaToolCall struct {
	ID       string `json:"id"`
	Function struct {
		Index     int            `json:"index"`
		Name      string         `json:"name"`
		Arguments jsontext.Value `json:"arguments"`
	} `json:"function"`
}

// OllamaTimes are in the last line: tokens, and nanoseconds.
type OllamaTimes struct {
	Total          int64 `json:"total_duration"`
	Load           int64 `json:"load_duration"`
	PromptCount    int   `json:"prompt_eval_count"`
	PromptDuration int64 `json:"prompt_eval_duration"`
	AnswerCount    int   `json:"eval_count"`
	AnswerDuration int64 `json:"eval_duration"`
}

// Ollama makes the result of a request to Ollama's API, in lines or whole.
type Ollama struct {
	asked    *Asked
	reply    *Reply
	logprobs int // tokens whose log-probabilities are out
}

// Ollama begins a result under an id.
func (a *Asked) Ollama(id string) *Ollama { return &Ollama{asked: a, reply: a.Reply(0, id)} }

// Tokens are the lines, one or none, of what the answer has gained.
func (o *Ollama) Tokens(tokens []engine.Token) []OllamaLine {
	var piece string
	var logprobs []engine.Logprob
	for _, t := range tokens {
		piece += t.Text
		if t.Logprob != nil {
			logprobs = append(logprobs, *t.Logprob)
		}
	}
	text, calls := o.reply.Push(piece)
	return o.gained(text, calls, logprobs)
}

// Ended are the last lines of an answer, which has taken so long in all.
func (o *Ollama) Ended(r engine.Result, took time.Duration) []OllamaLine {
	text, calls := o.reply.End()
	var logprobs []engine.Logprob
	if o.asked.request.Logprobs {
		logprobs = r.Logprobs[o.logprobs:]
	}
	return append(o.gained(text, calls, logprobs), o.last("", nil, r, took))
}

// Whole is an answer as one result.
func (o *Ollama) Whole(r engine.Result, took time.Duration) OllamaLine {
	text, calls := o.reply.whole(r.Text)
	line := o.last(text, calls, r, took)
	line.Logprobs = o.ranked(r.Logprobs)
	return line
}

// Loaded is the result of a request that only wants the model to be there.
func (o *OllamaRequest) Loaded(model string) OllamaLine {
	line := lineOf(o.Endpoint == Chat, model, "", nil)
	line.Done, line.DoneReason = true, "load"
	return line
}

func (o *Ollama) gained(text string, calls []ToolCall, logprobs []engine.Logprob) []OllamaLine {
	if text == "" && calls == nil && len(logprobs) == 0 {
		return nil
	}
	line := o.line(text, calls)
	line.Logprobs = o.ranked(logprobs)
	o.logprobs += len(logprobs)
	return []OllamaLine{line}
}

func (o *Ollama) ranked(logprobs []engine.Logprob) []ChatLogprob {
	if !o.asked.request.Logprobs || len(logprobs) == 0 {
		return nil
	}
	return chatLogprobs(o.asked.job.Tokenizer, logprobs, o.asked.request.TopLogprobs).Content
}

func (o *Ollama) last(text string, calls []ToolCall, r engine.Result, took time.Duration) OllamaLine {
	line := o.line(text, calls)
	line.Done, line.DoneReason = true, finish(r)
	line.OllamaTimes = &OllamaTimes{
		Total: took.Nanoseconds(), PromptCount: r.PromptTokens, PromptDuration: r.Prefill.Nanoseconds(),
		AnswerCount: len(r.Tokens), AnswerDuration: r.Decode.Nanoseconds(),
	}
	return line
}

func (o *Ollama) line(text string, calls []ToolCall) OllamaLine {
	line := lineOf(o.asked.request.Endpoint == Chat, o.asked.job.Model, text, calls)
	for i := range calls {
		line.Message.ToolCalls[i].Function.Index = o.reply.calls - len(calls) + i
	}
	return line
}

func lineOf(chat bool, model, text string, calls []ToolCall) OllamaLine {
	line := OllamaLine{Model: model, CreatedAt: time.Now().UTC()}
	if !chat {
		line.Response = &text
		return line
	}
	line.Message = &OllamaMessage{Role: "assistant", Content: text}
	for _, c := range calls {
		call := OllamaToolCall{ID: c.ID}
		call.Function.Name, call.Function.Arguments = c.Function.Name, jsontext.Value(c.Function.Arguments)
		line.Message.ToolCalls = append(line.Message.ToolCalls, call)
	}
	return line
}
