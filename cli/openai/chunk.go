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
	Usage   any               `json:"usage,omitzero"` // nil unless it was asked for: a *Usage, null but in the last chunk
}

// ChatChunkChoice is what an answer gains.
type ChatChunkChoice struct {
	Index        int           `json:"index"`
	Delta        ChatDelta     `json:"delta"`
	Logprobs     *ChatLogprobs `json:"logprobs"`
	FinishReason *string       `json:"finish_reason"` // of its last chunk; else null
}

// ChatDelta is a piece of a message: its role first, then its text and calls.
type ChatDelta struct {
	Role    string  `json:"role,omitzero"`
	Content *string `json:"content,omitzero"`

	ToolCalls []ToolCallDelta `json:"tool_calls,omitzero"`
}

// ToolCallDelta is a call of a tool, each in one piece.
type ToolCallDelta struct {
	Index int `json:"index"` // among the calls of the answer
	ToolCall
}

// TextChunk is a piece of a streamed result of Completion.
type TextChunk struct {
	ID      string            `json:"id"`
	Object  string            `json:"object"`
	Created int64             `json:"created"`
	Model   string            `json:"model"`
	Choices []TextChunkChoice `json:"choices"`
	Usage   any               `json:"usage,omitzero"` // as in ChatChunk
}

// TextChunkChoice is what an answer gains.
type TextChunkChoice struct {
	Index        int           `json:"index"`
	Text         string        `json:"text"`
	Logprobs     *TextLogprobs `json:"logprobs"`
	FinishReason *string       `json:"finish_reason"` // of its last chunk; else null
}

// Stream makes the chunks of a streamed result: those of a choice, put together, say what its part of Asked.Body
// does.
type Stream struct {
	asked   *Asked
	id      string
	choices []streamed
	results []engine.Result // of the choices that have ended
}

// streamed is a choice as far as it was handed out.
type streamed struct {
	begun      bool
	reply      *Reply       // of a chat
	characters int          // of its text
	logprobs   int          // tokens of the answer whose log-probabilities are known
	ranking    *textRanking // of a text with log-probabilities: those that are not handed out
	ended      bool         // and not handed out
}

// Stream begins a result under an id.
func (a *Asked) Stream(id string) *Stream {
	return &Stream{asked: a, id: id, choices: make([]streamed, len(a.Requests)), results: make([]engine.Result, len(a.Requests))}
}

// Tokens are the chunks, if there are any, of what a choice has gained.
func (s *Stream) Tokens(choice int, tokens []engine.Token) (chunks []any) {
	var text string
	var logprobs []engine.Logprob
	for _, t := range tokens {
		text += t.Text
		if t.Logprob != nil {
			logprobs = append(logprobs, *t.Logprob)
		}
	}
	return s.gained(choice, text, logprobs, nil)
}

// Ended are the chunks at the end of a choice, with what Tokens has not shown.
func (s *Stream) Ended(choice int, r engine.Result) (chunks []any) {
	s.results[choice] = r
	if s.whole() {
		return s.wholes(choice)
	}
	c, reason := &s.choices[choice], finish(r)
	return s.gained(choice, "", r.Logprobs[c.logprobs:], &reason)
}

// Usage is the last chunk of a stream that was asked for one; none of another.
func (s *Stream) Usage(results []engine.Result) (chunks []any) {
	if !s.asked.request.IncludeUsage {
		return nil
	}
	usage := s.asked.usage(results, true)
	if s.asked.request.Endpoint == Chat {
		c := s.chat()
		c.Usage = &usage
		return []any{c}
	}
	c := s.text()
	c.Usage = &usage
	return []any{c}
}

