package openai

import (
	"unicode/utf8"

	"sealvk/engine"
)

// ChatBody is the result of a request to Chat, OpenAI's chat.completion.
type ChatBody struct {
	ID             string          `json:"id"`
	Object         string          `json:"object"`
	Created        int64           `json:"created"`
	Model          string          `json:"model"`
	Choices        []ChatChoice    `json:"choices"`
	Usage          Usage           `json:"usage"`
	PromptLogprobs []*TokenRanking `json:"prompt_logprobs,omitzero"` // vLLM's
}

// ChatChoice is one answer.
type ChatChoice struct {
	Index        int           `json:"index"`
	Message      ChatMessage   `json:"message"`
	Logprobs     *ChatLogprobs `json:"logprobs"`
	FinishReason string        `json:"finish_reason"`
}

// ChatMessage is an answer's text, and its calls of tools.
type ChatMessage struct {
	Role      string     `json:"role"`
	Content   string     `json:"content"`
	Refusal   *string    `json:"refusal"` // always null
	ToolCalls []ToolCall `json:"tool_calls,omitzero"`
}

// TextBody is the result of a request to Completion, OpenAI's text_completion.
type TextBody struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []TextChoice `json:"choices"`
	Usage   Usage        `json:"usage"`
}

// TextChoice is one answer; those of the first prompt come first.
type TextChoice struct {
	Index          int             `json:"index"`
	Text           string          `json:"text"`
	Logprobs       *TextLogprobs   `json:"logprobs"`
	FinishReason   string          `json:"finish_reason"`
	PromptLogprobs []*TokenRanking `json:"prompt_logprobs,omitzero"` // vLLM's
}

// Usage counts a request's tokens; each prompt counts once, however many choices it has.
type Usage struct {
	PromptTokens        int            `json:"prompt_tokens"`
	CompletionTokens    int            `json:"completion_tokens"`
	TotalTokens         int            `json:"total_tokens"`
	PromptTokensDetails *PromptDetails `json:"prompt_tokens_details,omitzero"`
}

// PromptDetails tells how many of the prompts' tokens had been computed before, which depends on
// the company that a request is in.
type PromptDetails struct {
	CachedTokens int `json:"cached_tokens"`
}

// ErrorBody is what a server says of a request that it refuses.
type ErrorBody struct {
	Error Error `json:"error"`
}

// Error is OpenAI's error object.
type Error struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"` // the field's path
	Code    *string `json:"code"`
}

// BatchLine is OpenAI's line of output for a batch line.
type BatchLine struct {
	ID       string         `json:"id"`
	CustomID string         `json:"custom_id"`
	Response *BatchResponse `json:"response"`
	Error    *Error         `json:"error"`
}

// BatchResponse holds what a server would have answered: a ChatBody, a TextBody or an ErrorBody.
type BatchResponse struct {
	StatusCode int    `json:"status_code"`
	RequestID  string `json:"request_id"`
	Body       any    `json:"body"`
}

// Body is a server's result under an id: a ChatBody for Chat, else a TextBody. cached is whether
// its usage tells how many tokens had been computed before. No result may have an Err.
func (a *Asked) Body(id string, results []engine.Result, cached bool) any {
	if a.request.Endpoint != Chat {
		b := TextBody{ID: id, Object: "text_completion", Created: a.job.Created, Model: a.job.Model, Usage: a.usage(results, cached)}
		for i, r := range results {
			b.Choices = append(b.Choices, a.textChoice(i, r, results))
		}
		return b
	}
	b := ChatBody{
		ID: id, Object: "chat.completion", Created: a.job.Created, Model: a.job.Model, Usage: a.usage(results, cached),
		PromptLogprobs: a.ofPrompt(0, results),
	}
	for i, r := range results {
		reply := a.Reply(i, id)
		text, calls := reply.whole(r.Text)
		c := ChatChoice{Index: i, Message: ChatMessage{Role: "assistant", Content: text, ToolCalls: calls}, FinishReason: reply.finish(r)}
		if a.request.Logprobs {
			c.Logprobs = chatLogprobs(a.job.Tokenizer, r.Logprobs, a.request.TopLogprobs)
		}
		b.Choices = append(b.Choices, c)
	}
	return b
}

func (a *Asked) textChoice(i int, r engine.Result, results []engine.Result) TextChoice {
	c := TextChoice{Index: i, Text: a.text(i, r), FinishReason: finish(r), PromptLogprobs: a.ofPrompt(i, results)}
	if !a.request.Logprobs {
		return c
	}
	var prompt []int32
	if a.request.Echo {
		prompt = a.Requests[i].Prompt
	}
	c.Logprobs = textLogprobs(a.job.Tokenizer, prompt, results[a.first(i)].PromptLogprobs, r.Logprobs,
		a.request.TopLogprobs, utf8.RuneCountInString(c.Text))
	return c
}

// text is an answer's, behind its prompt's if that is echoed.
func (a *Asked) text(i int, r engine.Result) string {
	if a.request.Echo {
		return echoed(a.job.Tokenizer, a.Requests[i].Prompt) + r.Text
	}
	return r.Text
}

// first is the first choice of the same prompt, which has the prompt's log-probabilities.
func (a *Asked) first(i int) int { return i - i%a.request.N }

// ofPrompt are the log-probabilities of a choice's prompt; nil unless they are wanted by name.
func (a *Asked) ofPrompt(i int, results []engine.Result) []*TokenRanking {
	if a.request.PromptLogprobs == nil {
		return nil
	}
	return rankings(a.job.Tokenizer, results[a.first(i)].PromptLogprobs, *a.request.PromptLogprobs)
}

// finish is OpenAI's word; a full context is a length.
func finish(r engine.Result) string {
	if r.Finish == engine.FinishStop {
		return "stop"
	}
	return "length"
}

func (a *Asked) usage(results []engine.Result, cached bool) Usage {
	var u Usage
	if cached {
		u.PromptTokensDetails = &PromptDetails{}
	}
	for i, r := range results {
		u.CompletionTokens += len(r.Tokens)
		if i == a.first(i) {
			u.PromptTokens += len(a.Requests[i].Prompt)
			if cached {
				u.PromptTokensDetails.CachedTokens += r.CachedTokens
			}
		}
	}
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	return u
}
