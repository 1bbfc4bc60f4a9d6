package openai

// ChatLogprobs has an entry for every token of an answer, with the one that ended it.
type ChatLogprobs struct {
	Content []ChatLogprob `json:"content"`
	Refusal []ChatLogprob `json:"refusal"` // always null
}

// ChatLogprob is a token of an answer and what is known of it.
type ChatLogprob struct {
	TokenLogprob
	TopLogprobs []TokenLogprob `json:"top_logprobs"` // as many as were asked for, the likeliest first
}

// TokenLogprob is a token and the natural logarithm of its probability, -9999 at least.
type TokenLogprob struct {
	Token   string  `json:"token"` // a part of a character as \xe0\xb8
	Logprob float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // of the token's text
}

// TextLogprobs has an element in each of its lists for every token of the text: those of the
// prompt first if it is echoed.
type TextLogprobs struct {
	Tokens        []string    `json:"tokens"`         // a part of a character as bytes:\xe0\xb8
	TokenLogprobs []*float32  `json:"token_logprobs"` // null of a prompt's first
	TopLogprobs   []*TokenMap `json:"top_logprobs"`   // null likewise
	TextOffset    []int       `json:"text_offset"`    // of its token in the text, in characters
}

// TokenMap gives tokens' log-probabilities by their text, the likeliest first.
type TokenMap []TokenLogprob

// TokenRanking gives the log-probabilities at a position of the prompt by their ids: that of its
// token first, then the likeliest.
type TokenRanking []RankedToken

// RankedToken is an element of vLLM's prompt_logprobs.
type RankedToken struct {
	ID      int32   `json:"-"`
	Logprob float32 `json:"logprob"`
	Rank    int     `json:"rank,omitzero"` // from 1; 0: not known, as it is only of the likeliest
	Token   string  `json:"decoded_token"`
}
