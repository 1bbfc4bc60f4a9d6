package grammar

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Masks are the same whoever has asked before and at the same time.
func TestMatchersShareAnAutomaton(t *testing.T) {
	v := smallVocabulary(t, letterPieces()...)
	rng := rand.New(rand.NewPCG(3, 16))
	for range 10 {
		f, g := randomGrammar(rng)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(4, uint64(i/2)))
				compareMatchers(t, v, g.Matcher(v, ends), mustParse(t, f.gbnf()).Matcher(v, ends), func(n int, allowed []int32) int32 {
					return allowed[rng.IntN(len(allowed))]
				})
			})
		}
		wg.Wait()
	}
}

// compareMatchers compares the masks of two matchers along an answer. choose
// returns its token n, perhaps -1 to end it.
func compareMatchers(t *testing.T, v *Vocabulary, a, b *Matcher, choose func(n int, allowed []int32) int32) {
	last := int32(-1)
	for n := 0; n < 30 && !slices.Contains(ends, last) && (n == 0 || last >= 0); n++ {
		got, want := make([]uint32, v.words()), make([]uint32, v.words())
		if err := errors.Join(a.Next(last, got), b.Next(last, want)); err != nil {
			t.Error(err)
			return
		}
		if !slices.Equal(got, want) || a.Complete() != b.Complete() {
			t.Errorf("masks differ: %v and %v", allowedOf(got), allowedOf(want))
			return
		}
		last = choose(n, allowedOf(got))
	}
}

// An automaton that is full is left for another, by all of its matchers, with
// their stacks.
func TestFullAutomatonIsLeft(t *testing.T) {
	v := smallVocabulary(t)
	g := mustParse(t, jsonGBNF)
	var wg sync.WaitGroup
	for _, text := range []string{
		`{"a":[[[{"b":1}],[0]]]}`, `{"a":{"b":{"c":[{}]}}}`, `{"a":1,"b":[{"c":[]}]}`,
	} {
		m := g.Matcher(v, ends)
		first := m.a
		wg.Go(func() {
			compareMatchers(t, v, m, mustParse(t, jsonGBNF).Matcher(v, ends), func(n int, allowed []int32) int32 {
				m.a.mu.Lock()
				m.a.size = maxSize + 1
				m.a.mu.Unlock()
				if n == len(text) {
					return -1
				}
				return 4 + int32(text[n])
			})
			if !m.Complete() || m.a == first {
				t.Errorf("%s is complete: %v, in a new automaton: %v", text, m.Complete(), m.a != first)
			}
		})
	}
	wg.Wait()
}

// Tokens may be as long as the characters that may still come.
func TestLongTokens(t *testing.T) {
	lengths := []int{2, longToken - 1, longToken, longToken + 1, longToken + 2, 300}
	var pieces []string
	for _, n := range lengths {
		pieces = append(pieces, strings.Repeat("z", n))
	}
	v := smallVocabulary(t, pieces...)
	for n := 1; n <= longToken+3; n++ {
		m := mustParse(t, fmt.Sprintf("root ::= [a-z]{%d}", n)).Matcher(v, ends)
		mask := make([]uint32, v.words())
		if err := m.Next(-1, mask); err != nil {
			t.Fatal(err)
		}
		for i, length := range lengths {
			const first = 4 + 256
			if got := mask[(first+i)/32]>>((first+i)%32)&1 != 0; got != (length <= n) {
				t.Errorf("a token of %d characters may come where %d may: %v", length, n, got)
			}
		}
	}
}

// Grammars that can be read in very many ways end in an error, and in none
// where stacks that meet are joined.
func TestManyReadings(t *testing.T) {
	v := smallVocabulary(t, "aaaaaaaaaaaaaaaa")
	var doubling strings.Builder
	doubling.WriteString("root ::= r0\n")
	for i := range 60 {
		fmt.Fprintf(&doubling, "r%d ::= r%d \"x\" | r%d \"y\" | \"b\" | r%d \"z\"\n", i, i+1, i+2, i+1)
	}
	doubling.WriteString("r60 ::= \"a\"\nr61 ::= \"a\"")
	for _, c := range []struct {
		gbnf string
		n    int // tokens "a"
		fail bool
	}{
		{`root ::= ("a"?){60000}`, 1, true},
		{`root ::= ([^b]?){60000}`, 0, true}, // a large set, which would be tried for each of its places
		{`root ::= ("a"?){500}`, 20, false},
		{`root ::= "a" root "b" | "a" root "c" | "d"`, 200, false}, // 2^n stacks
		{`root ::= "a" root "a"? | "a"`, 50, false},
		{"root ::= a | b\na ::= c \"x\" | c \"y\"\nb ::= c \"x\" | c \"z\"\nc ::= d \"x\" | d \"y\"\nd ::= \"a\" root | \"b\"", 100, false},
		{doubling.String(), 1, false}, // 2^60 stacks and more, if rules were begun before all of their callers
	} {
		m := mustParse(t, c.gbnf).Matcher(v, ends)
		mask := make([]uint32, v.words())
		err := m.Next(-1, mask)
		for i := 0; i < c.n && err == nil; i++ {
			err = m.Next(4+'a', mask)
		}
		if failed := err != nil; failed != c.fail || failed && !strings.Contains(err.Error(), "too many ways") {
			t.Errorf("%s: %v", c.gbnf, err)
		}
	}
}
