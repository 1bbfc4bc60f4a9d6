package main

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// decomposed is whether a text spells letters as several code points that have one of their own, as macOS does in
// names of files and PDFs do in text. Vocabularies have the composed ones: Vietnamese takes twice as many tokens so.
func decomposed(text string) bool {
	if norm.NFC.QuickSpanString(text) == len(text) {
		return false
	}
	return utf8.RuneCountInString(norm.NFC.String(text)) < utf8.RuneCountInString(text)
}

// noteDecomposed tells the user of the first text of a run that is decomposed.
func (p *program) noteDecomposed(text string) {
	if decomposed(text) {
		p.decomposed.Do(func() {
			p.note("the text has decomposed letters (NFD), as e and U+0301 for é, which the model reads as other tokens, and more of them; compose them first, as uconv -x nfc does")
		})
	}
}
