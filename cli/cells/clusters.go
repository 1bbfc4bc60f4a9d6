package cells

import (
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// Next gives the first extended grapheme cluster of s (UAX #29), what a person takes for one character, and how many
// cells it takes; of "" it is "" and 0.
func Next(s string) (cluster string, width int) {
	if s != "" && s[0] >= ' ' && s[0] <= '~' && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return s[:1], 1
	}
	g := displaywidth.StringGraphemes(s)
	if !g.Next() {
		return "", 0
	}
	return g.Value(), g.Width() + widthBehind(g.Value())
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

// widthBehind is what letters and spacing marks behind the first rune of a cluster add to its width. It is how
// terminals count that give each rune its own cells (tmux, VTE, foot, Alacritty), but for emoji sequences, which take
// two wherever emoji are cared for. The library has a cluster as wide as its first rune: of กำ, of a Khmer or
// Devanagari cluster of several consonants, and of vowels written in front, few terminals agree.
func widthBehind(cluster string) int {
	sum := 0
	_, first := utf8.DecodeRuneInString(cluster)
	for _, r := range cluster[first:] {
		if (unicode.IsLetter(r) || unicode.Is(unicode.Mc, r)) && !unicode.Is(medialJamo, r) {
			sum += displaywidth.Rune(r)
		}
	}
	return sum
}

// medialJamo are vowels and finals of Hangul, drawn into the cells of the consonant in front.
var medialJamo = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x1160, Hi: 0x11ff, Stride: 1}, {Lo: 0xd7b0, Hi: 0xd7ff, Stride: 1}}}
