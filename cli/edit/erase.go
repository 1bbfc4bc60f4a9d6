package edit

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// stackers are signs that are not seen: they write the consonant behind them below, and mean nothing without it. Those
// of Burmese, Khmer, Tai Tham, Sundanese, Meetei Mayek and Chakma (Indic_Syllabic_Category Invisible_Stacker).
const stackers = "\u1039\u17d2\u1a60\u1bab\uaaf6\U00011133"

// erased is how many bytes Backspace takes from the end of a cluster. Of an emoji all. Of letters with marks the last
// code point, which is the key that was pressed last, in every script: a wrong tone mark is corrected without typing
// the syllable again. A stacker goes with its consonant, a variation selector with what it selects.
func erased(cluster string) int {
	if isEmoji(cluster) {
		return len(cluster)
	}
	rest := trimRune(cluster)
	if last, _ := utf8.DecodeLastRuneInString(cluster); unicode.Is(unicode.Variation_Selector, last) {
		rest = trimRune(rest)
	}
	if stacker, _ := utf8.DecodeLastRuneInString(rest); strings.ContainsRune(stackers, stacker) {
		rest = trimRune(rest)
	}
	return len(cluster) - len(rest)
}

func trimRune(s string) string {
	_, n := utf8.DecodeLastRuneInString(s)
	return s[:len(s)-n]
}

// isEmoji reports whether a cluster is a flag, or has a pictograph, or a rune that makes an emoji of what is before it.
func isEmoji(cluster string) bool {
	return strings.ContainsFunc(cluster, func(r rune) bool {
		return r == '\ufe0f' || r == '\ufe0e' || r == '\u20e3' || r >= 0x1f000 && r <= 0x1faff
	})
}
