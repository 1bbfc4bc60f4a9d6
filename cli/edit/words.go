package edit

import (
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/words"

	"sealvk/cli/cells"
)

type span struct{ from, to int }

// wordsOf gives the words of a line (UAX #29), without what stands between them. In scripts without spaces, which
// that leaves to a dictionary, a word is about a syllable.
func wordsOf(line string) (found []span) {
	add := func(from int, word string) {
		if strings.ContainsFunc(word, isWord) {
			found = append(found, span{from, from + len(word)})
		}
	}
	for from := 0; from < len(line); {
		end := from + run(line[from:], func(r rune) bool { return !cells.Spaceless(r) })
		for w := words.FromString(line[from:end]); w.Next(); {
			add(from+w.Start(), w.Value())
		}
		from, end = end, end+run(line[end:], cells.Spaceless)
		for piece := range cells.Pieces(line[from:end]) {
			add(from, strings.TrimRightFunc(piece, unicode.IsPunct))
			from += len(piece)
		}
	}
	return found
}

// run is the length of the beginning of s that has only such runes.
func run(s string, such func(rune) bool) int {
	for i, r := range s {
		if !such(r) {
			return i
		}
	}
	return len(s)
}

func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.So)
}

// wordBefore is where the word in front of off begins, on a line above where there is none on this.
func (b *buffer) wordBefore(off int) int {
	for {
		start := b.lineStart(off)
		if found := wordsOf(b.text[start:off]); len(found) > 0 {
			return start + found[len(found)-1].from
		}
		if start == 0 {
			return 0
		}
		off = start - 1
	}
}

// wordAfter is where the word at off, or the next one, ends.
func (b *buffer) wordAfter(off int) int {
	for {
		end := b.lineEnd(off)
		if found := wordsOf(b.text[off:end]); len(found) > 0 {
			return off + found[0].to
		}
		if end == len(b.text) {
			return end
		}
		off = end + 1
	}
}
