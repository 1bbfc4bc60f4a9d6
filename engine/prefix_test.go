package engine

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"sealvk/shaders"
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
func cold(t *testing.T, m *Model) {
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
			got, same := numbers(t, m, ask)
			if cached := min(shared, len(ask.Prompt)-1) / page * page; !slices.Equal(got.Tokens, want.Tokens) || !bytes.Equal(same, logits) || got.CachedTokens != cached {
				t.Errorf("%d tokens shared, %d own, chunks of %d: %v, %d cached, the same logits: %v; alone %v, want %d cached",
					shared, own, m.pace.rows, got.Tokens, got.CachedTokens, bytes.Equal(same, logits), want.Tokens, cached)
			}
		}
	}
}
