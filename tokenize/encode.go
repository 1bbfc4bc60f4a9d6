package tokenize

// scratch is the working memory of one Encode; it grows with the text and is
// used again.
type scratch struct {
	symbols []symbol           // of one run
	games   tournament         // of one run
	splits  map[int32][2]int32 // unused piece → the two last seen to make it
	words   words
}

// maxRun bounds a run so that indexes and offsets fit 32 bits. A longer text
// without any cut (over half a billion characters) is cut here.
const maxRun = 1 << 29

// Encode appends the ids of text to dst and returns it. It adds neither bos
// nor eos. Bytes that are not UTF-8 become U+FFFD, one each, as in the
// reference; nothing else is changed or lost.
//
// With parseSpecial the literal text of a control or unknown piece becomes its
// id, the leftmost and longest first; without it no text ever does. (From a
// tokenizer.json these are the special added tokens.)
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
	text = validText(text)
	s.words.use(len(text))
	fixed := t.plain
	if parseSpecial {
		fixed = t.special
	}
	plain := 0
	for i := 0; i < len(text) && !fixed.raw.empty(); {
		if fixed.raw.starts[text[i]] {
			if id, n := fixed.raw.longest(text[i:]); n > 0 {
				dst = append(t.encodeText(s, dst, text[plain:i], fixed.text), id)
				i += n
				plain = i
				continue
			}
		}
		i++
	}
	return t.encodeText(s, dst, text[plain:], fixed.text)
}

// encodeText encodes text in which user holds the pieces to be found whole.
func (t *Tokenizer) encodeText(s *scratch, dst []int32, text string, user *trie) []int32 {
	if t.whole {
		return t.encodeWhole(s, dst, text, user)
	}
	start, prev := 0, rune(0)
	for i := 0; i < len(text); {
		if user.starts[text[i]] {
			if id, n := user.longest(text[i:]); n > 0 {
				dst = append(t.encodeRun(s, dst, text[start:i]), id)
				i += n
				start = i
				continue
			}
		}
		r, n := nextRune(text[i:])
		if i > start && (!t.joins.has(prev, r) || i-start > maxRun) {
			dst = t.encodeRun(s, dst, text[start:i])
			start = i
		}
		i += n
		prev = r
	}
	return t.encodeRun(s, dst, text[start:])
}

// encodeRun encodes text that has nothing to be found whole.
func (t *Tokenizer) encodeRun(s *scratch, dst []int32, run string) []int32 {
	if run == "" {
		return dst
	}
	w := s.words.place(run)
	if w != nil && w.is(run) {
		return append(dst, w.ids[:w.count]...)
	}
	n := len(dst)
	s.symbols = t.spell(s.symbols[:0], run)
	dst = t.merge(s, dst)
	if w != nil {
		w.set(run, dst[n:])
	}
	return dst
}

// encodeWhole is encodeText for a vocabulary with unused pieces. There the text
// stays whole, because the way one of them is split again depends on all pairs
// seen before. A user-defined piece is a symbol that nothing merges with.
func (t *Tokenizer) encodeWhole(s *scratch, dst []int32, text string, user *trie) []int32 {
	clear(s.splits)
	syms := s.symbols[:0]
	for i := 0; i < len(text); {
		id, n := user.longest(text[i:])
		if n > 0 {
			syms = append(syms, symbol{id: id})
		} else {
			_, n = nextRune(text[i:])
			syms = t.spell(syms, text[i:i+n])
		}
		i += n
		if len(syms) > maxRun {
			s.symbols = syms
			dst = t.merge(s, dst)
			syms = syms[:0]
		}
	}
	s.symbols = syms
	return t.merge(s, dst)
}
