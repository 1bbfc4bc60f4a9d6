package openai

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sealvk/engine"
	"sealvk/tokenize"
)

// ChatLogprobs has an entry for every token of an answer, with the one that ended it.
type ChatLogprobs struct {
	Content []ChatLogprob `json:"content"`
	Refusal *struct{}     `json:"refusal"` // always null
}

// ChatLogprob is a token of an answer and what is known of it.
type ChatLogprob struct {
	TokenLogprob
	TopLogprobs []TokenLogprob `json:"top_logprobs"` // as many as were asked for, the likeliest first
}

// TokenLogprob is a token and the natural logarithm of its probability, -9999 at least.
type TokenLogprob struct {
	Token   string  `json:"token"` // a part of a character as \xe0
	Logprob float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // of the token's text
}

// TextLogprobs has an element in each of its lists for every token of the text, with the one that
// ended it: those of the prompt first if it is echoed.
type TextLogprobs struct {
	Tokens        []string   `json:"tokens"`         // a part of a character as bytes:\xe0
	TokenLogprobs []*float32 `json:"token_logprobs"` // null of a prompt's first
	TopLogprobs   []TokenMap `json:"top_logprobs"`   // an empty one there, as typed clients drop all for a null
	TextOffset    []int      `json:"text_offset"`    // where the token's text begins, in characters
}

// TokenMap is an object of tokens' log-probabilities by their text.
type TokenMap []TokenLogprob

// TokenRanking is vLLM's object of log-probabilities at a position of the prompt by the tokens'
// ids: that of the prompt's own token first, then the likeliest.
type TokenRanking []RankedToken

// RankedToken is an element of a TokenRanking.
type RankedToken struct {
	ID      int32   `json:"-"`
	Logprob float32 `json:"logprob"`
	Rank    int     `json:"rank,omitzero"` // from 1; 0: not known, as it is of the likeliest only
	Token   string  `json:"decoded_token"`
}

// MarshalJSONTo writes the object.
func (m TokenMap) MarshalJSONTo(e *jsontext.Encoder) error {
	return marshalObject(e, m, func(t TokenLogprob) (string, any) { return t.Token, t.Logprob })
}

// MarshalJSONTo writes the object.
func (r TokenRanking) MarshalJSONTo(e *jsontext.Encoder) error {
	return marshalObject(e, r, func(t RankedToken) (string, any) { return strconv.Itoa(int(t.ID)), t })
}

