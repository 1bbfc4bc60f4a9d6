package tokenize

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Tokenizer encodes and decodes with one vocabulary. It is immutable and safe
// for concurrent use.
type Tokenizer struct {
	vocab   Vocab
	ids     map[string]int32 // text → id of every piece
	bytes   [256]int32       // byte → id of its piece
	chars   chars            // where merging starts
	loose   []string         // characters inside pieces that are no piece, symbols len(Pieces) on
	pairs   pairs            // what merging does
	joins   joins            // where it cannot go
	plain   fixed            // pieces found whole in any text
	special fixed            // these and the special ones
	whole   bool             // unused pieces exist: see encodeWhole
	scratch sync.Pool
}

// fixed are pieces that are found whole, before anything is merged.
type fixed struct {
	raw  *trie // in the text as it is; they go first
	text *trie // in what is left, where a blank is U+2581
}

func newFixed() fixed { return fixed{newTrie(false), newTrie(true)} }

// New makes a tokenizer of v by SentencePiece's rules and keeps v.Pieces, which
// must not change any more. The vocabulary must have exactly one unknown piece
// and all 256 byte pieces, no piece twice, finite scores and valid UTF-8.
func New(v Vocab) (*Tokenizer, error) {
	t, err := build(v)
	if err != nil {
		return nil, fmt.Errorf("tokenize: %w", err)
	}
	return t, nil
}

func build(v Vocab) (*Tokenizer, error) {
	t, err := newTokenizer(v, make(map[string]int32, len(v.Pieces)))
	if err != nil {
		return nil, err
	}
	for i, p := range v.Pieces {
		if t.ids[p.Text] = int32(i); len(t.ids) != i+1 {
			return nil, t.duplicate(int32(i))
		}
	}
	for i, p := range v.Pieces {
		switch {
		case p.Kind == Control, p.Kind == Unknown, p.Kind == UserDefined && !strings.Contains(p.Text, " "): // no text has a blank left
			t.fix(addedToken{ID: int32(i), Content: p.Text, Normalized: p.Kind == UserDefined})
		}
	}
	t.learnPieces()
	return t, nil
}

// newTokenizer makes a tokenizer that knows its pieces by id and no merges yet.
func newTokenizer(v Vocab, ids map[string]int32) (*Tokenizer, error) {
	if err := checkVocab(&v); err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, ids: ids, joins: newJoins(len(v.Pieces)), plain: newFixed(), special: newFixed()}
	for i := range t.bytes {
		t.bytes[i] = -1
	}
	for i, p := range v.Pieces {
		if p.Kind == Byte {
			b, _ := byteValue(p.Text)
			if t.bytes[b] >= 0 {
				return nil, t.duplicate(int32(i))
			}
			t.bytes[b] = int32(i)
		}
	}
	for b, id := range t.bytes {
		if id < 0 {
			return nil, fmt.Errorf("byte piece <0x%02X> is missing", b)
		}
	}
	t.scratch.New = func() any { return new(scratch) }
	return t, nil
}

// duplicate names two pieces of the same text as id's.
func (t *Tokenizer) duplicate(id int32) error {
	text := t.vocab.Pieces[id].Text
	for i, p := range t.vocab.Pieces {
		if p.Text == text && int32(i) != id {
			return fmt.Errorf("pieces %d and %d have the same text %q", min(int32(i), id), max(int32(i), id), text)
		}
	}
	return fmt.Errorf("piece %d (%q) exists twice", id, text)
}

// BOS returns the id that begins a sequence, -1 if there is none.
func (t *Tokenizer) BOS() int32 { return t.vocab.BOS }

// EOS returns the id that ends a sequence, -1 if there is none.
func (t *Tokenizer) EOS() int32 { return t.vocab.EOS }

// UNK returns the id of the unknown piece.
func (t *Tokenizer) UNK() int32 { return t.vocab.UNK }

// Size returns the number of pieces; ids run from 0 to Size()-1.
func (t *Tokenizer) Size() int { return len(t.vocab.Pieces) }

// Piece returns the piece of an id, which must be inside the vocabulary.
func (t *Tokenizer) Piece(id int32) Piece { return t.vocab.Pieces[id] }

// ID returns the id of the piece with exactly this text (U+2581 for blanks).
func (t *Tokenizer) ID(text string) (int32, bool) {
	id, ok := t.ids[text]
	return id, ok
}

// SpecialAt returns the longest control or unknown piece whose literal text the
// text begins with, and its length in bytes; -1 and 0 if there is none.
func (t *Tokenizer) SpecialAt(text string) (id int32, n int) {
	id = -1
	for _, set := range []*trie{t.special.raw, t.special.text} {
		i, m := set.longest(text)
		if m > n && (t.vocab.Pieces[i].Kind == Control || t.vocab.Pieces[i].Kind == Unknown) {
			id, n = i, m
		}
	}
	return id, n
}

// Vocab returns the vocabulary; its pieces must not be changed, but they may be
// appended to. From a tokenizer.json it has scores that stand for the order of
// the merges, so that it can be written to a GGUF file: New makes a tokenizer
// of it that gives the same ids if each piece is merged from whatever parts it
// has, earlier pieces first, as the merges of a SentencePiece model are.
func (t *Tokenizer) Vocab() Vocab {
	v := t.vocab
	v.Pieces = slices.Clip(v.Pieces)
	return v
}
