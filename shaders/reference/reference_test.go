package reference

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Values worked out by hand, or from the papers.
func TestKnownValues(t *testing.T) {
	half := uint32(0x3c00) // 1 as f16
	cache := func(f16 bool, words ...uint32) *Cache {
		return &Cache{Words: words, F16: f16, Heads: 1, HeadDim: 2, PageTokens: 2, Pages: []uint32{1, 0}}
	}
	f := math.Float32bits
	// Pages are swapped: positions 0 and 1 are in the second half.
	k := cache(true, 0, 0, 0, half)
	v := cache(false, f(9), f(9), f(9), f(9), f(1), f(2), f(5), f(6))
	quarter := float32(math.Sqrt2 * math.Log(3)) // makes scores 0 and log 3: weights 1/4 and 3/4
	for name, c := range map[string]struct {
		got  Expected
		want []float64
	}{
		"MatMul":                 {MatMul([]float32{1, 2, 3, 4}, []float32{5, 6, -1, 1}, 2, 2, 2), []float64{17, 39, 1, 1}},
		"MatMul of 3 by 1":       {MatMul([]float32{1, 2, 3}, []float32{2}, 3, 1, 1), []float64{2, 4, 6}},
		"Plus":                   {MatMul([]float32{1, 2}, []float32{3, 4}, 1, 2, 1).Plus([]float32{-1}), []float64{10}},
		"Embed":                  {Embed([]float32{1, -2}, 3), []float64{3, -6}},
		"RMSNorm":                {RMSNorm([]float32{3, 4, 0, 0}, []float32{1, 10}, 2, 0.5), []float64{3 / math.Sqrt(13), 40 / math.Sqrt(13), 0, 0}},
		"GeGLU":                  {GeGLU([]float32{0, 1, -1}, []float32{5, 1, 2}), []float64{0, 0.8411919906, -2 * 0.1588080094}},
		"RoPE at 0":              {RoPE([]float32{1, 2, 3, 4}, 4, 0, 10000), []float64{1, 2, 3, 4}},
		"RoPE":                   {RoPE([]float32{1, 2, 3, 4}, 4, 1, 10000), []float64{math.Cos(1) - 3*math.Sin(1), 2*math.Cos(.01) - 4*math.Sin(.01), 3*math.Cos(1) + math.Sin(1), 4*math.Cos(.01) + 2*math.Sin(.01)}},
		"Attention of equals":    {Attention([]float32{0, 0}, k, v, 0, 2), []float64{3, 4}},
		"Attention":              {Attention([]float32{quarter, 7}, k, v, 0, 2), []float64{4, 5}},
		"Attention of one":       {Attention([]float32{quarter, 7}, k, v, 0, 1), []float64{1, 2}},
		"AttentionMerge":         {AttentionMerge([]float32{0, 1, 3, 0, float32(math.Log(2)), 0.5, 0, 2}, 2), []float64{1.5, 2}},
		"Penalize":               {Penalize([]float32{2, -2, 2, -2}, []uint32{0, 1, 0}, 2), []float64{1, -4, 2, -2}},
		"Exactly, cached as f32": {Exactly([]float32{1, 2}).Cached(false), []float64{1, 2}},
	} {
		for i, want := range c.want {
			if len(c.got.Values) != len(c.want) || math.Abs(c.got.Values[i]-want) > 1e-6 {
				t.Errorf("%s: %v, want %v", name, c.got.Values, c.want)
				break
			}
		}
	}
	if logSum, _ := AttentionSplit([]float32{quarter, 7}, k, v, 0, 0, 2); math.Abs(logSum-math.Log(4)) > 1e-6 {
		t.Errorf("log Σ exp of scores 0 and log 3 = %v, want log 4", logSum)
	}
	for h, want := range map[uint16]float64{0x3c00: 1, 0xc000: -2, 0x0001: 0x1p-24, 0x83ff: -0x1p-14 + 0x1p-24, 0x7bff: 65504, 0: 0} {
		if got := Half(h); got != want {
			t.Errorf("half %#x = %v, want %v", h, got, want)
		}
	}
}

// A check that lets everything pass is none.
func TestCheckFinds(t *testing.T) {
	e := MatMul([]float32{1, 2, 3, 4}, []float32{1, 1}, 2, 2, 1)
	if m := e.Check([]float32{3, 7}); m != nil {
		t.Errorf("the very values: %v", m)
	}
	for i, got := range [][]float32{{3.0001, 7}, {3, float32(math.NaN())}, {float32(math.Inf(1)), 7}, {3, 6.9999}} {
		if m := e.Check(got); m == nil || m.Index != i%2 {
			t.Errorf("%v: %+v", got, m)
		}
	}
	if Exactly([]float32{1}).Tolerance[0] != 0 || Exactly([]float32{1}).Cached(true).Tolerance[0] < 1.0/2048 {
		t.Error("tolerances of copies")
	}
	logSum, mean := 1.0, []float64{2, 3}
	sum := float32(math.Exp(0.75))
	for _, c := range []struct {
		partial []float32
		wrong   bool
	}{
		{[]float32{0.25, sum, 2 * sum, 3 * sum}, false},
		{[]float32{0.25, sum, 2 * sum, 3.001 * sum}, true},
		{[]float32{0.26, sum, 2 * sum, 3 * sum}, true},
		{[]float32{0.25, 0, 0, 0}, true},
	} {
		if m := AttentionPartial(c.partial, logSum, mean); (m != nil) != c.wrong {
			t.Errorf("partial %v: %v", c.partial, m)
		}
	}
}

