package tokenize

// symbol is a stretch of a run that is one piece or one character by now.
type symbol struct {
	start, size int32 // bytes of the run's text
	prev, next  int32 // neighbours' indexes, -1: none
	id          int32 // piece, -1: a single character, not looked up yet
	joined      int32 // piece that this and the next symbol make, if they do
	frozen      bool  // user-defined piece: never merged
}

// encodeRun merges the characters s.symbols of text into pieces and appends
// their ids.
//
// It is BPE as bpe_model.cc does it: of all neighbours that make a piece, those
// with the highest score are merged first, the leftmost on a tie. Candidates
// play a tournament with the key priority<<32 | left symbol. n characters
// take at most n-1 merges, and each changes three keys.
func (t *Tokenizer) encodeRun(s *scratch, dst []int32, text []byte) []int32 {
	syms := s.symbols
	if len(syms) == 0 {
		return dst
	}
	last := len(syms) - 1
	for i := range syms {
		syms[i].prev, syms[i].next = int32(i-1), int32(i+1)
	}
	syms[last].next = -1
	s.games.reset(len(syms))
	for i := range last {
		s.games.keys[i] = t.join(s, text, i)
	}
	s.games.build()
	for {
		key := s.games.first()
		if key == none {
			break
		}
		at := int(uint32(key))
		left := &syms[at]
		gone := int(left.next)
		right := &syms[gone]
		left.id = left.joined
		left.size += right.size
		left.next = right.next
		if right.next >= 0 {
			syms[right.next].prev = int32(at)
		}
		s.games.keys[gone] = none
		s.games.keys[at] = t.join(s, text, at)
		if prev := int(left.prev); prev >= 0 {
			s.games.keys[prev] = t.join(s, text, prev)
			if prev>>3 != at>>3 {
				s.games.fix(prev)
			}
		}
		if gone>>3 != at>>3 {
			s.games.fix(gone)
		}
		s.games.fix(at)
	}
	for i := int32(0); i >= 0; i = syms[i].next {
		id := syms[i].id
		if id < 0 || t.whole && !syms[i].frozen {
			dst = t.appendPiece(s, dst, string(text[syms[i].start:syms[i].start+syms[i].size]))
			continue
		}
		dst = append(dst, id)
	}
	return dst
}

// join looks for the piece that the symbol at and the next one make, notes it
// there and returns its key.
func (t *Tokenizer) join(s *scratch, text []byte, at int) uint64 {
	left := &s.symbols[at]
	if left.next < 0 || left.frozen {
		return none
	}
	right := &s.symbols[left.next]
	size := left.size + right.size
	if right.frozen || int(size) > t.longest {
		return none
	}
	id, ok := t.merges[string(text[left.start:left.start+size])]
	if !ok {
		return none
	}
	left.joined = id
	if t.whole && t.vocab.Pieces[id].Kind == Unused {
		if s.splits == nil {
			s.splits = make(map[int32][2]string)
		}
		s.splits[id] = [2]string{
			string(text[left.start:right.start]),
			string(text[right.start : left.start+size]),
		}
	}
	return uint64(t.priority[id])<<32 | uint64(at)
}

// appendPiece appends the id of text, which is a piece, or a character and then
// perhaps spelled in bytes. An unused piece is split into the two that were
// last seen to make it, and so on (bpe_model.cc, resegment).
func (t *Tokenizer) appendPiece(s *scratch, dst []int32, text string) []int32 {
	id, ok := t.merges[text]
	if !ok {
		for i := range len(text) {
			dst = append(dst, t.bytes[text[i]])
		}
		return dst
	}
	if t.vocab.Pieces[id].Kind == Unused {
		if halves, ok := s.splits[id]; ok {
			return t.appendPiece(s, t.appendPiece(s, dst, halves[0]), halves[1])
		}
	}
	return append(dst, id)
}
