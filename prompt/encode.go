package prompt

import (
	"slices"
	"strings"
	"unicode/utf8"

	"sealvk/tokenize"
)

// Encode returns the ids of a conversation: one bos, the turns and, with
// addGenerationPrompt, the head of the assistant's turn. Plain text between
// control pieces is encoded as one string, as the reference does. No message
// or role yields a control piece, or a piece that is a marker of any format;
// their literal text is spelled out.
func (t Template) Encode(tok *tokenize.Tokenizer, msgs []Message, addGenerationPrompt bool) ([]int32, error) {
	parts, err := t.render(tok, msgs, addGenerationPrompt)
	if err != nil {
		return nil, err
	}
	return encodeParts(tok, parts, false), nil
}

// EncodeSpecial is Encode, but the literal text of control pieces and markers
// within messages becomes those pieces, as with Hugging Face's
// apply_chat_template. It is for texts that one trusts.
func (t Template) EncodeSpecial(tok *tokenize.Tokenizer, msgs []Message, addGenerationPrompt bool) ([]int32, error) {
	parts, err := t.render(tok, msgs, addGenerationPrompt)
	if err != nil {
		return nil, err
	}
	if len(parts) > 1 && parts[1].id < 0 { // a message may come first and spell bos: there is one already
		for strings.HasPrefix(parts[1].text, parts[0].text) {
			parts[1].text = parts[1].text[len(parts[0].text):]
		}
	}
	return encodeParts(tok, parts, true), nil
}

func encodeParts(tok *tokenize.Tokenizer, parts []part, special bool) (ids []int32) {
	var guarded []string
	if !special {
		guarded = guards(tok)
	}
	var plain strings.Builder
	flush := func() {
		ids = encodePlain(tok, ids, plain.String(), special, guarded)
		plain.Reset()
	}
	for _, p := range parts {
		if p.id < 0 {
			plain.WriteString(p.text)
			continue
		}
		flush()
		ids = append(ids, p.id)
	}
	flush()
	return ids
}

// Text returns the conversation as one string, pieces spelled out, for display.
func (t Template) Text(tok *tokenize.Tokenizer, msgs []Message, addGenerationPrompt bool) (string, error) {
	parts, err := t.render(tok, msgs, addGenerationPrompt)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.text)
	}
	return b.String(), nil
}

// Raw returns one bos and the ids of text, without a template. A literal bos at
// the start of text is taken for that one bos; with parseSpecial all control
// pieces are parsed, and further ones at the start are dropped too. A
// vocabulary without bos gives the text alone.
func Raw(tok *tokenize.Tokenizer, text string, parseSpecial bool) []int32 {
	bos := tok.BOS()
	if bos < 0 {
		return tok.Encode(nil, text, parseSpecial)
	}
	literal := tok.Piece(bos).Text
	text = strings.TrimPrefix(text, literal)
	var guarded []string
	if parseSpecial {
		for strings.HasPrefix(text, literal) {
			text = text[len(literal):]
		}
	} else {
		guarded = userDefined(tok, bos, tok.EOS())
	}
	return encodePlain(tok, []int32{bos}, text, parseSpecial, guarded)
}

// guards returns what plain text could become by itself because the vocabulary
// has it as a user-defined piece: bos, eos, and the markers of all formats, as
// a model may know more of them than the one it is used with.
func guards(tok *tokenize.Tokenizer) []string {
	ids := []int32{tok.BOS(), tok.EOS()}
	for _, m := range append([]string{imStart, imEnd, turnStart, turnEnd}, turnEnds[:]...) {
		if id, ok := marker(tok, m); ok {
			ids = append(ids, id)
		}
	}
	return userDefined(tok, ids...)
}

// userDefined returns the text of those ids that are user-defined pieces.
func userDefined(tok *tokenize.Tokenizer, ids ...int32) (texts []string) {
	for _, id := range ids {
		if id >= 0 && tok.Piece(id).Kind == tokenize.UserDefined {
			texts = append(texts, tok.Piece(id).Text)
		}
	}
	return texts
}

// index is strings.Index; a test counts the bytes that it looks at.
var index = strings.Index

// encodePlain appends the ids of text. Each occurrence of a guard is cut after
// its first character and the parts are encoded on their own, so that no part
// holds a guard.
func encodePlain(tok *tokenize.Tokenizer, ids []int32, text string, special bool, guards []string) []int32 {
	// Where the next occurrence of each guard is, looked for again only once
	// it is passed, so that the time is linear in the text.
	next := slices.Repeat([]int{-1}, len(guards))
	done := 0
	for done < len(text) {
		cut := len(text)
		for i, g := range guards {
			if next[i] < done {
				next[i] = len(text)
				if n := index(text[done:], g); n >= 0 {
					next[i] = done + n
				}
			}
			if next[i] < len(text) {
				_, n := utf8.DecodeRuneInString(g)
				cut = min(cut, next[i]+n)
			}
		}
		ids = tok.Encode(ids, text[done:cut], special)
		done = cut
	}
	return ids
}

// part is plain text, or a piece and its text.
type part struct {
	text string
	id   int32 // -1: plain text
}
