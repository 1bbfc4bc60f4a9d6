package weights

import (
	"fmt"
	"strings"
)

// specialPieces gives what Gemma's vocabulary begins with: ids 0 to 472.
func specialPieces() []Piece {
	var list []Piece
	add := func(kind Kind, texts ...string) {
		for _, text := range texts {
			list = append(list, Piece{text, 0, kind})
		}
	}
	add(Control, "<pad>", "<eos>", "<bos>")
	add(Unknown, "<unk>")
	add(UserDefined, "<mask>", "<2mass>", "[@BOS@]")
	for i := range 99 {
		add(UserDefined, fmt.Sprintf("<unused%d>", i))
	}
	add(UserDefined, "<start_of_turn>", "<end_of_turn>")
	for i := range 31 {
		add(UserDefined, strings.Repeat("\n", i+1))
	}
	for i := range 30 {
		add(UserDefined, strings.Repeat("▁", i+2))
	}
	for _, group := range []string{
		"table caption thead tbody tfoot tr th td", "h1 h2 h3 h4 h5 h6 blockquote",
		"strong em b i u s sub sup code",
	} {
		for _, format := range []string{"<%s>", "</%s>"} {
			for tag := range strings.FieldsSeq(group) {
				add(UserDefined, fmt.Sprintf(format, tag))
			}
		}
	}
	for b := range 256 {
		add(Byte, fmt.Sprintf("<0x%02X>", b))
	}
	return list
}

// Bounds of the number of plain pieces: "▁" and ASCII must not be lacking, and there are
// only so many words.
const (
	plainPiecesLeast = 1 + 0x7e - 0x21 + 1
	plainPiecesMost  = 400_000
)

// letters are ranges of characters that get a piece of their own.
var letters = [][2]rune{
	{0x21, 0x7e},
	{0xc0, 0x17f}, {0x1a0, 0x1a1}, {0x1af, 0x1b0}, {0x1ea0, 0x1ef9}, // Latin, Vietnamese
	{0xe01, 0xe3a}, {0xe3f, 0xe5b}, // Thai
	{0xe81, 0xe82}, {0xe84, 0xe84}, {0xe86, 0xe8a}, {0xe8c, 0xea3}, {0xea5, 0xea5}, {0xea7, 0xebd}, // Lao
	{0xec0, 0xec4}, {0xec6, 0xec6}, {0xec8, 0xecd}, {0xed0, 0xed9},
	{0x1780, 0x17b3}, {0x17b6, 0x17dd}, {0x17e0, 0x17e9}, // Khmer
	{0x1000, 0x109f},                   // Burmese
	{0x3001, 0x3002}, {0xff01, 0xff1f}, // fullwidth punctuation
}

// plainPieces yields the learned part of a vocabulary: single characters, then made-up
// words that merge from them (kan = ka + n, ▁kani = ▁kan + i). All are distinct.
func plainPieces(yield func(string) bool) {
	const consonants, vowels = "bcdfghjklmnpqrstvwxyz", "aeiou"
	if !yield("▁") || !yieldRanges(yield, letters) {
		return
	}
	words := []string{""}
	for i, letters := range []string{consonants, vowels, consonants, vowels, consonants, vowels} {
		var longer []string
		for _, w := range words {
			for _, letter := range letters {
				longer = append(longer, w+string(letter))
			}
		}
		if words = longer; i == 0 {
			continue
		}
		if i == 3 && !yieldRanges(yield, [][2]rune{{0x4e00, 0x9fa5}}) { // CJK, after the first words: there are 20,902
			return
		}
		for _, w := range words {
			if !yield(w) || !yield("▁"+w) {
				return
			}
		}
	}
}

func yieldRanges(yield func(string) bool, ranges [][2]rune) bool {
	for _, r := range ranges {
		for c := r[0]; c <= r[1]; c++ {
			if !yield(string(c)) {
				return false
			}
		}
	}
	return true
}

// synthPieces gives a complete vocabulary of n pieces; checkSynth has the bounds of n.
func synthPieces(n int) []Piece {
	list := specialPieces()
	first := len(list)
	for text := range plainPieces {
		if len(list) == n {
			break
		}
		list = append(list, Piece{text, float32(first - len(list)), Normal})
	}
	return list
}
