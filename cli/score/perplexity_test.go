package score

import (
	"errors"
	"math"
	"slices"
	"testing"

	"sealvk/engine"
)

func upTo(n int) (ids []int32) {
	for i := range n {
		ids = append(ids, int32(100+i))
	}
	return ids
}

func TestChunks(t *testing.T) {
	ids := upTo(23)
	windows, err := Chunks(ids, 8, 2)
	if err != nil || len(windows) != 2 {
		t.Fatalf("%v, %v", windows, err)
	}
	for i, w := range windows {
		want := slices.Clone(ids[8*i:][:8])
		want[0] = 2
		if !slices.Equal(w.IDs, want) || w.First != 5 || w.Weight != 3 {
			t.Errorf("chunk %d: %+v", i, w)
		}
	}
	if ids[0] != 100 || ids[8] != 108 {
		t.Error("the text's ids have changed")
	}
	if windows, err := Chunks(ids, 7, -1); err != nil || len(windows) != 3 || windows[1].IDs[0] != 107 || windows[1].First != 4 || windows[1].Weight != 3 {
		t.Errorf("no bos, an odd size: %+v, %v", windows, err)
	}
	var short *TooShortError
	if _, err := Chunks(upTo(15), 8, 2); !errors.As(err, &short) || short.Tokens != 15 || short.Want != 16 {
		t.Errorf("too short: %v", err)
	}
	if _, err := Chunks(ids, 3, 2); err == nil || errors.As(err, &short) {
		t.Errorf("chunks of which nothing counts: %v", err)
	}
}

// Every token but the first counts once where the windows overlap; where they don't, the first of
// each has nothing in front.
func TestStrides(t *testing.T) {
	for _, c := range []struct {
		n, ctx, stride int
		missing        []int32
		weights        []int
	}{
		{20, 8, 4, []int32{100}, []int{7, 3, 3, 3}},
		{20, 8, 3, []int32{100}, []int{7, 2, 2, 2, 2}},
		{20, 8, 8, []int32{100, 108, 116}, []int{7, 7, 3}},
		{17, 8, 8, []int32{100, 108, 116}, []int{7, 7}}, // a window of one token has nothing to count
		{10, 8, 1, []int32{100}, []int{7, 0, 0}},
		{8, 8, 4, []int32{100}, []int{7}},
		{2, 8, 4, []int32{100}, []int{1}},
	} {
		ids := upTo(c.n)
		windows, err := Strides(ids, c.ctx, c.stride)
		if err != nil {
			t.Fatal(err)
		}
		var counted []int32
		var weights []int
		for _, w := range windows {
			counted, weights = append(counted, w.IDs[w.First:]...), append(weights, w.Weight)
			if len(w.IDs) > c.ctx {
				t.Errorf("%+v: a window of %d", c, len(w.IDs))
			}
		}
		want := slices.DeleteFunc(slices.Clone(ids), func(id int32) bool { return slices.Contains(c.missing, id) })
		if !slices.Equal(counted, want) || !slices.Equal(weights, c.weights) {
			t.Errorf("%+v: count %v by %v", c, counted, weights)
		}
	}
	var short *TooShortError
	if _, err := Strides(upTo(1), 8, 4); !errors.As(err, &short) {
		t.Errorf("one token: %v", err)
	}
	for _, bad := range [][2]int{{1, 1}, {8, 0}, {8, 9}} {
		if _, err := Strides(upTo(20), bad[0], bad[1]); err == nil {
			t.Errorf("%v is allowed", bad)
		}
	}
}

func TestPerplexity(t *testing.T) {
	var p Perplexity
	logprobs := func(values ...float32) (list []engine.Logprob) {
		for _, v := range values {
			list = append(list, engine.Logprob{Value: v})
		}
		return list
	}
	err := errors.Join(
		p.Add(Window{IDs: upTo(4), First: 2, Weight: 1}, logprobs(-1, -3)),
		p.Add(Window{IDs: upTo(3), First: 1, Weight: 3}, logprobs(-2, -6)),
	)
	if err != nil {
		t.Fatal(err)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9*math.Abs(b) }
	// Means 2 and 4, by 1 and 3; the variance of 1, 3, 2, 6 is 3.5.
	if p.Tokens() != 4 || !near(p.Sum(), 12) || !near(p.NLL(), 3.5) || !near(p.Value(), math.Exp(3.5)) || !near(p.StdErr(), math.Exp(3.5)*math.Sqrt(3.5/3)) {
		t.Errorf("%+v: %v ± %v", p, p.Value(), p.StdErr())
	}
	for _, bad := range [][]engine.Logprob{logprobs(-1), logprobs(-1, float32(math.NaN())), logprobs(-1, float32(math.Inf(-1)))} {
		if err := p.Add(Window{IDs: upTo(3), First: 1, Weight: 2}, bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}
