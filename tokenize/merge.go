package tokenize

// symbol is a stretch of a run that is one piece or one character by now.
type symbol struct {
	prev, next int32 // neighbours' indexes, -1: none
	id         int32 // piece, or a character without one: see Tokenizer.loose
	joined     int32 // piece that this and the next symbol make, if they do
}

// spell appends the symbols that merging starts from: each character of text,
// or its bytes if it is part of no piece.
func (t *Tokenizer) spell(dst []symbol, text string) []symbol {
	for i := 0; i < len(text); {
		r, n := nextRune(text[i:])
		if id := t.chars.at(r); id >= 0 {
			dst = append(dst, symbol{id: id})
		} else {
			b := text[i : i+n]
			if r == ' ' {
				b = space
			}
			for j := range len(b) {
				dst = append(dst, symbol{id: t.bytes[b[j]]})
			}
		}
		i += n
	}
	return dst
}

// merge merges s.symbols into pieces and appends their ids.
//
// It is BPE as bpe_model.cc (sentencepiece) and word.rs (tokenizers) do it: of
// all neighbours that make a piece, those with the lowest rank are merged
// first, the leftmost on a tie. Candidates play a tournament with the key
// rank<<32 | left symbol. n symbols take at most n-1 merges, and each changes
// three keys.
func (t *Tokenizer) merge(s *scratch, dst []int32) []int32 {
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
		s.games.keys[i] = t.join(s, i)
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
		left.next = right.next
		if right.next >= 0 {
			syms[right.next].prev = int32(at)
		}
		s.games.keys[gone] = none
		s.games.keys[at] = t.join(s, at)
		if prev := int(left.prev); prev >= 0 {
			s.games.keys[prev] = t.join(s, prev)
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
		if id := syms[i].id; int(id) < len(t.vocab.Pieces) && !t.whole {
			dst = append(dst, id)
		} else {
			dst = t.appendSymbol(s, dst, id)
		}
	}
	return dst
}

// join looks for the piece that the symbol at and the next one make, notes it
// there and returns its key.
func (t *Tokenizer) join(s *scratch, at int) uint64 {
	left := &s.symbols[at]
	if left.next < 0 {
		return none
	}
	right := s.symbols[left.next].id
	id, rank, ok := t.pairs.find(left.id, right)
	if !ok {
		return none
	}
	left.joined = id
	if t.whole && t.vocab.Pieces[id].Kind == Unused {
		if s.splits == nil {
			s.splits = make(map[int32][2]int32)
		}
		s.splits[id] = [2]int32{left.id, right}
	}
	return uint64(rank)<<32 | uint64(at)
}

// appendSymbol appends the id of a symbol, or the bytes of a character that is
// no piece. An unused piece is split into the two that were last seen to make
// it, and so on (bpe_model.cc, resegment).
func (t *Tokenizer) appendSymbol(s *scratch, dst []int32, id int32) []int32 {
	if i := int(id) - len(t.vocab.Pieces); i >= 0 {
		for _, b := range []byte(t.loose[i]) {
			dst = append(dst, t.bytes[b])
		}
		return dst
	}
	if t.vocab.Pieces[id].Kind == Unused {
		if halves, ok := s.splits[id]; ok {
			return t.appendSymbol(s, t.appendSymbol(s, dst, halves[0]), halves[1])
		}
	}
	return append(dst, id)
}
