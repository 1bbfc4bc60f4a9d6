package cells

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Break is the offset in bytes up to which s, one line of text, goes into a line of width cells: its length where
// all of it fits, else the last place where a line may be broken. Spaces in front of that place may stand past width:
// they need not be drawn. A piece that is wider than a line is broken between clusters; at least one always goes in.
func Break(s string, width int) int {
	end, col := 0, 0
	for piece := range Pieces(s) {
		if col+Width(strings.TrimRight(piece, " \u200b")) > width {
			if end > 0 {
				return end
			}
			return fit(piece, width)
		}
		end, col = end+len(piece), col+Width(piece)
	}
	return end
}

// fit is the offset up to which whole clusters of s, one at least, fit into width cells.
func fit(s string, width int) int {
	end, col := 0, 0
	for end < len(s) {
		cluster, w := Next(s[end:])
		if col+w > width && end > 0 {
			break
		}
		end, col = end+len(cluster), col+w
	}
	return end
}

// Pieces gives the pieces of a line of text between which it may be broken: words with the spaces behind them (UAX #14),
// and in scripts without spaces what glued holds together, which is about a syllable.
func Pieces(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		rest, state := s, -1
		start, end := 0, 0 // of the piece, in s
		for rest != "" {
			_, rest, _, state = uniseg.FirstLineSegmentInString(rest, state)
			if r, _ := utf8.DecodeRuneInString(rest); strings.ContainsRune(neverFirst, r) {
				continue // the official spelling of Thai has a space before ๆ
			}
			segment := len(s) - len(rest)
			for cluster := ""; end < segment; end += len(cluster) {
				if end > start && !glued(cluster, s[end:]) {
					if !yield(s[start:end]) {
						return
					}
					start = end
				}
				cluster, _ = Next(s[end:])
			}
			if end > segment {
				continue // a mark on the space
			}
			if !yield(s[start:end]) {
				return
			}
			start = end
		}
	}
}

// spaceless are the scripts that put no spaces between words and whose letters UAX #14 leaves to a dictionary.
var spaceless = []*unicode.RangeTable{unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tai_Tham, unicode.Tai_Viet, unicode.New_Tai_Lue, unicode.Tai_Le}

// Spaceless reports whether r is of a script that puts no spaces between words, but for those of East Asia, where a
// line may be broken at most characters.
func Spaceless(r rune) bool { return r >= lowest && unicode.In(r, spaceless...) }

const (
	lowest     = 'ก'                                    // no letter of these scripts is before it
	leading    = "เแโใไເແໂໃໄꪵꪶꪹꪻꪼ"                      // vowels that are written before their consonant
	neverFirst = "ะาำๅฯๆະາຳຽຯໆៗ"                        // vowels behind their consonant, signs of repetition and of abbreviation
	silent     = "\u0e4c\u0ecc"                         // their consonant is not heard, and the one in front is most often the syllable's last: ศุกร์
	closed     = "\u0e31\u0e37\u0e47\u0eb1\u0ebb"       // vowels that another letter must follow: ั ื ็ ັ ົ
	final      = "\u0e4c\u0ecc\u17cb\u17cd\u1039\u103a" // signs that their consonant ends the syllable: ์ ໌ ់ ៍, stacker, asat
)

// glued reports whether no line may be broken between a cluster and the text behind it in the same word. It may only
// be between letters of scripts without spaces; there, without a dictionary, these rules keep most syllables whole.
func glued(cluster, behind string) bool {
	b, _ := utf8.DecodeRuneInString(cluster)
	a, _ := utf8.DecodeRuneInString(behind)
	if !Spaceless(b) || !Spaceless(a) || !unicode.In(b, unicode.L, unicode.M) || !unicode.IsLetter(a) {
		return true
	}
	next, _ := Next(behind)
	afterNext, _ := Next(behind[len(next):])
	return strings.ContainsRune(leading, b) || strings.ContainsRune(neverFirst, a) ||
		strings.ContainsAny(cluster, closed) || strings.ContainsAny(next, final) || strings.ContainsAny(afterNext, silent)
}
