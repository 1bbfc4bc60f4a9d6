package grammar

import (
	"cmp"
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// span is the characters lo to hi.
type span struct{ lo, hi rune }

// chars is a set of characters: spans in order that neither touch nor overlap.
// Surrogates are in none, as no UTF-8 has them.
type chars []span

const surrogateMin, surrogateMax = 0xD800, 0xDFFF

// newChars returns the set of the characters in spans.
func newChars(spans []span) chars {
	var valid []span
	for _, s := range spans {
		below, above := span{s.lo, min(s.hi, surrogateMin-1)}, span{max(s.lo, surrogateMax+1), s.hi}
		for _, s := range []span{below, above} {
			if s.lo <= s.hi {
				valid = append(valid, s)
			}
		}
	}
	slices.SortFunc(valid, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	var c chars
	for _, s := range valid {
		if n := len(c); n > 0 && s.lo <= c[n-1].hi+1 {
			c[n-1].hi = max(c[n-1].hi, s.hi)
		} else {
			c = append(c, s)
		}
	}
	return c
}

// not returns the characters that are not in c.
func (c chars) not() chars {
	var rest []span
	lo := rune(0)
	for _, s := range c {
		if lo < s.lo {
			rest = append(rest, span{lo, s.lo - 1})
		}
		lo = s.hi + 1
	}
	return newChars(append(rest, span{lo, utf8.MaxRune}))
}

// meets says whether a character of c is in s.
func (c chars) meets(s span) bool {
	i, _ := slices.BinarySearchFunc(c, s.lo, func(of span, lo rune) int { return cmp.Compare(of.hi, lo) })
	return i < len(c) && c[i].lo <= s.hi
}

// count returns how many characters c has.
func (c chars) count() (n int) {
	for _, s := range c {
		n += int(s.hi - s.lo + 1)
	}
	return n
}

// key is the same for equal sets alone.
func (c chars) key() string {
	b := make([]byte, 0, 8*len(c))
	for _, s := range c {
		b = binary.LittleEndian.AppendUint32(b, uint32(s.lo))
		b = binary.LittleEndian.AppendUint32(b, uint32(s.hi))
	}
	return string(b)
}

// pending returns the characters whose UTF-8 begins with b: the first bytes of
// a character, not all of them.
func pending(b []byte) span {
	size, value, least := 2, rune(b[0]&0x1F), rune(0x80)
	switch {
	case b[0] >= 0xF0:
		size, value, least = 4, rune(b[0]&0x07), 0x10000
	case b[0] >= 0xE0:
		size, value, least = 3, rune(b[0]&0x0F), 0x800
	}
	for _, c := range b[1:] {
		value = value<<6 | rune(c&0x3F)
	}
	missing := 6 * (size - len(b))
	lo := value << missing
	return span{max(lo, least), lo | (1<<missing - 1)}
}
