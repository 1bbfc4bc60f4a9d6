package roofline

import (
	"math"
	"slices"
	"testing"

	kernels "sealvk/shaders/roofline"
	"sealvk/vk"
)

// The chains keep to what is exact in f16, and end elsewhere than they began.
func TestChainsAreExact(t *testing.T) {
	for i := range 16 {
		for j := range 4 * chainWidth {
			x, y := i+j, i+j+1+j/chainWidth
			start := [2]int{x, y}
			for range 4 * rounds {
				y += x
				x -= y
				if max(x, -x, y, -y) > 2048 {
					t.Fatalf("chain %d of invocation %d reaches %d, %d", j, i, x, y)
				}
			}
			if start == [2]int{x, y} {
				t.Errorf("chain %d of invocation %d ends where it began", j, i)
			}
		}
	}
}

func TestDot(t *testing.T) {
	for _, c := range []struct{ x, y, want int32 }{
		{0x01020304, 0x01010101, 10},
		{-1, 0x7f7f7f7f, -4 * 127},
		{math.MinInt32, math.MinInt32, 128 * 128},
		{0x00ff0000, 0x00050000, -5},
	} {
		if got := dot(c.x, c.y); got != c.want {
			t.Errorf("dot(%#x, %#x) = %d, want %d", c.x, c.y, got, c.want)
		}
	}
	// The chains of int8 do not fall into a short cycle.
	seen := map[int32]bool{}
	x := int32(0)
	for range 4 * rounds {
		x = dot(x, dotA) + dotB
		seen[x] = true
	}
	if len(seen) < 20 {
		t.Errorf("%d different values in %d steps", len(seen), 4*rounds)
	}
}

// Results of a wrong value, and those that a run before left, do not pass.
func TestWrongResultsAreFound(t *testing.T) {
	b := newTestBench(t)
	out, err := b.results()
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.pipeline(kernels.FMAF32, 0, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	g := &grid{out: out, groupBytes: 16, most: 3} // so that 16 groups need six dispatches
	check := func() error {
		want := floatResults(chainWidth, b.seed())
		return checkWhole[float32](b, g, func(i int) float64 { return want[i%16] })
	}
	_, err = b.run(func(c *vk.Commands, seed uint32) {
		g.record(16, func(r vk.Range, groups int) {
			c.Dispatch("chains", p, floatPush(seed), kernels.FMAF32.Bind(r), groups, 1, 1)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.written) != slots || check() != nil {
		t.Fatalf("%d ranges, %v", len(g.written), check())
	}
	for _, bad := range [][]byte{words(float32(math.NaN())), words[float32](1)} {
		at := out.Range(g.written[1].Offset+20, 4)
		before, err := read[float32](b, at)
		if err != nil {
			t.Fatal(err)
		}
		if err := device.Write(at, bad); err != nil {
			t.Fatal(err)
		}
		if check() == nil {
			t.Error("a wrong result passes")
		}
		if err := device.Write(at, words(before...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := check(); err != nil {
		t.Error(err)
	}
	b.runs++
	if check() == nil {
		t.Error("results of the run before pass")
	}
}

func TestCooperativeMatrixChoice(t *testing.T) {
	all := vk.Features{CooperativeMatrix: true, VulkanMemoryModel: true, ShaderFloat16: true, StorageBuffer16BitAccess: true}
	shape := func(m, n, k int, ab, sum, scope string) vk.CooperativeMatrix {
		return vk.CooperativeMatrix{M: m, N: n, K: k, A: ab, B: ab, C: sum, Result: sum, Scope: scope}
	}
	f16 := shape(16, 16, 16, "f16", "f16", "subgroup")
	small, large := shape(16, 8, 8, "f16", "f32", "subgroup"), shape(16, 16, 16, "f16", "f32", "subgroup")
	others := []vk.CooperativeMatrix{shape(16, 16, 32, "s8", "s32", "subgroup"), shape(64, 64, 64, "f16", "f32", "workgroup"),
		{M: 16, N: 16, K: 16, A: "f16", B: "f16", C: "f16", Result: "f32", Scope: "subgroup"}}
	for _, c := range []struct {
		what     string
		features vk.Features
		have     []vk.CooperativeMatrix
		want     []vk.CooperativeMatrix
	}{
		{"f32 sums first, the largest first", all, append(slices.Clone(others), f16, small, large), []vk.CooperativeMatrix{large, small}},
		{"else f16", all, append(slices.Clone(others), f16), []vk.CooperativeMatrix{f16}},
		{"none", all, others, nil},
		{"without the feature", vk.Features{}, []vk.CooperativeMatrix{large}, nil},
		{"at most three", all, []vk.CooperativeMatrix{large, small, small, small}, []vk.CooperativeMatrix{large, small, small}},
	} {
		if got := coopMatrices(&vk.Caps{Features: c.features, CooperativeMatrices: c.have}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// Every variant computes what it should, also those that Measure tries on other devices,
// and with every shape of matrices.
func TestVariants(t *testing.T) {
	for _, gpu := range []bool{false, true} {
		b := newTestBench(t)
		b.gpu = gpu
		w := newTestSet(t, b)
		out, err := b.results()
		if err != nil {
			t.Fatal(err)
		}
		var loads []*load
		add := func(list []*load, err error) {
			if err != nil {
				t.Fatal(err)
			}
			loads = append(loads, list...)
		}
		add(w.reads())
		add(w.copies())
		c := *device.Caps()
		add(b.chainLoads(&f32Chains, out))
		if c.Features.ShaderFloat16 {
			add(b.chainLoads(&f16Chains, out))
		}
		if c.Features.IntegerDotProduct {
			add(b.chainLoads(&int8Chains, out))
		}
		for _, m := range c.CooperativeMatrices {
			c.CooperativeMatrices = []vk.CooperativeMatrix{m}
			if len(coopMatrices(&c)) > 0 {
				add(b.coopLoads(m, out))
			}
		}
		for _, l := range loads {
			if _, _, err := b.rate(l, 3, true); err != nil {
				t.Error(err)
			}
			b.runs++
			if l.prepare == nil && l.check() == nil { // copies run again to be checked
				t.Errorf("%s: results of the run before pass", l.variant)
			}
		}
		t.Logf("gpu %v: %d variants", gpu, len(loads))
		b.free()
	}
}

// The sums stay within the whole numbers of f16, or f32, and depend on their place.
func TestCooperativeMatrixTiles(t *testing.T) {
	m := vk.CooperativeMatrix{M: 16, N: 16, K: 32}
	for scale, limit := range map[float32]float64{-1: 2048, 1: 1 << 24} {
		elements, tile := coopFactors(m, scale)
		if want := 2 * (16*32 + coopChains*32*16); len(elements) != want {
			t.Errorf("%d bytes of factors, want %d", len(elements), want)
		}
		got := tile(coopChains, 60)
		different := map[float64]bool{}
		for _, v := range got {
			different[v] = true
			if math.Abs(v) > limit || v != math.Trunc(v) {
				t.Errorf("scale %v: %v", scale, v)
			}
		}
		if len(different) < 8 {
			t.Errorf("scale %v: only %d different values", scale, len(different))
		}
	}
}
