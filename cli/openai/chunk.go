package openai

import (
	"unicode/utf8"

	"sealvk/engine"
)

// ChatChunk is a piece of a streamed result of Chat, OpenAI's chat.completion.chunk.
type ChatChunk struct {
	ID      string            `json:"id"`
	Object  string            `json:"object"`
	Created int64             `json:"created"`
	Model   string            `json:"model"`
	Choices []ChatChunkChoice `json:"choices"`
	Usage   *Usage            `json:"usage"` // of the last chunk, where it was asked for; else null
}

// ChatChunkChoice is what an answer gains.
type ChatChunkChoice struct {
	Index        int           `json:"index"`
	Delta        ChatDelta     `json:"delta"`
	Logprobs     *ChatLogprobs `json:"logprobs"`
	FinishReason *string       `json:"finish_reason"` // of its last chunk; else null
}

// ChatDelta is a piece of a message: its role first, then its text.
type ChatDelta struct {
	Role    string  `json:"role,omitzero"`
	Content *string `json:"content,omitzero"`
}

// TextChunk is a piece of a streamed result of Completion.
type TextChunk struct {
	ID      string            `json:"id"`
	Object  string            `json:"object"`
	Created int64             `json:"created"`
	Model   string            `json:"model"`
	Choices []TextChunkChoice `json:"choices"`
	Usage   *Usage            `json:"usage"` // as in ChatChunk
}

// TextChunkChoice is what an answer gains.
type TextChunkChoice struct {
	Index        int           `json:"index"`
	Text         string        `json:"text"`
	Logprobs     *TextLogprobs `json:"logprobs"`
	FinishReason *string       `json:"finish_reason"` // of its last chunk; else null
}

// Stream makes the chunks of a streamed result: those of a choice together say what its part of Asked.Body does.
type Stream struct {
	asked   *Asked
	id      string
	choices []streamed
}

// streamed is a choice as far as it was handed out.
type streamed struct {
	begun    bool
	logprobs int          // tokens whose log-probabilities are out
	text     *textRanking // of a text completion with log-probabilities
}

type textRanking struct{}

// Stream begins a result under an id.
func (a *Asked) Stream(id string) *Stream {
	return &Stream{asked: a, id: id, choices: make([]streamed, len(a.Requests))}
}

// Tokens are the chunks, none or several, of what a choice has gained.
func (s *Stream) Tokens(choice int, tokens []engine.Token) (chunks []any) {
	return nil
}

// Ended are the chunks at the end of a choice, with what Tokens has left.
func (s *Stream) Ended(choice int, r engine.Result) (chunks []any) {
	return nil
}

// Usage is the last chunk of a stream that was asked for one; none of another.
func (s *Stream) Usage(results []engine.Result) (chunks []any) {
	_ = utf8.RuneCountInString
	return nil
}
