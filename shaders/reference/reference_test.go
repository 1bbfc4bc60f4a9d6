package reference

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sealvk/weights/format"
)

// Values worked out by hand, or from the papers.
func TestKnownValues(t *testing.T) {
	f := math.Float32bits
	cache := func(kv KV, isV bool, pageWords int, words map[int]uint32) *Cache {
		c := &Cache{Words: make([]uint32, 2*pageWords), KV: kv, IsV: isV, Heads: 1, HeadDim: 32, PageTokens: 2, Pages: []uint32{1, 0}}
		for i, w := range words { // pages are swapped: positions 0 and 1 are in the second half
			c.Words[pageWords+i] = w
		}
		return c
	}
	// Dimension 0 of the second position is 1, the rest of k 0; the first two of v are 1 and 2, 5 and 6.
	k := cache(KVF16, false, 32, map[int]uint32{4: 0x3c00})
	v := cache(KVF32, true, 64, map[int]uint32{0: f(1), 1: f(2), 32: f(5), 33: f(6)})
	k8 := cache(KVQ8, false, 18, map[int]uint32{4: 0x7f, 17: f(1. / 127)})
	v8 := cache(KVQ8, true, 18, map[int]uint32{0: 0x0201, 8: 0x0605, 16: f(1), 17: f(1)})
	q := make([]float32, 32)
	zeros := append([]float32{}, q...)
	q[0] = float32(math.Sqrt(32) * math.Log(3)) // makes scores 0 and log 3: weights 1/4 and 3/4
	two := func(a, b float64) []float64 { return append([]float64{a, b}, make([]float64, 30)...) }
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
		"Attention of equals":    {Attention(zeros, 1/math.Sqrt(32), k, v, 0, 2), two(3, 4)},
		"Attention":              {Attention(q, 1/math.Sqrt(32), k, v, 0, 2), two(4, 5)},
		"Attention of q8":        {Attention(q, 1/math.Sqrt(32), k8, v8, 0, 2), two(4, 5)},
		"Attention of one":       {Attention(q, 1/math.Sqrt(32), k, v, 0, 1), two(1, 2)},
		"AttentionMerge":         {AttentionMerge([]float32{0, 1, 9, 9, 3, 0, float32(math.Log(2)), 0.5, 9, 9, 0, 2}, 2), []float64{1.5, 2}},
		"Adjust":                 {Adjust([]float32{2, -2, 2, -2, 1}, Adjustments{Recent: []uint32{0, 1, 0}, Repeat: 2, Presence: 0.5, Frequency: 0.25, Biases: map[uint32]float32{1: 1, 3: 5}, Allowed: func(id int) bool { return id != 4 }}), []float64{0, -2.75, 2, 3, math.Inf(-1)}},
		"Exactly, cached as f32": {Exactly([]float32{1, 2}).Cached(KVF32), []float64{1, 2}},
	} {
		for i, want := range c.want {
			if len(c.got.Values) != len(c.want) || c.got.Values[i] != want && !(math.Abs(c.got.Values[i]-want) <= 1e-6) {
				t.Errorf("%s: %v, want %v", name, c.got.Values, c.want)
				break
			}
		}
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
	if Exactly([]float32{1}).Tolerance[0] != 0 || Exactly([]float32{1}).Cached(KVF16).Tolerance[0] < 1.0/2048 {
		t.Error("tolerances of copies")
	}
	ones := make([]float32, 64)
	ones[0], ones[33] = 127, -254
	if c := Exactly(ones).Cached(KVQ8); c.Tolerance[1] < 0.5 || c.Tolerance[1] > 0.51 || c.Tolerance[32] < 1 || c.Tolerance[32] > 1.01 {
		t.Errorf("tolerances of q8: %v, %v; want half a step of the block", c.Tolerance[1], c.Tolerance[32])
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
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		logits []float32
		f      Filters
		want   float64
	}{
		{[]float32{1, inf, nan, -inf, inf}, Filters{TopP: 0.9}, math.Inf(1)},
		{[]float32{1, inf, nan, -inf, 0}, Filters{TopP: 1, TopK: 2}, 1},
		{[]float32{2, nan, -inf, 0}, Filters{TopP: 1, TopK: 3}, 0},
		{[]float32{nan, -inf}, Filters{TopP: 0.5, TopK: 1, MinP: 0.1}, least},
	} {
		if got, _ := Threshold(c.logits, c.f); got != c.want {
			t.Errorf("%v, %+v: %v, want %v", c.logits, c.f, got, c.want)
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
	for typ, want := range map[format.Type][3]int{
		format.F32: {4 * 512}, format.F16: {2 * 512}, format.Q4_K: {2 * 144}, format.Q6_K: {2 * 210}, format.MLX(4, 64, format.BF16): {256, 16, 16},
	} {
		data, scales, biases := Weights(rng, typ, 1, 512)
		if got := [3]int{len(data), len(scales), len(biases)}; got != want {
			t.Errorf("%v: %v bytes, want %v", typ, got, want)
		}
	}
	data, _, _ := Weights(rng, format.Q4_K, 1, 256*100)
	for at := 0; at < len(data); at += 144 {
		for _, h := range []uint16{uint16(data[at]) | uint16(data[at+1])<<8, uint16(data[at+2]) | uint16(data[at+3])<<8} {
			if v := math.Abs(Half(h)); v > 0x1p-9 || h&0x7c00 == 0x7c00 {
				t.Fatalf("scale %v", v)
			}
		}
	}
}

func TestWrongChoice(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		logits      []float32
		id          uint32
		temperature float32
		wrong       string
	}{
		{[]float32{0, 3, 3, 1}, 1, 0, ""},
		{[]float32{0, 3, 3, 1}, 2, 0, "in front"},
		{[]float32{0, 3, 3, 1}, 3, 0, "threshold"},
		{[]float32{0, 3, 3, 1}, 4, 0, "threshold"},
		{[]float32{0, 3, 3, 1}, NoToken, 0, "greatest"},
		{[]float32{nan, -inf}, NoToken, 1, ""},
		{[]float32{nan, -inf}, 1, 1, "threshold"},
		{[]float32{0, inf}, 1, 1, ""},
		{[]float32{0, 90, inf}, 1, 1, "greatest"},
		{[]float32{0, 90, 1}, 1, 1, ""},
		{[]float32{0, 90, 1}, 2, 1, "greatest"},
	} {
		got := WrongChoice(c.logits, c.id, Filters{TopP: 1}, c.temperature, 0, [2]uint32{})
		if (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%v, token %d at %v: %q, want %q", c.logits, int32(c.id), c.temperature, got, c.wrong)
		}
	}
}

func TestLogprobs(t *testing.T) {
	inf, nan := math.Inf(1), float32(math.NaN())
	for _, c := range []struct {
		logits []float32
		want   []float64
		ids    []uint32 // of the two likeliest
	}{
		{[]float32{0, 0}, []float64{-math.Ln2, -math.Ln2}, []uint32{0, 1}},
		{[]float32{1000, 1000 + math.Ln2, 1000}, []float64{-2 * math.Ln2, -math.Ln2, -2 * math.Ln2}, []uint32{1, 0}},
		{[]float32{nan, -3, float32(-inf)}, []float64{-inf, 0, -inf}, []uint32{1}},
		{[]float32{5, float32(inf), float32(inf)}, []float64{-inf, -math.Ln2, -math.Ln2}, []uint32{1, 2}},
		{[]float32{nan, float32(-inf)}, []float64{-inf, -inf}, nil},
	} {
		got := Logprobs(c.logits)
		for i, want := range c.want {
			if off := math.Abs(got[i] - want); !(off < 1e-4 || got[i] == want) {
				t.Errorf("%v: %v, want %v", c.logits, got, c.want)
				break
			}
		}
		if ids := Likeliest(c.logits, 2); !slices.Equal(ids, c.ids) {
			t.Errorf("%v: tokens %v, want %v", c.logits, ids, c.ids)
		}
	}
}
