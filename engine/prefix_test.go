package engine

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
)

// someIDs is n tokens of a vocabulary.
func someIDs(m *Model, seed uint64, n int) (ids []int32) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for range n {
		ids = append(ids, 3+rng.Int32N(int32(m.cfg.Vocab)-3))
	}
	return ids
}

// penalized draws from all tokens, by penalties that look at the whole sequence.
var penalized = Sampling{Temperature: 1.2, TopP: 0.99, RepeatPenalty: 1.3, FrequencyPenalty: 0.1, RepeatLastN: 1 << 20, Seed: 7}

// numbers answers a request of no session and returns, beside the result, the logits of its newest token.
func numbers(t *testing.T, m *Model, r Request) (Result, []byte) {
	t.Helper()
	results, err := m.GenerateBatch(context.Background(), []Request{r})
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]byte, 4*m.cfg.Vocab)
	if err := m.BetweenSteps(func() error { return device.Read(logits, m.act.logits.Part(0, int64(len(logits)))) }); err != nil {
		t.Fatal(err)
	}
	return results[0], logits
}

// cold empties the index. Nobody may hold pages.
func cold(t testing.TB, m *Model) {
	t.Helper()
	if err := m.BetweenSteps(func() error {
		if n := m.pool.left(); n != m.plan.pages {
			t.Errorf("%d of %d pages can be taken", n, m.plan.pages)
		}
		m.pool = newPagePool(m.plan.pages)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// small is a model whose prompts take little time.
func small(t testing.TB, o Options) *Model {
	return loadFile(t, synth(t, "seallm-nano:layers=2,dim=64,ffn=128,heads=2,kv_heads=1,head_dim=32,vocab=600,context=1024", "F16"), o)
}

// Behind pages that another request's prompt left, wherever the prompts part and chunks are cut, an answer
// has the logits that it has alone, with penalties that look at the whole prompt too.
func TestSharedPrefixIsAsAlone(t *testing.T) {
	const page = shaders.PageTokens
	m := small(t, Options{Context: 256})
	m.Steady(true)
	chunks, n := []int{1, 7, page}, 0
	for _, shared := range []int{1, page - 1, page, page + 1, 3*page - 1, 3 * page, 3*page + 1} {
		common := someIDs(m, 1, shared)
		other := append(slices.Clone(common), someIDs(m, 2, 40)...)
		for _, own := range []int{0, 1, page - 1, page} {
			ask := Request{Prompt: append(slices.Clone(common), someIDs(m, 3, own)...), Sampling: penalized, MaxTokens: 3}
			cold(t, m)
			m.pace.rows = m.plan.chunk
			want, logits := numbers(t, m, ask)
			cold(t, m)
			m.pace.rows = chunks[n%len(chunks)]
			n++
			numbers(t, m, Request{Prompt: other, MaxTokens: 2})
			if err := m.BetweenSteps(func() error { // as if other had run in another sequence
				return device.Write(m.state.history, make([]byte, m.state.history.Size))
			}); err != nil {
				t.Fatal(err)
			}
			got, same := numbers(t, m, ask)
			if cached := min(shared, len(ask.Prompt)-1) / page * page; !slices.Equal(got.Tokens, want.Tokens) || !bytes.Equal(same, logits) || got.CachedTokens != cached {
				t.Errorf("%d tokens shared, %d own, chunks of %d: %v, %d cached, the same logits: %v; alone %v, want %d cached",
					shared, own, m.pace.rows, got.Tokens, got.CachedTokens, bytes.Equal(same, logits), want.Tokens, cached)
			}
		}
	}
}

// Requests that come all at once with the same beginning compute it once, whatever the first of them has yet to
// say, and get what they get alone; out of pages too.
func TestManyShareAPrefix(t *testing.T) {
	const requests, own = 50, 8
	roomy := small(t, Options{Sequences: 16, Context: 256})
	common := someIDs(roomy, 1, 2*shaders.PageTokens+6)
	computedOnce, computedByEach := len(common)+own, 6+own // behind the two pages that are full of common tokens
	var asked []Request
	first, others := 0, 0 // tokens
	for i := range requests {
		r := Request{Prompt: append(slices.Clone(common), someIDs(roomy, uint64(2+i), own)...), MaxTokens: 3, Sampling: penalized}
		r.Sampling.Seed = uint64(i)
		if i%5 == 4 {
			r.MaxTokens = 90
		}
		r.Emit = func(Token) error { others++; return nil }
		asked = append(asked, r)
	}
	asked[0].MaxTokens = 40
	asked[0].Emit = func(Token) error {
		if first++; first == 20 && others == 0 {
			t.Error("the others wait for the first one's whole answer")
		}
		return nil
	}
	got, err := roomy.GenerateBatch(context.Background(), asked)
	if err != nil {
		t.Fatal(err)
	}
	c, cached := roomy.Counters(), 0
	for _, r := range got {
		cached += r.CachedTokens
	}
	if want := computedOnce + (requests-1)*computedByEach; int(c.Computed) != want || c.PromptTokens != c.Reused+c.Computed || int(c.Reused) != cached ||
		int(c.PromptTokens) != requests*(len(common)+own) {
		t.Errorf("%+v, by the results %d reused; want %d computed", c, cached, want)
	}
	for _, i := range []int{0, 1, 17, requests - 1} {
		cold(t, roomy)
		if want, _ := numbers(t, roomy, asked[i]); !slices.Equal(want.Tokens, got[i].Tokens) {
			t.Errorf("request %d: %v, alone %v", i, got[i].Tokens, want.Tokens)
		}
	}
	tight := small(t, Options{Sequences: 16, Context: 256, Pages: 10})
	again, err := tight.GenerateBatch(context.Background(), asked)
	if err != nil {
		t.Fatal(err)
	}
	for i := range again {
		if !slices.Equal(again[i].Tokens, got[i].Tokens) {
			t.Errorf("request %d, put back %d times: %v, alone %v", i, again[i].PutBack, again[i].Tokens, got[i].Tokens)
		}
	}
	if c := tight.Counters(); c.PutBack == 0 || c.Replayed == 0 || 2*c.Computed > c.Reused {
		t.Errorf("out of pages: %+v", c)
	}
	cold(t, tight)
}

// What is generated is not found: a prompt that goes on from an answer computes it, by the kernels of prompts.
func TestGeneratedTokensAreNotShared(t *testing.T) {
	m := small(t, Options{Context: 256})
	ask := Request{Prompt: someIDs(m, 1, shaders.PageTokens+5), MaxTokens: 2 * shaders.PageTokens}
	first, _ := numbers(t, m, ask)
	ask.Prompt, ask.MaxTokens = slices.Concat(ask.Prompt, first.Tokens), 2
	got, logits := numbers(t, m, ask)
	cold(t, m)
	want, same := numbers(t, m, ask)
	if got.CachedTokens != shaders.PageTokens || !slices.Equal(got.Tokens, want.Tokens) || !bytes.Equal(logits, same) {
		t.Errorf("%v, %d cached; alone %v", got.Tokens, got.CachedTokens, want.Tokens)
	}
}

// Where log-probabilities of the prompt are wanted all of it is computed, and found by others.
func TestPromptLogprobsFindNothing(t *testing.T) {
	m := small(t, Options{Context: 256})
	for i, want := range []int{0, 0, shaders.PageTokens} {
		r := Request{Prompt: someIDs(m, 1, shaders.PageTokens+5), MaxTokens: 1, PromptLogprobs: i < 2}
		if got, _ := numbers(t, m, r); got.CachedTokens != want {
			t.Errorf("request %d: %d cached, want %d", i, got.CachedTokens, want)
		}
	}
}

// A prompt that is cancelled leaves the pages that were computed whole, and no others.
func TestPagesOfACancelledPrompt(t *testing.T) {
	m := small(t, Options{Context: 256})
	m.Steady(true)
	m.pace.rows = 7
	ask := Request{Prompt: someIDs(m, 1, 200), MaxTokens: 2, Sampling: penalized}
	want, logits := numbers(t, m, ask)
	for _, chunks := range []int{5, 7, 8, 9} { // one of them ends a position short of two pages
		cold(t, m)
		ctx, cancel := context.WithCancel(context.Background())
		if err := m.Trace(vk.TraceOff, func(s Submission) {
			if s.Lengths.Longest >= 7*chunks {
				cancel()
			}
		}); err != nil {
			t.Fatal(err)
		}
		before := m.Counters().Computed
		results, err := m.GenerateBatch(ctx, []Request{ask})
		if err != nil || results[0].Finish != FinishCancelled {
			t.Fatalf("%+v, %v", results[0], err)
		}
		computed := int(m.Counters().Computed - before)
		if err := m.Trace(vk.TraceOff, nil); err != nil {
			t.Fatal(err)
		}
		got, same := numbers(t, m, ask)
		if computed < 35 || got.CachedTokens != computed/shaders.PageTokens*shaders.PageTokens || !slices.Equal(got.Tokens, want.Tokens) || !bytes.Equal(same, logits) {
			t.Errorf("cancelled after %d tokens: %v, %d cached; alone %v", computed, got.Tokens, got.CachedTokens, want.Tokens)
		}
	}
}

// Pages that nobody uses give way to those that are wanted, the oldest first.
func TestKeptPagesGiveWay(t *testing.T) {
	m := small(t, Options{Context: 4 * shaders.PageTokens})
	var asked []Request
	var want []Result
	for i := range 3 {
		r := Request{Prompt: someIDs(m, uint64(i), shaders.PageTokens+9), MaxTokens: 2, Sampling: penalized}
		cold(t, m)
		result, _ := numbers(t, m, r)
		asked, want = append(asked, r), append(want, result)
	}
	cold(t, m)
	for _, c := range []struct {
		request, tokens int
		found           bool
	}{
		{0, 2, false}, {1, 2, false}, {2, 2, false}, {0, 2, true}, {1, 2, true}, {2, 2, true},
		{0, 3*shaders.PageTokens - 8, true}, // takes all pages
		{0, 2, true}, {1, 2, false}, {2, 2, false}, {1, 2, true},
	} {
		r := asked[c.request]
		r.MaxTokens = c.tokens
		got, _ := numbers(t, m, r)
		if !slices.Equal(got.Tokens[:2], want[c.request].Tokens) || (got.CachedTokens == shaders.PageTokens) != c.found || len(got.Tokens) != c.tokens {
			t.Errorf("%+v: %v, %d cached; alone %v", c, got.Tokens, got.CachedTokens, want[c.request].Tokens)
		}
	}
}

// The pages that an answer finds leave no room for the rest of it: it waits for some, beside another that has them.
func TestFoundPagesLeaveNoRoom(t *testing.T) {
	m := small(t, Options{Sequences: 2, Context: 256, Pages: 5})
	asked := []Request{
		{Prompt: someIDs(m, 1, 2*shaders.PageTokens+6), MaxTokens: 20, Sampling: penalized},
		{Prompt: someIDs(m, 2, 2*shaders.PageTokens+9), MaxTokens: 3, Sampling: penalized},
	}
	var want []Result
	for _, r := range asked { // the second one's two pages are kept, the first takes the other three
		cold(t, m)
		result, _ := numbers(t, m, r)
		want = append(want, result)
	}
	got, err := m.GenerateBatch(context.Background(), asked)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if !slices.Equal(r.Tokens, want[i].Tokens) || r.PutBack > 0 || r.CachedTokens != i*2*shaders.PageTokens {
			t.Errorf("request %d: %v, %d cached, put back %d times; alone %v", i, r.Tokens, r.CachedTokens, r.PutBack, want[i].Tokens)
		}
	}
}
