package shaders

import (
	"math"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// Products in registers are split as others are, in whole turns, and a token's sums are the same bits in
// all tiles.
func TestMatMulRegistersSplits(t *testing.T) {
	if !device.Caps().Features.ShaderFloat16 {
		return // .ci has drivers that do
	}
	p := tiled()["small"]
	p.Groups, p.Splits, p.Registers = 9, 2, EmulatedRegisters()
	const rows, cols, tokens = 37, 2*splitCols + 128, 50
	rng := random(t)
	b := newBench(t, KVF16, prefillTuning(p))
	file, w := randomWeights(t, rng, format.F16, rows, cols)
	m := b.matrix(file, rows)
	values := normal(rng, tokens*cols, 1)
	x, partial := in(b, "x", values), b.out("partial", 2*tokens*rows)
	product := func(first, n int) []float32 {
		half := b.half(n, m)
		var grid [3]int
		b.set.Observe(func(d Dispatch) {
			if d.Pipeline.Kernel == matmulRegistersModule.name {
				grid, _ = d.At(Lengths{})
			}
		})
		b.run(func(c *vk.Commands) {
			operand := b.set.Operand(c, "half", Operand{X: x, First: first, Tokens: n, Cols: cols}, half, m)
			b.set.MatMulPrefill(c, "product", MatMulPrefill{W: m, X: operand, Partial: partial})
		})
		if grid[2] != 2 {
			t.Errorf("%d tokens: %d splits", n, grid[2])
		}
		return b.summed(partial, 2, n*rows)
	}
	all := product(0, tokens)
	near(t, "all", all, reference.MatMulHalf(w, values, rows, cols, tokens))
	for _, n := range []int{1, 9, 17, 33} {
		first := rng.IntN(tokens - n)
		for i, v := range product(first, n) {
			if want := all[first*rows+i]; math.Float32bits(v) != math.Float32bits(want) {
				t.Fatalf("of tokens %d and on, %d of them, value %d is %v, among all %v", first, n, i, v, want)
			}
		}
	}
}

// What is computed in registers, and by which tiles: where FindMatrices tells where elements stand.
func TestRegisterTiles(t *testing.T) {
	c := withLimits(gpuWith(32, 32, [3]int{16, 16, 16}, [3]int{16, 8, 16}))
	c.ShaderCores, c.Limits.MaxComputeSharedMemorySize = 132, 48<<10
	tuning := DefaultTuning(c)
	r := &tuning.Prefill.Registers
	quantized, floats, ragged := &Matrix{Type: format.Q4_K, Cols: 3072}, &Matrix{Type: format.BF16, Cols: 3072}, &Matrix{Type: format.Q4_0, Cols: 96}
	if r.Takes(quantized) {
		t.Error("in registers before anybody knows how")
	}
	tuning.SetMatrices(c, lanesMatrices(MatrixLanes, MatrixPlaces{1, 2, 3}))
	if a := tuning.Attention.Matrix; a != LanesAttention(c, tuning.Product.Matrix) {
		t.Errorf("attention by %+v", a)
	}
	if r.Places != (MatrixPlaces{1, 2, 3}) || !r.Takes(quantized) || r.Takes(floats) || r.Takes(ragged) {
		t.Errorf("%+v", r)
	}
	for tokens, want := range map[int]*Tiling{1: &r.Few, 32: &r.Few, 33: &r.Narrow, 64: &r.Narrow, 65: &r.Middle, 128: &r.Middle, 129: &r.Wide, 1024: &r.Wide} {
		if got := r.tile(2*24576, 1, tokens, 132); got != want {
			t.Errorf("%d tokens: %s", tokens, got)
		}
	}
	// 192 and 64 wide tiles leave cores idle that 768 and 256 do not; 384 and 1536 are alike.
	for _, c := range []struct {
		rows, splits int
		want         *Tiling
	}{{3 * 4096, 1, &r.Middle}, {4096, 1, &r.Middle}, {3072, 8, &r.Wide}} {
		if got := r.tile(c.rows, c.splits, 512, 132); got != c.want {
			t.Errorf("%d rows in %d splits: %s", c.rows, c.splits, got)
		}
	}
	if err := tuning.Prefill.Check(c); err != nil || r.Wide.Buffers != 2 {
		t.Errorf("%d buffers, %v", r.Wide.Buffers, err)
	}
	if down, qkv := tuning.Prefill.SplitsOf(3072, 24576), tuning.Prefill.SplitsOf(3*4096, 3072); down != 8 || qkv != 1 {
		t.Errorf("%d and %d splits", down, qkv)
	}
	for what, spoil := range map[string]func(*RegisterTiles){
		"power of two":  func(r *RegisterTiles) { r.Few.Rows = 96 },
		"parts":         func(r *RegisterTiles) { r.Narrow.PartRows = 16 },
		"buffers":       func(r *RegisterTiles) { r.Wide.Buffers = 3 },
		"invocations":   func(r *RegisterTiles) { r.Wide.Rows = 2048 },
		"loads":         func(r *RegisterTiles) { r.Few.Buffers, r.Few.Rows = 1, 1024 },
		"shared memory": func(r *RegisterTiles) { r.Wide.Tokens = 512 },
	} {
		bad := tuning.Prefill
		if spoil(&bad.Registers); bad.Check(c) == nil {
			t.Errorf("%s: no error", what)
		}
	}
	c.Limits.MaxComputeSharedMemorySize = 32 << 10
	if small := DefaultPrefill(c); small.Registers.Wide.Buffers != 1 {
		t.Errorf("in 32 KiB of shared memory: %d buffers", small.Registers.Wide.Buffers)
	}
	if tuning.SetMatrices(c, SharedMatrices(c)); *r != (RegisterTiles{}) {
		t.Error("in registers where nobody knows how")
	}
	if amd := DefaultTuning(withLimits(gpuWith(32, 64, [3]int{16, 16, 16}))); amd.Prefill.Registers != (RegisterTiles{}) {
		t.Error("tiles of matrices that are not there")
	}
}
