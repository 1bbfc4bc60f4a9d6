package tokenize

import (
	"math"
	"runtime"
	"strings"
	"sync"
)

// learnPieces fills the tables for merging from scores: any two pieces or
// characters whose texts together are a normal or unused piece make it, those
// of the highest score first (bpe_model.cc).
func (t *Tokenizer) learnPieces() {
	t.pairs = newPairs(len(t.vocab.Pieces) * 5 / 2)
	for i, p := range t.vocab.Pieces {
		if !merged(p) {
			continue
		}
		t.whole = t.whole || p.Kind == Unused
		t.joins.add(p.Text)
		if r, ok := onlyRune(p.Text); ok {
			t.chars.add(r, int32(i))
		}
	}
	for _, p := range t.vocab.Pieces {
		if merged(p) {
			t.addLoose(p.Text)
		}
	}
	for _, found := range onAllCores(len(t.vocab.Pieces), t.partsOf) {
		for _, m := range found {
			t.pairs.put(m)
		}
	}
}

// addLoose makes symbols of the characters of text that are no pieces.
func (t *Tokenizer) addLoose(text string) {
	for i := 0; i < len(text); {
		r, n := nextRune(text[i:])
		if t.chars.at(r) < 0 {
			t.chars.add(r, int32(len(t.vocab.Pieces)+len(t.loose)))
			t.loose = append(t.loose, text[i:i+n])
		}
		i += n
	}
}

// merged reports whether merging can end in p. No text has a blank left.
func merged(p Piece) bool {
	return (p.Kind == Normal || p.Kind == Unused) && !strings.Contains(p.Text, " ")
}

// partsOf returns the merges that make the pieces from first up to end.
func (t *Tokenizer) partsOf(first, end int) []merge {
	found := make([]merge, 0, (end-first)*5/2) // as many as Gemma's have
	for id, p := range t.vocab.Pieces[first:end] {
		if !merged(p) {
			continue
		}
		rank := priority(p.Score)
		for i := range p.Text {
			if i == 0 {
				continue
			}
			if left := t.part(p.Text[:i]); left >= 0 {
				if right := t.part(p.Text[i:]); right >= 0 {
					found = append(found, merge{left, right, int32(first + id), rank})
				}
			}
		}
	}
	return found
}

// part returns the symbol that text is, -1 if it is none.
func (t *Tokenizer) part(text string) int32 {
	if r, n := nextRune(text); n == len(text) {
		return t.chars.at(r)
	}
	if id, ok := t.ids[text]; ok && merged(t.vocab.Pieces[id]) {
		return id
	}
	return -1
}

// onAllCores calls do for n items in as many parts as there are cores and
// returns the results in order.
func onAllCores[T any](n int, do func(first, end int) T) []T {
	results := make([]T, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = do(n*i/len(results), n*(i+1)/len(results)) })
	}
	wg.Wait()
	return results
}

// priority maps finite scores to integers that sort the other way round:
// the highest score gets the lowest number, equal scores (also 0 and -0) the
// same.
func priority(score float32) uint32 {
	b := math.Float32bits(score + 0)
	if b>>31 != 0 {
		return b // negative: larger magnitude, later
	}
	return math.MaxInt32 - b
}