// gained are the chunks of a choice's further text and log-probabilities; reason is that of its end, nil while it
// goes on.
func (s *Stream) gained(choice int, text string, logprobs []engine.Logprob, reason *string) []any {
	c, r := &s.choices[choice], s.asked.request
	c.logprobs += len(logprobs)
	if r.Endpoint == Chat {
		return s.chatGained(choice, text, logprobs, reason)
	}
	if s.whole() {
		return nil
	}
	if !c.begun && r.Echo {
		text = echoed(s.asked.job.Tokenizer, s.asked.Requests[choice].Prompt) + text
	}
	if !c.begun && r.Logprobs {
		c.ranking = newTextRanking(s.asked.job.Tokenizer, r.TopLogprobs)
	}
	c.begun = true
	c.characters += utf8.RuneCountInString(text)
	gained := TextChunkChoice{Index: choice, Text: text, FinishReason: reason}
	if c.ranking != nil {
		for _, p := range logprobs {
			c.ranking.add(p)
		}
		n := c.ranking.begun(c.characters) // a stop may still cut the others off
		if reason != nil {
			n = len(c.ranking.Tokens)
		}
		gained.Logprobs = c.ranking.take(n, c.characters)
	}
	if text == "" && gained.Logprobs == nil && reason == nil {
		return nil
	}
	return []any{s.text(gained)}
}

func (s *Stream) chatGained(choice int, text string, logprobs []engine.Logprob, reason *string) (chunks []any) {
	if c := &s.choices[choice]; !c.begun {
		c.begun, c.reply = true, s.asked.Reply(choice, s.id)
		chunks = append(chunks, s.chat(ChatChunkChoice{Index: choice, Delta: ChatDelta{Role: "assistant", Content: new(string)}}))
	}
	gained := ChatChunkChoice{Index: choice, FinishReason: reason}
	reply := s.choices[choice].reply
	text, calls := reply.Push(text)
	if reason != nil {
		rest, more := reply.End()
		text, calls = text+rest, append(calls, more...)
		*reason = reply.word(*reason)
	}
	gained.Delta.ToolCalls = reply.deltas(calls)
	if text != "" || reason == nil && calls == nil {
		gained.Delta.Content = &text
	}
	if len(logprobs) > 0 {
		gained.Logprobs = chatLogprobs(s.asked.job.Tokenizer, logprobs, s.asked.request.TopLogprobs)
	}
	if text == "" && calls == nil && gained.Logprobs == nil && reason == nil {
		return chunks
	}
	return append(chunks, s.chat(gained))
}

// whole is whether a choice comes in one chunk, as the log-probabilities of its prompt are known at its end.
func (s *Stream) whole() bool { return s.asked.request.Echo && s.asked.request.Logprobs }

// wholes are the choices that can be handed out, once one has ended: the first of each prompt has its
// log-probabilities.
func (s *Stream) wholes(ended int) (chunks []any) {
	s.choices[ended].ended = true
	first := s.asked.first(ended)
	if s.results[first].Finish == "" {
		return nil
	}
	for i := first; i < first+s.asked.request.N; i++ {
		if !s.choices[i].ended {
			continue
		}
		s.choices[i].ended = false
		c := s.asked.textChoice(i, s.results[i], s.results)
		chunks = append(chunks, s.text(TextChunkChoice{Index: i, Text: c.Text, Logprobs: c.Logprobs, FinishReason: &c.FinishReason}))
	}
	return chunks
}

func (s *Stream) chat(choices ...ChatChunkChoice) ChatChunk {
	return ChatChunk{
		ID: s.id, Object: "chat.completion.chunk", Created: s.asked.job.Created, Model: s.asked.job.Model, Choices: choices, Usage: s.noUsage(),
	}
}

func (s *Stream) text(choices ...TextChunkChoice) TextChunk {
	return TextChunk{
		ID: s.id, Object: "text_completion", Created: s.asked.job.Created, Model: s.asked.job.Model, Choices: choices, Usage: s.noUsage(),
	}
}

// noUsage is null in the chunks of a stream whose last one has the usage.
func (s *Stream) noUsage() any {
	if s.asked.request.IncludeUsage {
		return (*Usage)(nil)
	}
	return nil
}
