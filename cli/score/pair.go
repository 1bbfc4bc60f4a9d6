package score

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sealvk/prompt"
	"sealvk/tokenize"
)

// Pair is a prompt and its continuation as ids.
type Pair struct {
	IDs   []int32 // of both
	First int     // the continuation's first of IDs, at least 1

	Bytes, Characters int // of the continuation's text
}

// ErrNoToken is a continuation that begins behind the last id.
var ErrNoToken = errors.New("score: the continuation has no token of its own behind the prompt's")

// Split encodes prompt and continuation as one text, with bos in front where the vocabulary has one, and
// counts as the prompt as many ids as the prompt alone gives: as lm-evaluation-harness does. Blanks and
// line breaks that end the prompt are encoded with the continuation, since they are part of its first token
// in most vocabularies. special is as in [prompt.Raw].
func Split(tok *tokenize.Tokenizer, text, continuation string, special bool) (Pair, error) {
	kept := strings.TrimRightFunc(text, blank)
	first := len(prompt.Raw(tok, kept, special))
	return newPair(prompt.Raw(tok, text+continuation, special), first, continuation)
}

// Append is a pair whose prompt is ids, behind which the continuation is encoded alone.
func Append(tok *tokenize.Tokenizer, ids []int32, continuation string, special bool) (Pair, error) {
	return newPair(tok.Encode(slices.Clone(ids), continuation, special), len(ids), continuation)
}

// Join is a pair of ids. Control tokens have no text.
func Join(tok *tokenize.Tokenizer, ids, continuation []int32) (Pair, error) {
	text, err := tok.Decode(slices.DeleteFunc(slices.Clone(continuation), func(id int32) bool {
		return tok.Piece(id).Kind == tokenize.Control
	}))
	if err != nil {
		return Pair{}, err
	}
	return newPair(slices.Concat(ids, continuation), len(ids), text)
}

func newPair(ids []int32, first int, continuation string) (Pair, error) {
	switch {
	case first == len(ids) && continuation == "":
		return Pair{}, errors.New("score: the continuation is empty")
	case first == 0:
		return Pair{}, errors.New("score: the prompt has no ids: want at least one, such as <bos>, behind which a token has a probability")
	case first >= len(ids):
		return Pair{}, ErrNoToken
	}
	return Pair{ids, first, len(continuation), utf8.RuneCountInString(continuation)}, nil
}

// blank is what Python's str.rstrip takes away.
func blank(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