// marshalObject writes a list as an object, in its order.
func marshalObject[T any](e *jsontext.Encoder, list []T, member func(T) (name string, value any)) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, t := range list {
		name, value := member(t)
		if err := e.WriteToken(jsontext.String(name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(e, value); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// least stands for the logarithm of 0, which JSON cannot write.
const least = -9999

// tokenLogprob is a token's; parts stands in front of the bytes of one that is no text by itself.
func tokenLogprob(tok *tokenize.Tokenizer, id int32, logprob float32, parts string) TokenLogprob {
	b := tok.Bytes(id)
	t := TokenLogprob{Token: string(b), Logprob: least, Bytes: make([]int, len(b))}
	if logprob > least {
		t.Logprob = logprob
	}
	for i := range b {
		t.Bytes[i] = int(b[i])
	}
	if !utf8.Valid(b) {
		t.Token = parts
		for i := range b {
			t.Token += fmt.Sprintf(`\x%02x`, b[i])
		}
	}
	return t
}

// chatLogprobs are those of an answer, with so many of the likeliest.
func chatLogprobs(tok *tokenize.Tokenizer, list []engine.Logprob, top int) *ChatLogprobs {
	l := &ChatLogprobs{Content: make([]ChatLogprob, len(list))}
	for i, p := range list {
		c := ChatLogprob{tokenLogprob(tok, p.ID, p.Value, ""), []TokenLogprob{}}
		for _, likely := range p.Likeliest[:min(top, len(p.Likeliest))] {
			c.TopLogprobs = append(c.TopLogprobs, tokenLogprob(tok, likely.ID, likely.Value, ""))
		}
		l.Content[i] = c
	}
	return l
}

// textParts is what OpenAI's completions have in front of bytes.
const textParts = "bytes:"

// textLogprobs are those of a text of so many characters: of the tokens of a prompt, none unless
// it is echoed, and of the answer's.
func textLogprobs(tok *tokenize.Tokenizer, prompt []int32, ofPrompt, ofAnswer []engine.Logprob, top, characters int) *TextLogprobs {
	t := newTextRanking(tok, top)
	for i, id := range prompt {
		t.place(id, i > 0 || id != tok.BOS())
		if i == 0 {
			t.TokenLogprobs, t.TopLogprobs = append(t.TokenLogprobs, nil), append(t.TopLogprobs, TokenMap{})
			continue
		}
		t.rank(ofPrompt[i-1])
	}
	for _, p := range ofAnswer {
		t.add(p)
	}
	if l := t.take(len(t.Tokens), characters); l != nil {
		return l
	}
	return &TextLogprobs{}
}

// textRanking makes the lists of a text, token by token.
type textRanking struct {
	TextLogprobs // that were not taken
	tok          *tokenize.Tokenizer
	stream       *tokenize.Stream
	top, offset  int
}

func newTextRanking(tok *tokenize.Tokenizer, top int) *textRanking {
	return &textRanking{tok: tok, stream: tok.NewStream(), top: top}
}

// add takes the next token of an answer.
func (t *textRanking) add(p engine.Logprob) {
	t.place(p.ID, true)
	t.rank(p)
}

// place notes a token and where its text begins.
func (t *textRanking) place(id int32, shown bool) {
	t.Tokens = append(t.Tokens, tokenLogprob(t.tok, id, 0, textParts).Token)
	begin := t.offset
	if shown {
		t.offset += utf8.RuneCountInString(t.stream.Push(id))
		if text := t.tok.Bytes(id); utf8.Valid(text) { // what was left of a character came out in front of it
			begin = t.offset - utf8.RuneCount(text)
		}
	}
	t.TextOffset = append(t.TextOffset, begin)
}

func (t *textRanking) rank(p engine.Logprob) {
	own := tokenLogprob(t.tok, p.ID, p.Value, textParts)
	t.TokenLogprobs = append(t.TokenLogprobs, &own.Logprob)
	t.TopLogprobs = append(t.TopLogprobs, tokenMap(t.tok, own, p.Likeliest[:min(t.top, len(p.Likeliest))]))
}

// begun is how many tokens have text within the first characters.
func (t *textRanking) begun(characters int) int {
	if i := slices.IndexFunc(t.TextOffset, func(begin int) bool { return begin >= characters }); i >= 0 {
		return i
	}
	return len(t.Tokens)
}

// take takes the first n tokens out, of a text of so many characters; nil if there are none.
func (t *textRanking) take(n, characters int) *TextLogprobs {
	if n == 0 {
		return nil
	}
	l := t.TextLogprobs
	t.TextLogprobs = TextLogprobs{l.Tokens[n:], l.TokenLogprobs[n:], l.TopLogprobs[n:], l.TextOffset[n:]}
	l = TextLogprobs{l.Tokens[:n:n], l.TokenLogprobs[:n:n], l.TopLogprobs[:n:n], l.TextOffset[:n:n]}
	for i := range l.TextOffset {
		l.TextOffset[i] = min(l.TextOffset[i], characters)
	}
	return &l
}

// tokenMap has the likeliest tokens and the one that stands there. Two of the same text, such as a
// letter and its byte, are one: the one that stands there, or else the likelier.
func tokenMap(tok *tokenize.Tokenizer, there TokenLogprob, likeliest []engine.Likely) (m TokenMap) {
	for _, likely := range likeliest {
		t := tokenLogprob(tok, likely.ID, likely.Value, textParts)
		if t.Token == there.Token {
			t = there
		}
		if !slices.ContainsFunc(m, func(other TokenLogprob) bool { return other.Token == t.Token }) {
			m = append(m, t)
		}
	}
	if !slices.ContainsFunc(m, func(other TokenLogprob) bool { return other.Token == there.Token }) {
		m = append(m, there)
	}
	return m
}

// rankings are those of a prompt's tokens, nil of the first.
func rankings(tok *tokenize.Tokenizer, list []engine.Logprob, top int) []*TokenRanking {
	all := make([]*TokenRanking, 1, len(list)+1)
	for _, p := range list {
		ranked := func(id int32, logprob float32, rank int) RankedToken {
			t := tokenLogprob(tok, id, logprob, "")
			return RankedToken{ID: id, Logprob: t.Logprob, Rank: rank, Token: t.Token}
		}
		r := TokenRanking{ranked(p.ID, p.Value, 0)}
		if p.Greedy {
			r[0].Rank = 1
		}
		for i, likely := range p.Likeliest {
			switch {
			case likely.ID == p.ID && !p.Greedy:
				r[0].Rank = i + 1
			case likely.ID == p.ID:
			case i < top:
				r = append(r, ranked(likely.ID, likely.Value, i+1))
			}
		}
		all = append(all, &r)
	}
	return all
}

// echoed is a prompt as text, without its bos.
func echoed(tok *tokenize.Tokenizer, ids []int32) string {
	if len(ids) > 0 && ids[0] == tok.BOS() {
		ids = ids[1:]
	}
	var b strings.Builder
	stream := tok.NewStream()
	for _, id := range ids {
		b.WriteString(stream.Push(id))
	}
	b.WriteString(stream.Flush())
	return b.String()
}
