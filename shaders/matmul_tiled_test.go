package shaders

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// tiled are the tilings under test: that of GPUs, and the smallest parts, which every type
// goes through.
func tiled() map[string]Prefill {
	large := DefaultPrefill(withoutCoopMat(device.Caps()))
	small := Prefill{
		Narrow: Tiling{Rows: 64, Tokens: 16, Cols: 32, PartRows: 8, PartTokens: 2, Buffers: 2},
		Middle: Tiling{Rows: 32, Tokens: 32, Cols: 32, PartRows: 4, PartTokens: 4, Buffers: 1},
		Wide:   Tiling{Rows: 32, Tokens: 64, Cols: 32, PartRows: 4, PartTokens: 4, Buffers: 1},
		Groups: 1, Splits: 1,
	}
	return map[string]Prefill{"large": large, "small": small}
}

func withoutCoopMat(c *vk.Caps) *vk.Caps {
	plain := *c
	plain.Features.CooperativeMatrix = false
	return &plain
}

// prefillTuning is the small kernels that tests of prefill leave aside, and p.
func prefillTuning(p Prefill) Tuning {
	t := tunings()["lanes4"]
	t.Prefill = p
	return t
}

// prefill checks MatMulPrefill, storing and adding, over buffers of its own.
func (b *bench) prefill(rng *rand.Rand, typ Type, rows, cols, tokens, splits int, x []float32, want func(w, x []float32, rows, cols, tokens int) reference.Expected) {
	b.t.Helper()
	defer b.free()
	file, w := randomWeights(b.t, rng, typ, rows, cols)
	first := len(x)/cols - tokens
	m := b.matrix(file, 2+2*rng.IntN(100))
	rx, y, sum := in(b, "x", x), b.out("y", tokens*rows), inout(b, "sum", normal(rng, tokens*rows, 1))
	half, partial := b.half(tokens, m), vk.Range{}
	if splits > 1 {
		partial = b.out("partial", splits*tokens*rows)
	}
	before := b.floats(sum)
	b.run(func(c *vk.Commands) {
		operand := b.set.Operand(c, "half", Operand{X: rx, First: first, Tokens: tokens, Cols: cols}, half, m)
		if splits > 1 {
			b.set.MatMulPrefill(c, "splits", MatMulPrefill{W: m, X: operand, Partial: partial})
		}
		b.set.MatMulPrefill(c, "stores", MatMulPrefill{W: m, X: operand, Y: y, Stride: rows})
		b.set.MatMulPrefill(c, "adds", MatMulPrefill{W: m, X: operand, Y: sum, Stride: rows, Add: true})
	})
	expected := want(w, x[first*cols:], rows, cols, tokens)
	what := fmt.Sprintf("%s, %d×%d, %d tokens from %d, %d splits", name(typ), rows, cols, tokens, first, splits)
	near(b.t, what, b.floats(y), expected)
	near(b.t, what+", added", b.floats(sum), expected.Plus(before))
	if splits > 1 {
		near(b.t, what+", split", b.summed(partial, b.set.PrefillSplits(m), tokens*rows), expected)
	}
}

// summed is the sum of splits of count values each.
func (b *bench) summed(partial vk.Range, splits, count int) []float32 {
	values := b.floats(partial)
	sum := values[:count]
	for s := 1; s < splits; s++ {
		for i := range sum {
			sum[i] += values[s*count+i]
		}
	}
	return sum
}

// Matrices of few tiles are split by columns, where there is room for the parts.
func TestMatMulSplits(t *testing.T) {
	p := tiled()["small"]
	p.Groups, p.Splits = 9, 3
	testSplits(t, p, reference.MatMul)
}

