package tokenize

import (
	"strings"
	"unicode/utf8"
)

// nextRune returns the first character of text, which is valid UTF-8 and not
// empty, and its length. U+2581 comes as a blank: the two are the same to the
// encoder, which spares a normalized copy of the text.
func nextRune(text string) (r rune, n int) {
	if c := text[0]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	if r, n = utf8.DecodeRuneInString(text); r == spaceRune {
		r = ' '
	}
	return r, n
}

// chars maps characters to the symbols that merging starts from, in pages of
// 256 characters.
type chars struct {
	pages [(utf8.MaxRune + 1) >> 8]uint16 // page of cells; 0 is empty
	cells []int32                         // id, -1: none
}

// add sets the symbol of a character.
func (c *chars) add(r rune, id int32) {
	if c.cells == nil {
		c.newPage()
	}
	if c.pages[r>>8] == 0 {
		c.pages[r>>8] = uint16(len(c.cells) >> 8)
		c.newPage()
	}
	c.cells[int(c.pages[r>>8])<<8|int(r&0xff)] = id
}

func (c *chars) newPage() {
	for range 256 {
		c.cells = append(c.cells, -1)
	}
}

// at returns the symbol of a character, -1 if it has none.
func (c *chars) at(r rune) int32 {
	if c.cells == nil {
		return -1
	}
	return c.cells[int(c.pages[r>>8])<<8|int(r&0xff)]
}

// onlyRune returns the character that text consists of. A blank is none: no
// text has one left when merging starts.
func onlyRune(text string) (r rune, ok bool) {
	r, n := nextRune(text)
	return r, n == len(text) && text != " "
}

// joins is the set of pairs of neighbouring characters inside the pieces that
// merging makes. Merging can never cross a pair that is not in it, so text can
// be cut there, which keeps runs as short as words. A false positive only
// costs a cut.
type joins struct {
	ascii [128 * 128 / 64]uint64 // exact; the blank is U+2581
	bits  []uint64               // the rest, a bit set over their hashes
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

// at returns the word of a pair's bit and the mask.
func (j *joins) at(a, b rune) (word *uint64, mask uint64) {
	if a|b < 128 {
		h := uint32(a)<<7 | uint32(b)
		return &j.ascii[h>>6], 1 << (h & 63)
	}
	// Fibonacci hashing (Knuth, TAOCP vol. 3, 6.4) of the two characters.
	h := (uint64(a)<<21 | uint64(b)) * 0x9E3779B97F4A7C15 >> j.shift
	return &j.bits[h>>6], 1 << (h & 63)
}

func (j *joins) add(text string) {
	prev, n := nextRune(text)
	for n < len(text) {
		r, size := nextRune(text[n:])
		w, m := j.at(prev, r)
		*w |= m
		prev = r
		n += size
	}
}

func (j *joins) has(a, b rune) bool {
	w, m := j.at(a, b)
	return *w&m != 0
}

// fill puts all pairs into the set, so that text is never cut.
func (j *joins) fill() {
	for i := range j.ascii {
		j.ascii[i] = ^uint64(0)
	}
	for i := range j.bits {
		j.bits[i] = ^uint64(0)
	}
}

// validText returns text with U+FFFD for each byte that is not UTF-8
// (normalizer.cc: an ill-formed sequence consumes one byte at a time).
func validText(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text { // ill-formed bytes range as U+FFFD, one each
		b.WriteRune(r)
	}
	return b.String()
}
