package tokenize

import (
	"strings"
	"unicode/utf8"
)

// scratch is the working memory of one Encode; it grows with the text and is
// used again.
type scratch struct {
	text    []byte              // normalized text
	symbols []symbol            // of one run
	games   tournament          // of one run
	splits  map[int32][2]string // unused piece → the two last seen to make it
}

// maxRun bounds a run so that indexes and offsets fit 32 bits. A longer text
// without any cut (over half a billion characters) is cut here.
const maxRun = 1 << 29

// Encode appends the ids of text to dst and returns it. It adds neither bos
// nor eos. Bytes that are not UTF-8 become U+FFFD, one each, as in the
// reference; nothing else is changed or lost.
//
// With parseSpecial the literal text of a control or unknown piece becomes its
// id, the leftmost and longest first; without it no text ever does.
//
// The time is O(n log n) in the longest stretch of text that merging could
// cross, and linear in the number of stretches.
func (t *Tokenizer) Encode(dst []int32, text string, parseSpecial bool) []int32 {
	if text == "" {
		return dst
	}
	s := t.scratch.Get().(*scratch)
	dst = t.encode(s, dst, text, parseSpecial)
	t.scratch.Put(s)
	return dst
}

func (t *Tokenizer) encode(s *scratch, dst []int32, text string, parseSpecial bool) []int32 {
	if !parseSpecial {
		return t.encodeText(s, dst, text)
	}
	plain := 0
	for i := 0; i < len(text); {
		id, n := longest(t.special, text[i:])
		if n == 0 {
			i++
			continue
		}
		dst = t.encodeText(s, dst, text[plain:i])
		dst = append(dst, id)
		i += n
		plain = i
	}
	return t.encodeText(s, dst, text[plain:])
}

// encodeText encodes text without control pieces.
func (t *Tokenizer) encodeText(s *scratch, dst []int32, text string) []int32 {
	b := normalize(s.text[:0], text)
	s.text = b
	clear(s.splits)
	run := s.symbols[:0]
	start := 0 // of the run, in b
	prev := rune(-1)
	for i := 0; i < len(b); {
		if t.user.root[b[i]] != 0 {
			if id, n := longest(t.user, b[i:]); n > 0 {
				if t.whole && i-start < maxRun {
					run = append(run, symbol{start: int32(i - start), size: int32(n), id: id, frozen: true})
				} else {
					s.symbols = run
					dst = append(t.encodeRun(s, dst, b[start:i]), id)
					start, run = i+n, run[:0]
				}
				i += n
				prev = -1
				continue
			}
		}
		r, n := rune(b[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(b[i:])
		}
		// With unused pieces the text stays whole, because the way one of them
		// is split again depends on all pairs seen before.
		if len(run) > 0 && (!t.whole && !t.joins.has(prev, r) || i-start > maxRun) {
			s.symbols = run
			dst = t.encodeRun(s, dst, b[start:i])
			start, run = i, run[:0]
		}
		run = append(run, symbol{start: int32(i - start), size: int32(n), id: -1})
		i += n
		prev = r
	}
	s.symbols = run
	return t.encodeRun(s, dst, b[start:])
}

// normalize appends text to dst with U+2581 for each blank and U+FFFD for each
// byte that is not UTF-8 (normalizer.cc: an ill-formed sequence consumes one
// byte at a time).
func normalize(dst []byte, text string) []byte {
	if !utf8.ValidString(text) {
		for _, r := range text { // ill-formed bytes range as U+FFFD, one each
			if r == ' ' {
				dst = append(dst, space...)
			} else {
				dst = utf8.AppendRune(dst, r)
			}
		}
		return dst
	}
	for {
		i := strings.IndexByte(text, ' ')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		dst = append(dst, space...)
		text = text[i+1:]
	}
}