func testSplits(t *testing.T, p Prefill, want func(w, x []float32, rows, cols, tokens int) reference.Expected) {
	b, rng := newBench(t, KVF16, prefillTuning(p)), random(t)
	const rows, tokens = 37, 5 // 1 tile
	for _, c := range []struct{ cols, room, splits int }{
		{2 * splitCols, 3, 2}, {3*splitCols + 256, 3, 3}, {9 * splitCols, 9, 3}, {2*splitCols - 256, 3, 1},
	} {
		var grid [3]int
		b.set.Observe(func(d Dispatch) {
			if d.Pipeline.Kernel == p.kernel().Name && d.Label == "splits" {
				grid, _ = d.At(Lengths{})
			}
		})
		b.prefill(rng, format.Q4_K, rows, c.cols, tokens, c.room, normal(rng, tokens*c.cols, 1), want)
		if grid[2] != c.splits {
			t.Errorf("%+v: %d splits", c, grid[2])
		}
	}
}

// extremes is tokens of values that are hard to scale: large, tiny, beyond what f32 keeps
// exactly, none, and one that dwarfs the others.
func extremes(rng *rand.Rand, cols int) []float32 {
	var x []float32
	for _, scale := range []float64{1e5, 1e-20, 3e-40, 0, 1e30} {
		x = append(x, normal(rng, cols, scale)...)
	}
	x = append(x, normal(rng, cols, 1)...)
	x[len(x)-cols/2] = 1e6
	x = append(x, normal(rng, cols, 1e-3)...)
	x[len(x)-1] = -1e5
	return x
}

func TestMatMulTiledExtremes(t *testing.T) {
	for _, typ := range []Type{format.F32, format.Q8_0} {
		const rows, cols = 40, 96
		rng := random(t)
		x := extremes(rng, cols)
		newBench(t, KVF16, prefillTuning(tiled()["small"])).prefill(rng, typ, rows, cols, len(x)/cols, 1, x, reference.MatMul)
	}
}

