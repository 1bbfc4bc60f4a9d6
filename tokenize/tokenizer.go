package tokenize

import (
	"fmt"
	"math"
	"sync"
	"unicode/utf8"
)

// Tokenizer encodes and decodes with one vocabulary. It is immutable and safe
// for concurrent use.
type Tokenizer struct {
	vocab    Vocab
	merges   map[string]int32 // text → id of the pieces that merging can reach
	priority []uint32         // id → merge order, lower first
	bytes    [256]int32       // byte → id of its piece
	user     *trie            // user-defined pieces
	special  *trie            // control and unknown pieces
	ids      map[string]int32 // text → id of all other pieces
	joins    joins
	longest  int  // bytes of the longest piece in merges
	whole    bool // unused pieces exist: see encodeText
	scratch  sync.Pool
}

// New makes a tokenizer of v and keeps v.Pieces, which must not change any
// more. The vocabulary must have exactly one unknown piece and all 256 byte
// pieces, no piece twice, finite scores and valid UTF-8.
func New(v Vocab) (*Tokenizer, error) {
	t, err := build(v)
	if err != nil {
		return nil, fmt.Errorf("tokenize: %w", err)
	}
	return t, nil
}

func build(v Vocab) (*Tokenizer, error) {
	if err := checkVocab(&v); err != nil {
		return nil, err
	}
	t := &Tokenizer{
		vocab:    v,
		merges:   make(map[string]int32, len(v.Pieces)),
		priority: make([]uint32, len(v.Pieces)),
		user:     newTrie(),
		special:  newTrie(),
		ids:      make(map[string]int32),
		joins:    newJoins(len(v.Pieces)),
	}
	for i := range t.bytes {
		t.bytes[i] = -1
	}
	for i, p := range v.Pieces {
		id := int32(i)
		t.priority[i] = priority(p.Score)
		known := t.ids
		switch p.Kind {
		case Normal, Unused:
			known = t.merges
			t.longest = max(t.longest, len(p.Text))
			t.joins.add(p.Text)
			t.whole = t.whole || p.Kind == Unused
		case UserDefined:
			t.user.add(p.Text, id)
		case Control, Unknown:
			t.special.add(p.Text, id)
		case Byte:
			b, _ := byteValue(p.Text)
			t.bytes[b] = id
		}
		n := len(known)
		known[p.Text] = id
		if len(known) == n {
			return nil, t.duplicate(id)
		}
	}
	for text, id := range t.ids {
		if _, ok := t.merges[text]; ok {
			return nil, t.duplicate(id)
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

// priority maps finite scores to integers that sort the other way round:
// the highest score gets the lowest number, equal scores (also 0 and -0) the
// same.
func priority(score float32) uint32 {
	b := math.Float32bits(score + 0)
	if b>>31 != 0 {
		return b // negative: larger magnitude, later
	}
	return math.MaxInt32 - b
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
	if id, ok := t.merges[text]; ok {
		return id, true
	}
	id, ok := t.ids[text]
	return id, ok
}

// joins is a set of pairs of neighbouring characters, kept as a bit set over
// their hashes: the pairs that occur inside some piece. Merging can never
// cross a pair that is not in it, so text can be cut there, which keeps runs
// as short as words. A false positive only costs a cut.
type joins struct {
	bits  []uint64
	shift uint
}

// newJoins sizes the set to about 16 bits a piece, enough for a few per cent
// of false positives with Gemma's vocabulary.
func newJoins(pieces int) joins {
	log := uint(10)
	for 1<<log < pieces*16 {
		log++
	}
	return joins{bits: make([]uint64, 1<<log/64), shift: 64 - log}
}

// at returns the word and the mask of a pair's bit.
func (j *joins) at(a, b rune) (word uint64, mask uint64) {
	// Fibonacci hashing (Knuth, TAOCP vol. 3, 6.4) of the two characters.
	h := (uint64(a)<<21 | uint64(b)) * 0x9E3779B97F4A7C15 >> j.shift
	return h >> 6, 1 << (h & 63)
}

func (j *joins) add(text string) {
	prev, n := utf8.DecodeRuneInString(text)
	for _, r := range text[n:] {
		w, m := j.at(prev, r)
		j.bits[w] |= m
		prev = r
	}
}

func (j *joins) has(a, b rune) bool {
	w, m := j.at(a, b)
	return j.bits[w]&m != 0
}
