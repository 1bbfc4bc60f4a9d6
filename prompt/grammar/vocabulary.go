package grammar

import (
	"cmp"
	"slices"
	"sync"
	"unicode/utf8"

	"sealvk/tokenize"
)

// Vocabulary is the text of a tokenizer's tokens, ordered so that those that go
// on alike are looked at once. It is safe for concurrent use.
type Vocabulary struct {
	tok     *tokenize.Tokenizer
	symbols []rune     // the characters of tokens
	trie    []trieNode // in order of texts, and one behind the last
	ids     []int32    // tokens in the order of trie
	lengths []uint8    // id → characters, at most longToken+1
	depth   int        // characters of the longest token
	ragged  []ragged

	mu   sync.Mutex
	runs map[string]*run
}

// trieNode is the texts that begin with one; those behind it, longer by a
// character and more, come directly after it.
type trieNode struct {
	symbol int32 // its last character
	depth  int32 // characters in front of that
	end    int32 // where other texts begin
	token  int32 // index of its first token; the next node's is behind its last
}

// ragged is a token that is not made of whole characters: a byte piece of more
// than ASCII.
type ragged struct {
	id   int32
	text []byte
}

// NewVocabulary orders the tokens of tok; it is made once for a model. Control
// pieces and the unknown piece have no text, and are in no grammar.
func NewVocabulary(tok *tokenize.Tokenizer) *Vocabulary {
	v := &Vocabulary{tok: tok, runs: map[string]*run{}, lengths: make([]uint8, tok.Size())}
	type entry struct {
		text string
		id   int32
	}
	var entries []entry
	known := map[rune]int32{}
	for id := range int32(tok.Size()) {
		text := v.text(id)
		switch {
		case len(text) == 0:
			continue
		case !utf8.Valid(text):
			v.ragged = append(v.ragged, ragged{id, text})
			continue
		}
		entries = append(entries, entry{string(text), id})
		n := utf8.RuneCount(text)
		v.lengths[id] = uint8(min(n, longToken+1))
		v.depth = max(v.depth, n)
		for _, r := range string(text) {
			known[r] = 0
		}
	}
	for r := range known {
		v.symbols = append(v.symbols, r)
	}
	slices.Sort(v.symbols)
	for i, r := range v.symbols {
		known[r] = int32(i)
	}
	// UTF-8 sorts as its characters do.
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.id, b.id)) })
	var open []int32 // nodes of the text before, from the first character on
	var before []rune
	for _, e := range entries {
		text := []rune(e.text)
		same := 0
		for same < len(text) && same < len(before) && text[same] == before[same] {
			same++
		}
		v.close(open[same:])
		open = open[:same]
		for i, r := range text[same:] {
			open = append(open, int32(len(v.trie)))
			v.trie = append(v.trie, trieNode{symbol: known[r], depth: int32(same + i), token: int32(len(v.ids))})
		}
		v.ids = append(v.ids, e.id)
		before = text
	}
	v.close(open)
	v.trie = append(v.trie, trieNode{token: int32(len(v.ids)), end: int32(len(v.trie) + 1)})
	return v
}

// close ends the texts of nodes.
func (v *Vocabulary) close(nodes []int32) {
	for _, i := range nodes {
		v.trie[i].end = int32(len(v.trie))
	}
}

// text returns what a token adds to a text; nothing for an id outside the
// vocabulary and for tokens that have no text.
func (v *Vocabulary) text(id int32) []byte {
	if id < 0 || int(id) >= v.tok.Size() {
		return nil
	}
	if kind := v.tok.Piece(id).Kind; kind == tokenize.Control || kind == tokenize.Unknown {
		return nil
	}
	return v.tok.Bytes(id)
}
