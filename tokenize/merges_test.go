package tokenize

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// slowMerges is BPE by a list of merges as it is defined: of all neighbours in
// the list merge those that come first in it, the leftmost on a tie. It takes
// time n².
func slowMerges(vocab map[string]int, merges [][]string, text string) (ids []int32) {
	rank := map[[2]int]int{}
	for i, m := range merges {
		rank[[2]int{vocab[m[0]], vocab[m[1]]}] = i
	}
	var parts []int
	for _, r := range strings.ReplaceAll(string([]rune(text)), " ", space) {
		if id, ok := vocab[string(r)]; ok {
			parts = append(parts, id)
			continue
		}
		for _, b := range []byte(string(r)) {
			parts = append(parts, 3+int(b))
		}
	}
	for {
		best, first := -1, len(merges)
		for i := range len(parts) - 1 {
			if r, ok := rank[[2]int{parts[i], parts[i+1]}]; ok && r < first {
				best, first = i, r
			}
		}
		if best < 0 {
			break
		}
		made := vocab[merges[first][0]+merges[first][1]]
		parts = slices.Replace(parts, best, best+2, made)
	}
	for _, p := range parts {
		ids = append(ids, int32(p))
	}
	return ids
}

// TestMergesEqualDefinition makes lists that no training gives: in any order,
// with merges twice, without all the ways to make a piece, and of byte pieces.
func TestMergesEqualDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for n := range 300 {
		chars := []string{"a", "b", space, "ก", "é", "\ufffd", "\n"}[:2+n%6]
		pieces := slices.Clone(chars)
		if n%3 == 0 {
			pieces = append(pieces, "<0x63>", "<0xE0>") // "c" and the start of Thai
		}
		var merges [][]string
		for range 2 + rng.IntN(60) {
			left, right := pieces[rng.IntN(len(pieces))], pieces[rng.IntN(len(pieces))]
			if len(left)+len(right) > 40 {
				continue
			}
			merges = append(merges, []string{left, right})
			if !slices.Contains(pieces, left+right) {
				pieces = append(pieces, left+right)
			}
		}
		if n%2 == 0 {
			rng.Shuffle(len(merges), func(i, j int) { merges[i], merges[j] = merges[j], merges[i] })
		}
		own := slices.DeleteFunc(slices.Clone(pieces), func(p string) bool { return p == "<0x63>" || p == "<0xE0>" })
		file := jsonFile(own, merges)
		vocab := map[string]int{}
		for text, id := range file["model"].(object)["vocab"].(object) {
			vocab[text] = id.(int)
		}
		tok := parseJSON(t, file)
		for range 20 {
			var b strings.Builder
			for range rng.IntN(60) {
				b.WriteString([]string{"a", "b", " ", "ก", "é", "c", "\n", "\xff"}[rng.IntN(8)])
			}
			got, want := tok.Encode(nil, b.String(), false), slowMerges(vocab, merges, b.String())
			if !slices.Equal(got, want) {
				t.Fatalf("merges %q, text %q:\n got %s\nwant %s", merges, b.String(), spell(tok, got), spell(tok, want))
			}
		}
	}
}

// TestPairs compares with Go's map while the table grows.
func TestPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	p := newPairs(0)
	want := map[[2]int32]merge{}
	for range 20000 {
		m := merge{int32(rng.IntN(200)), int32(rng.IntN(200)), rng.Int32(), rng.Uint32()}
		want[[2]int32{m.left, m.right}] = m
		p.put(m)
	}
	keys := slices.SortedFunc(maps.Keys(want), func(a, b [2]int32) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for _, k := range keys {
		id, rank, ok := p.find(k[0], k[1])
		if m := want[k]; !ok || id != m.id || rank != m.rank {
			t.Fatalf("%v: got %d, %d, %v, want %+v", k, id, rank, ok, m)
		}
	}
	for left := range int32(300) {
		for right := range int32(300) {
			if _, _, ok := p.find(left, right); ok != (want[[2]int32{left, right}] != merge{}) {
				t.Fatalf("%d, %d: found %v", left, right, ok)
			}
		}
	}
	if p.n != len(want) {
		t.Errorf("%d merges, want %d", p.n, len(want))
	}
}

// TestWords encodes with and without remembered words.
func TestWords(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	var warm scratch
	warm.words.use(wordsAfter)
	if warm.words.places == nil {
		t.Fatal("no words are remembered")
	}
	lines := readGolden(t, testdata+"/tokenizer-nano.jsonl")
	for range 2 {
		for _, l := range lines {
			var cold scratch
			got, want := tok.encode(&warm, nil, l.Text, true), tok.encode(&cold, nil, l.Text, true)
			if !slices.Equal(got, want) {
				t.Errorf("line %d: got %v, want %v", l.N, got, want)
			}
		}
	}
	used := 0
	for i := range warm.words.places {
		if w := &warm.words.places[i]; w.size > 0 {
			used++
			var cold scratch
			if want := tok.encode(&cold, nil, string(w.text[:w.size]), true); !slices.Equal(w.ids[:w.count], want) {
				t.Errorf("%q: remembered %v, want %v", w.text[:w.size], w.ids[:w.count], want)
			}
		}
	}
	if used < 100 {
		t.Errorf("only %d words are remembered", used)
	}
	// What does not fit a word has no place.
	if most := len(word{}.text); warm.words.place(strings.Repeat("x", most)) == nil || warm.words.place(strings.Repeat("x", most+1)) != nil {
		t.Errorf("want places for up to %d bytes", most)
	}
	// A word of few bytes may have more ids than there is room for.
	const long = "ieesilinslolesellannolrteeht"
	most := 0
	for n := range len(long) {
		run := long[:n+1]
		var cold scratch
		want := tok.encode(&cold, nil, run, true)
		most = max(most, len(want))
		for range 2 {
			if got := tok.encode(&warm, nil, run, true); !slices.Equal(got, want) {
				t.Errorf("%q: got %v, want %v", run, got, want)
			}
		}
	}
	if room := len(word{}.ids); warm.words.place(long) == nil || most <= room {
		t.Errorf("%q has up to %d ids and should be a word of more than %d", long, most, room)
	}
}
