package cells

import (
	"iter"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
	"github.com/clipperhouse/uax29/v2/graphemes"
)

// Clusters gives the extended grapheme clusters of s (UAX #29), what a person takes for one character.
func Clusters(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(s) > 0 {
			n := clusterLen(s)
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// Next gives the first cluster of s and how many cells it takes; of "" it is "" and 0.
func Next(s string) (cluster string, width int) {
	if s == "" {
		return "", 0
	}
	cluster = s[:clusterLen(s)]
	return cluster, clusterWidth(cluster)
}

// Width is how many cells s takes in one line of a terminal. s has no escape sequence; its control characters take none.
func Width(s string) int {
	sum := 0
	for len(s) > 0 {
		cluster, width := Next(s)
		sum, s = sum+width, s[len(cluster):]
	}
	return sum
}

const tabStop = 8

// TabStop is the column after a tab at column col, both from 0.
func TabStop(col int) int { return col - col%tabStop + tabStop }

func clusterLen(s string) int {
	if len(s) == 1 || s[0] < utf8.RuneSelf && s[1] < utf8.RuneSelf && s[0] != '\r' {
		return 1
	}
	g := graphemes.FromString(s)
	g.Next()
	return g.End()
}

// clusterWidth counts as terminals do that give each rune its own cells (tmux, VTE, foot, Alacritty), but an emoji
// sequence two, as all do that were made for emoji. The library has a cluster as wide as its first rune: of กำ, of
// a Khmer or Devanagari cluster of several consonants, and of vowels in front, few terminals agree.
func clusterWidth(cluster string) int {
	width := displaywidth.String(cluster)
	_, first := utf8.DecodeRuneInString(cluster)
	for _, r := range cluster[first:] {
		if unicode.In(r, unicode.L, unicode.Mc) && !unicode.Is(medialJamo, r) {
			width += displaywidth.Rune(r)
		}
	}
	return width
}

// medialJamo are vowels and finals of Hangul, drawn into the cells of the consonant in front.
var medialJamo = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x1160, Hi: 0x11ff, Stride: 1}, {Lo: 0xd7b0, Hi: 0xd7ff, Stride: 1}}}