// Every tiling that is chosen fits the device that it is chosen for.
func TestDefaultPrefill(t *testing.T) {
	f16 := func(m, n, k int) vk.CooperativeMatrix {
		return vk.CooperativeMatrix{M: m, N: n, K: k, A: "f16", B: "f16", C: "f32", Result: "f32", Scope: "subgroup"}
	}
	for name, d := range map[string]struct {
		shared, invocations    int
		subgroup, least        int
		matrices               []vk.CooperativeMatrix
		want                   CoopMat
		narrow, middle, widest [3]int // tokens, columns, buffers
	}{
		"smallest":      {16 << 10, 128, 4, 4, nil, CoopMat{}, [3]int{32, 32, 1}, [3]int{64, 32, 1}, [3]int{64, 32, 1}},
		"usual":         {32 << 10, 256, 64, 64, nil, CoopMat{}, [3]int{32, 32, 1}, [3]int{64, 32, 2}, [3]int{64, 32, 2}},
		"NVIDIA":        {48 << 10, 1024, 32, 32, []vk.CooperativeMatrix{f16(16, 8, 8), f16(16, 16, 16), f16(16, 8, 16)}, CoopMat{16, 16, 16, 32}, [3]int{64, 64, 1}, [3]int{128, 64, 1}, [3]int{256, 32, 1}},
		"AMD, RDNA 3":   {64 << 10, 1024, 64, 32, []vk.CooperativeMatrix{f16(16, 16, 16)}, CoopMat{16, 16, 16, 32}, [3]int{64, 64, 1}, [3]int{128, 64, 1}, [3]int{256, 32, 1}},
		"Intel, Xe HPG": {64 << 10, 1024, 32, 8, []vk.CooperativeMatrix{f16(8, 8, 16)}, CoopMat{8, 8, 16, 8}, [3]int{32, 32, 2}, [3]int{64, 32, 2}, [3]int{64, 32, 2}},
		"Intel, Xe 2":   {128 << 10, 1024, 32, 16, []vk.CooperativeMatrix{f16(8, 16, 16)}, CoopMat{8, 16, 16, 16}, [3]int{32, 32, 2}, [3]int{64, 32, 2}, [3]int{64, 32, 2}},
		"waves of 64":   {64 << 10, 1024, 64, 64, []vk.CooperativeMatrix{f16(16, 16, 16)}, CoopMat{16, 16, 16, 64}, [3]int{64, 64, 1}, [3]int{128, 64, 1}, [3]int{256, 32, 1}},
		"32 KiB":        {32 << 10, 1024, 32, 32, []vk.CooperativeMatrix{f16(16, 16, 16)}, CoopMat{16, 16, 16, 32}, [3]int{64, 64, 1}, [3]int{128, 32, 1}, [3]int{256, 32, 1}},
		"small shared":  {16 << 10, 1024, 32, 32, []vk.CooperativeMatrix{f16(16, 16, 16)}, CoopMat{16, 16, 16, 32}, [3]int{64, 32, 1}, [3]int{64, 32, 1}, [3]int{64, 32, 1}},
		"few together":  {64 << 10, 256, 64, 64, []vk.CooperativeMatrix{f16(16, 16, 16)}, CoopMat{16, 16, 16, 64}, [3]int{64, 64, 1}, [3]int{128, 64, 1}, [3]int{128, 64, 1}},
		"no f32 sum": {32 << 10, 1024, 32, 32, []vk.CooperativeMatrix{{M: 16, N: 16, K: 16, A: "f16", B: "f16", C: "f16", Result: "f16", Scope: "subgroup"}},
			CoopMat{}, [3]int{32, 32, 1}, [3]int{64, 32, 2}, [3]int{64, 32, 2}},
	} {
		c := &vk.Caps{Type: vk.Discrete, CooperativeMatrices: d.matrices}
		c.Limits.MaxComputeSharedMemorySize, c.Limits.MaxComputeWorkGroupInvocations = d.shared, d.invocations
		c.Limits.MaxComputeWorkGroupSize = [3]int{d.invocations, d.invocations, 64}
		c.Subgroup = vk.Subgroup{Size: d.subgroup, MinSize: d.least, MaxSize: 64, SizeControl: true}
		c.Features.CooperativeMatrix, c.Features.VulkanMemoryModel, c.Features.ShaderFloat16 = d.matrices != nil, true, true
		p := DefaultPrefill(c)
		if err := p.Check(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := [][3]int{d.narrow, d.middle, d.widest}
		for i, tile := range p.tilings() {
			if p.CoopMat != d.want || [3]int{tile.Tokens, tile.Cols, tile.Buffers} != want[i] {
				t.Errorf("%s: %+v", name, p)
			}
		}
	}
	for what, spoil := range map[string]func(p *Prefill){
		"no power of two":   func(p *Prefill) { p.Wide.Rows = 96 },
		"parts of the tile": func(p *Prefill) { p.Narrow.PartRows = 128 },
		"buffers":           func(p *Prefill) { p.Wide.Buffers = 4 },
		"invocations":       func(p *Prefill) { p.Wide.PartRows, p.Wide.PartTokens = 1, 1 },
		"shared memory":     func(p *Prefill) { p.Wide.Rows = 1 << 20; p.Wide.PartRows = 1 << 17 },
		"8 or more":         func(p *Prefill) { p.Wide.PartTokens = 16 },
		"8 or 16 of rows":   func(p *Prefill) { p.Middle.PartRows, p.Middle.PartTokens = 2, 8 },
		"matrices of":       func(p *Prefill) { p.CoopMat = CoopMat{32, 16, 16, 4} },
	} {
		p := tiled()["large"]
		if spoil(&p); p.Check(device.Caps()) == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// A token's sums are the same bits alone and among others, in all tilings, of products that store, are
// split, or go on to GeGLU.
func TestPrefillTokensOfBatch(t *testing.T) {
	p := tiled()["small"]
	p.Groups, p.Splits = 9, 2
	p.Narrow.Rows, p.Narrow.PartRows = 32, 4
	for _, typ := range []Type{format.F32, format.F16} {
		testTokensOfBatch(t, p, typ)
	}
}

func testTokensOfBatch(t *testing.T, p Prefill, typ Type) {
	t.Helper()
	const rows, cols, tokens = 64, 2*splitCols + 32, 600
	rng := random(t)
	b := newBench(t, KVF16, prefillTuning(p))
	tilings := map[string]bool{}
	b.set.Observe(func(d Dispatch) {
		if d.Pipeline.Kernel == p.kernel().Name {
			tile, _, _ := strings.Cut(d.Pipeline.Variant, ",")
			tilings[tile] = true
		}
	})
	file, _ := randomWeights(t, rng, typ, rows, cols)
	m := b.matrix(file, rows)
	x, partial := in(b, "x", normal(rng, tokens*cols, 1)), b.out("partial", 2*tokens*rows)
	// products is of n tokens: the splits' sums, the sums of all columns at once, and what GeGLU makes.
	products := func(first, n int) (all [3][]float32) {
		half := b.half(n, m)
		whole, geglu := b.out("whole", n*rows), b.set.GeGLUOperand(vk.Range{}, n, &Matrix{Type: typ, Cols: rows / 2})
		words := n * rows / 2
		if geglu.Half {
			words = int(geglu.Bytes() / 4)
		}
		geglu.X = inout(b, "geglu", make([]float32, words))
		b.run(func(c *vk.Commands) {
			operand := b.set.Operand(c, "half", Operand{X: x, First: first, Tokens: n, Cols: cols}, half, m)
			b.set.MatMulPrefill(c, "split", MatMulPrefill{W: m, X: operand, Partial: partial})
			b.set.MatMulPrefill(c, "whole", MatMulPrefill{W: m, X: operand, Y: whole, Stride: rows})
			b.set.MatMulPrefill(c, "geglu", MatMulPrefill{W: m, X: operand, GeGLU: geglu})
		})
		values := b.floats(geglu.X)
		if geglu.Half { // without what is behind the values
			values = values[:n*rows/4]
		}
		return [3][]float32{b.summed(partial, b.set.PrefillSplits(m), n*rows), b.floats(whole), values}
	}
	all := products(0, tokens)
	for _, n := range []int{1, 9, 33, 65, 130, 257} {
		first := rng.IntN(tokens - n)
		for i, got := range products(first, n) {
			row := len(got) / n
			for j, v := range got {
				if want := all[i][first*row+j]; math.Float32bits(v) != math.Float32bits(want) {
					t.Fatalf("%s: of tokens %d and on, %d of them, value %d of product %d is %v, among all %v", name(typ), first, n, j, i, v, want)
				}
			}
		}
	}
	if len(tilings) < len(p.tilings()) {
		t.Errorf("%s: not all tilings were used: %v", name(typ), tilings)
	}
}

// The tiling that soonest computes what was measured on an H100.
func TestTilingsOfProducts(t *testing.T) {
	p := Prefill{Groups: 132, Splits: 8}
	p.Narrow, p.Middle, p.Wide = coopTiles(32)
	for _, c := range []struct{ rows, cols, tokens, splits, width int }{
		{49152, 3072, 1, 1, 64}, {49152, 3072, 64, 1, 64}, {49152, 3072, 128, 1, 128}, {49152, 3072, 256, 1, 256}, {49152, 3072, 1024, 1, 256},
		{12288, 3072, 64, 1, 64}, {12288, 3072, 512, 1, 128}, {12288, 3072, 1024, 1, 256},
		{3072, 24576, 512, 8, 256}, {3072, 4096, 512, 4, 128},
	} {
		splits := p.SplitsOf(c.rows, c.cols)
		if tile := p.tiling(c.rows, splits, c.tokens); splits != c.splits || tile.Tokens != c.width {
			t.Errorf("%d × %d, %d tokens: %d splits in %s", c.rows, c.cols, c.tokens, splits, tile)
		}
	}
}