func TestThreshold(t *testing.T) {
	logits := []float32{0, 3, 1, 2, -9} // shares of about 0.03, 0.64, 0.09, 0.24, 0
	for _, c := range []struct {
		f           Filters
		want, slack float64
	}{
		{Filters{TopP: 1}, -9, 0},
		{Filters{TopP: 1, TopK: 2}, 2, 0},
		{Filters{TopP: 1, TopK: 9}, -9, 0},
		{Filters{TopP: 0.6}, 3, 0},
		{Filters{TopP: 0.7}, 2, 0},
		{Filters{TopP: 0.9}, 1, 0},
		{Filters{TopP: 0.9, TopK: 2}, 2, 0},
		{Filters{TopP: 1, MinP: 0.2}, 3 + math.Log(float64(float32(0.2))), 1e-5},
		{Filters{TopP: 0.6, MinP: 0.2}, 3, 0},
	} {
		if got, slack := Threshold(logits, c.f); got != c.want || slack != c.slack {
			t.Errorf("%+v: %v ± %v, want %v ± %v", c.f, got, slack, c.want, c.slack)
		}
	}
	for _, c := range []struct {
		got   float32
		slack float64
		want  int
	}{{1, 0, -1}, {0.5, 0, -1}, {2, 0, 2}, {0, 0, 0}, {0, 2, -1}, {2, 2, -1}} {
		if at := WrongSide(logits, c.got, 1, c.slack); at != c.want {
			t.Errorf("threshold %v for 1 ± %v: logit %d, want %d", c.got, c.slack, at, c.want)
		}
	}
}

// Known answers of the Random123 distribution (kat_vectors).
func TestPhilox(t *testing.T) {
	ones := ^uint32(0)
	for _, v := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
	} {
		if got := Philox(v.counter, v.key); got != v.want {
			t.Errorf("philox(%x, %x) = %x, want %x", v.counter, v.key, got, v.want)
		}
	}
}

func TestPick(t *testing.T) {
	logits := []float32{1, 5, 5, 9}
	if keys := PickKeys(logits, 5, 0, 0, [2]uint32{}); !slices.Equal(keys, []float64{math.Inf(-1), 5, 5, 9}) {
		t.Errorf("greedy keys %v", keys)
	}
	noise := Philox([4]uint32{0, 7}, [2]uint32{3, 4})
	want := 9/0.5 - math.Log(-math.Log((float64(^noise[3])+0.5)/(1<<32)))
	if keys := PickKeys(logits, 5, 0.5, 7, [2]uint32{3, 4}); !math.IsInf(keys[0], -1) || math.Abs(keys[3]-want) > 1e-6 {
		t.Errorf("keys %v, want %v for the last", keys, want)
	}
	for _, c := range []struct {
		keys []float32
		ids  []uint32
		want uint32
	}{
		{[]float32{1, 3, 2}, []uint32{7, 8, 9}, 8},
		{[]float32{3, 3}, []uint32{9, 8}, 8},
		{[]float32{9, 1}, []uint32{NoToken, 8}, 8},
		{[]float32{9}, []uint32{NoToken}, NoToken},
		{nil, nil, NoToken},
	} {
		if got := Best(c.keys, c.ids); got != c.want {
			t.Errorf("best of %v %v: %d, want %d", c.keys, c.ids, got, c.want)
		}
	}
}

func TestWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const mlx = 1<<17 | 1<<16 | 4<<8 | 64
	for typ, want := range map[uint32][3]int{0: {4 * 512}, 1: {2 * 512}, 12: {2 * 144}, 14: {2 * 210}, mlx: {256, 16, 16}} {
		data, scales, biases := Weights(rng, typ, 1, 512)
		if got := [3]int{len(data), len(scales), len(biases)}; got != want {
			t.Errorf("type %d: %v bytes, want %v", typ, got, want)
		}
	}
	data, _, _ := Weights(rng, 12, 1, 256*100)
	for at := 0; at < len(data); at += 144 {
		for _, h := range []uint16{uint16(data[at]) | uint16(data[at+1])<<8, uint16(data[at+2]) | uint16(data[at+3])<<8} {
			if v := math.Abs(Half(h)); v > 0x1p-9 || h&0x7c00 == 0x7c00 {
				t.Fatalf("scale %v", v)
			}
		}
	}
}
