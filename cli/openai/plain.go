package openai

// Plain is the line of output for a line that is not a batch line.
type Plain struct {
	Index        int64          `json:"index"`
	Hash         string         `json:"hash"`
	Columns      []Column       `json:"columns,omitzero"` // encoded as an object
	*PlainAnswer                // of a request for one
	Choices      []*PlainAnswer `json:"choices,omitzero"` // of one for several
	Error        string         `json:"error,omitzero"`   // then there is no answer
}

// PlainAnswer is one answer.
type PlainAnswer struct {
	Text             string          `json:"text"`
	FinishReason     string          `json:"finish_reason"` // stop or length
	PromptTokens     int             `json:"prompt_tokens"`
	CompletionTokens int             `json:"completion_tokens"`
	Seed             *uint64         `json:"seed,omitzero"` // that gives the same answer again; nil: nothing was drawn
	Logprobs         *ChatLogprobs   `json:"logprobs,omitzero"`
	PromptLogprobs   []*TokenRanking `json:"prompt_logprobs,omitzero"`
}
