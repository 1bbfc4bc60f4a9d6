package openai

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

// ChatMessage is an answer's text.
type ChatMessage struct {
	Role    string  `json:"role"`
	Content string  `json:"content"`
	Refusal *string `json:"refusal"` // always null
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
