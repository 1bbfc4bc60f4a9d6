package shaders

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sealvk/vk"
	"sealvk/weights/format"
)

// observed is what Observe tells of one recording, and the grid that was dispatched: with
// a limit of no workgroups the recording fails, and its error says how many were asked for.
func observed(t *testing.T, set *Set, record func(c *vk.Commands)) ([]Dispatch, string) {
	t.Helper()
	limits := &device.Caps().Limits
	count := limits.MaxComputeWorkGroupCount
	limits.MaxComputeWorkGroupCount = [3]int{}
	defer func() { limits.MaxComputeWorkGroupCount = count }()
	c, err := device.NewCommands(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	var seen []Dispatch
	set.Observe(func(d Dispatch) { seen = append(seen, d) })
	defer set.Observe(nil)
	record(c)
	if err = c.End(); err == nil {
		return seen, "" // indirect: the grid is in device memory
	}
	_, grid, _ := strings.Cut(err.Error(), "grid ")
	grid, _, _ = strings.Cut(grid, ":")
	return seen, grid
}

// Shape, grid and work of every kernel, worked out by hand.
func TestObserve(t *testing.T) {
	tuning := Tuning{Lanes: 4, WideLanes: 8, SampleLanes: 8, Prefill: tiled()["small"], Product: ProductTuning{Lanes: 8, RowLanes: 4, Groups: 16, Outputs: 16, Span: 8, Tokens: 2}, Attention: AttentionTuning{Lanes: 4, Positions: 1, Blocks: 1, Tokens: 4, Tile: 32, PrefillLanes: 4, PrefillRows: 3, PrefillTile: 32, Merge: true}}
	b := newBench(t, nil, KVF16, tuning)
	s := b.set
	h, sp := Heads{Heads: 6, KVHeads: 2, HeadDim: 32}, Splits{Positions: 32, Max: 3}
	at := Lengths{Longest: 70, Sum: 100}
	r := b.out("anything", 1<<16)
	weights := func(typ Type, rows, cols int) *Matrix {
		return &Matrix{Type: typ, Rows: rows, Cols: cols, Parts: []Part{{Data: r.Buffer.Range(r.Offset, DeviceBytes(typ, rows, cols)), Rows: rows}}}
	}
	cache := KVCache{K: r, V: r, Pages: r, MaxPages: 3}
	sampling := &SampleBuffers{Rows: r, Params: r, History: r, Logits: r, Thresholds: r, Best: r, Ring: r, Grid: r, Vocab: 1000, Context: 99, Slots: 4}
	a := Activations{F32: r}
	to, normed := Residual{r, a, r}, Normed{a, r, 1e-6}
	chunks := 16 // 1000 logits in 4 lanes × 4 runs × 4
	seen := map[string]bool{}
	type observeCase struct {
		kernel, variant string
		typ             Type
		lanes           int
		record          func(c *vk.Commands)
		shape           []int
		grid            [3]int
		work            Work
	}
	cases := []observeCase{
		// 70 rows of 2 blocks of 144 bytes are 3 tiles; 512 columns. Workgroups of 64 rows, of
		// 32 for two tokens.
		{"matmul", "1 token", format.Q4_K, 8, func(c *vk.Commands) {
			s.MatMul(c, "l", MatMul{weights(format.Q4_K, 70, 512), plain(r), r, 0, 70, 0, 1})
		},
			[]int{70, 512, 1}, [3]int{2, 1, 1}, Work{96*288 + 4*512, 4 * 70, 2 * 70 * 512}},
		{"matmul", "2 tokens, normed", format.Q4_K, 8, func(c *vk.Commands) { s.MatMul(c, "l", MatMul{weights(format.Q4_K, 70, 512), normed, r, 0, 70, 3, 5}) },
			[]int{70, 512, 5}, [3]int{3, 1, 3}, Work{96*288 + 5*4*512, 5 * 4 * 70, 5 * 2 * 70 * 512}},
		// Read and written: the residual; read: the norm; written: weighted, and squares of 3 tiles.
		{"matmul_add", "2 tokens", format.Q6_K, 8, func(c *vk.Commands) { s.MatMulAdd(c, "l", MatMulAdd{weights(format.Q6_K, 70, 512), a, r, to, 5}) },
			[]int{70, 512, 5}, [3]int{3, 1, 3}, Work{96*420 + 5*4*512 + 5*4*70 + 4*70, 5 * 4 * (70 + 70 + 3), 5 * (2*70*512 + 4*70)}},
		{"matmul_add", "1 token", format.F16, 8, func(c *vk.Commands) { s.MatMulAdd(c, "l", MatMulAdd{weights(format.F16, 2, 7), a, r, to, 1}) },
			[]int{2, 7, 1}, [3]int{1, 1, 1}, Work{32*64 + 4*7 + 4*2 + 4*2, 4 * (2 + 2 + 1), 2*2*7 + 4*2}}, // 7 halves take a step
		// 192 rows of q, 64 each of k and v; 16 (cos, sin); q, and k and v in f16.
		{"attn_qkv", "2 tokens, f16 cache", format.Q4_K, 8, func(c *vk.Commands) {
			s.QKV(c, "l", QKV{weights(format.Q4_K, 320, 512), 0, normed, r, r, r, cache, h, 5})
		},
			[]int{320, 512, 5}, [3]int{10, 1, 3}, Work{320*288 + 5*4*(512+32), 5 * (4*192 + 2*2*64), 5 * (2*320*512 + 3*256)}},
		// 40 values of gate and up in tiles of 16 each.
		{"ffn_gate_up", "1 token", format.Q4_K, 8, func(c *vk.Commands) { s.GateUp(c, "l", GateUp{weights(format.Q4_K, 96, 512), normed, a, 40, 1}) },
			[]int{96, 512, 1}, [3]int{2, 1, 1}, Work{96*288 + 4*512, 4 * 40, 2*96*512 + 9*40}},
		// A key and an id of each workgroup's rows.
		{"output", "2 tokens", format.Q4_K, 8, func(c *vk.Commands) {
			s.Output(c, "l", Output{weights(format.Q4_K, 70, 512), normed, sampling, 1, 5, true})
		},
			[]int{70, 512, 5}, [3]int{3, 1, 3}, Work{96*288 + 5*4*512, 5 * (4*70 + 3*8), 5 * (2*70*512 + 70)}},
		{"output", "1 token", format.Q4_K, 8, func(c *vk.Commands) {
			s.Output(c, "l", Output{weights(format.Q4_K, 70, 512), normed, sampling, 0, 1, false})
		},
			[]int{70, 512, 1}, [3]int{2, 1, 1}, Work{96*288 + 4*512, 4 * 70, 2 * 70 * 512}},
		{"embed", "", format.Q4_K, 4, func(c *vk.Commands) { s.Embed(c, "l", Embed{weights(format.Q4_K, 64, 512), r, r, to, r, 3, 99, 1}) },
			[]int{64, 512, 3}, [3]int{1, 1, 3}, Work{3 * (16 + 288 + 4*512), 3 * 4 * (1 + 2*512 + 16), 3 * 4 * 512}},
		{"rmsnorm", "", NoType, 8, func(c *vk.Commands) { s.RMSNorm(c, "l", RMSNorm{r, r, r, 2, 3, 50, 1e-6}) },
			[]int{50, 3}, [3]int{3, 1, 1}, Work{4 * (150 + 50), 4 * 150, 4 * 150}},
		// 160 pairs in workgroups of 16.
		{"rope", "f16 cache", NoType, 4, func(c *vk.Commands) { s.RoPE(c, "l", RoPE{r, r, r, r, cache, h, 3}) },
			[]int{6, 2, 32, 3}, [3]int{10, 1, 3}, Work{3 * 4 * (320 + 32), 3 * (4*192 + 2*2*64), 3 * 3 * 256}},
		// 70 positions in splits of 32; q, and 70 positions of k and v in f16 once.
		{"attention", "f16 cache", NoType, 4, func(c *vk.Commands) {
			s.Attention(c, "l", Attention{r, r, cache, AttentionScratch{r, r}, r, h, sp, r, 2})
		},
			[]int{6, 2, 32, 2}, [3]int{6, 3, 2}, Work{2*4*192 + 2*70*2*64, 2 * 4 * 192, 100 * 6 * (4*32 + 4)}},
		// 20 rows in workgroups of 3.
		{"attention_prefill", "f16 cache", NoType, 4, func(c *vk.Commands) {
			s.Attention(c, "l", Attention{r, r, cache, AttentionScratch{r, r}, r, h, sp, r, 20})
		},
			[]int{6, 2, 32, 20}, [3]int{6, 3, 7}, Work{20*4*192 + 2*70*2*64, 20 * 4 * 192, 100 * 6 * (4*32 + 4)}},
		{"attention_merge", "", NoType, 4, func(c *vk.Commands) {
			s.AttentionMerge(c, "l", Attention{Rows: r, Scratch: AttentionScratch{Partial: r}, Y: r, Heads: h, Splits: sp, Count: 2})
		},
			[]int{6, 32, 2}, [3]int{6, 1, 2}, Work{2 * 6 * 3 * 4 * 36, 2 * 4 * 192, 2*(2*6*3*36) + 2*192}},
		{"geglu", "", NoType, 4, func(c *vk.Commands) { s.GeGLU(c, "l", GeGLU{r, r, 50, 100, 3, false}) },
			[]int{50, 3}, [3]int{13, 1, 3}, Work{3 * 2 * 4 * 50, 3 * 4 * 50, 3 * 9 * 50}},
		// The rows' 16 bytes, the parameters' 32.
		{"penalize", "", NoType, 4, func(c *vk.Commands) { s.Penalize(c, "l", sampling, 3) },
			[]int{1000, 3}, [3]int{3, 1, 1}, Work{Read: 3 * 48}},
		{"threshold", "", NoType, 8, func(c *vk.Commands) { s.Threshold(c, "l", sampling, 3) },
			[]int{1000, 3}, [3]int{3, 1, 1}, Work{Read: 3 * 48}},
		{"pick", "", NoType, 4, func(c *vk.Commands) { s.Pick(c, "l", sampling, 3) },
			[]int{1000, 3}, [3]int{chunks, 1, 3}, Work{3 * (48 + 4*1000), int64(3 * 8 * chunks), 3 * 1000}},
		// Rows read and written, the ring's id, the grid's 12 bytes, of which one word is read.
		{"advance", "", NoType, 8, func(c *vk.Commands) { s.Advance(c, "l", sampling, true, h, sp, 3) },
			[]int{chunks, 3}, [3]int{3, 1, 1}, Work{int64(3*(8*chunks+16)) + 4, 3*(16+4) + 12, int64(3 * chunks)}},
		// 3 tiles of 32 rows and 2 of 32 tokens; 2 of 64 rows and 1 of 16 tokens, added to what is there.
		{"matmul_tiled", "tiles of 32×32", format.Q4_K, 64, func(c *vk.Commands) {
			s.MatMulPrefill(c, "l", MatMulPrefill{W: weights(format.Q4_K, 70, 512), X: Operand{X: r, Tokens: 40, Cols: 512}, Y: r, Stride: 70})
		}, []int{70, 512, 40}, [3]int{6, 1, 1}, Work{96*288 + 40*4*512, 40 * 4 * 70, 40 * 2 * 70 * 512}},
		{"matmul_tiled", "tiles of 64×16", format.Q4_K, 64, func(c *vk.Commands) {
			s.MatMulPrefill(c, "l", MatMulPrefill{W: weights(format.Q4_K, 70, 512), X: Operand{X: r, Tokens: 5, Cols: 512}, Y: r, Stride: 70, Add: true})
		}, []int{70, 512, 5}, [3]int{2, 1, 1}, Work{96*288 + 5*4*(512+70), 5 * 4 * 70, 5 * (2*70*512 + 70)}},
		{"matmul_sum", "", NoType, 4, func(c *vk.Commands) { s.MatMulSum(c, "l", r, r, 50, 3, true) },
			[]int{50, 3}, [3]int{13, 1, 1}, Work{4 * (150 + 50), 4 * 50, 100 + 50}},
		// 7 units of 8 halves, and the factor.
		{"to_half", "", NoType, 8, func(c *vk.Commands) { s.ToHalf(c, "l", Operand{X: r, Tokens: 3, Cols: 50}, r) },
			[]int{50, 3}, [3]int{3, 1, 1}, Work{3 * 4 * 50, 3 * (7*16 + 4), 3 * 50}},
		{"rmsnorm_half", "", NoType, 8, func(c *vk.Commands) { s.RMSNormHalf(c, "l", RMSNorm{r, r, r, 2, 3, 50, 1e-6}) },
			[]int{50, 3}, [3]int{3, 1, 1}, Work{4 * (150 + 50), 3 * (7*16 + 4), 5 * 150}},
	}
	if coop, err := matmulCoopmatKernel.Tuning(device.Caps()); err == nil {
		s := newBench(t, nil, KVF16, coop).set
		p := coop.Prefill
		cases = append(cases, observeCase{"matmul_coopmat", p.Narrow.String(), format.Q4_K, p.Narrow.lanes(p.CoopMat), func(c *vk.Commands) {
			s.Observe(b.set.observer)
			defer s.Observe(nil)
			s.MatMulPrefill(c, "l", MatMulPrefill{W: weights(format.Q4_K, 70, 512), X: Operand{X: r, Tokens: 5, Cols: 512, Half: true}, Y: r, Stride: 70})
		}, []int{70, 512, 5}, [3]int{ceilDiv(70, p.Narrow.Rows), 1, 1}, Work{96*288 + 5*(2*512+4), 5 * 4 * 70, 5 * 2 * 70 * 512}})
	} else {
		seen["matmul_coopmat"] = true
	}
	for _, tc := range cases {
		t.Run(tc.kernel+"/"+tc.variant, func(t *testing.T) {
			seen[tc.kernel] = true
			dispatches, grid := observed(t, s, tc.record)
			if len(dispatches) != 1 {
				t.Fatalf("%d dispatches", len(dispatches))
			}
			d := dispatches[0]
			if p := d.Program; d.Label != "l" || p.Kernel != tc.kernel || p.Variant != tc.variant || p.Type != tc.typ || p.Lanes != tc.lanes {
				t.Errorf("%q %+v, want %s %q", d.Label, p, tc.kernel, tc.variant)
			}
			if names := FindKernel(tc.kernel).Sizes; len(d.Shape) != len(names) || !slices.Equal(d.Shape, tc.shape) {
				t.Errorf("shape %v of %v, want %v", d.Shape, names, tc.shape)
			}
			g, work := d.At(at)
			if g != tc.grid || work != tc.work {
				t.Errorf("grid %v, %+v; want %v, %+v", g, work, tc.grid, tc.work)
			}
			if grid == "" { // indirect, as the host or advance writes it
				v := s.AttentionGrid(sp, h, at.Longest, tc.shape[len(tc.shape)-1])
				grid = fmt.Sprintf("%d x %d x %d", v[0], v[1], v[2])
			}
			if want := fmt.Sprintf("%d x %d x %d", g[0], g[1], g[2]); grid != want {
				t.Errorf("observed grid %s, dispatched %s", want, grid)
			}
		})
	}
	for _, k := range Kernels() {
		if !seen[k.Name] {
			t.Errorf("kernel %s is not under test", k.Name)
		}
	}
}

// The parts of a matrix add up to the whole, and an observer sees what was recorded while
// it was there.
func TestObserveParts(t *testing.T) {
	tuning := DefaultTuning(device.Caps())
	tuning.Product.Exact = false // one workgroup for all tokens
	b := newBench(t, nil, KVF16, tuning)
	const rows, cols = 70, 256
	file, _ := randomWeights(t, rand.New(rand.NewPCG(1, 1)), format.Q4_K, rows, cols)
	m := b.matrix(file, TileRows)
	x, y := in(b, "x", make([]float32, 3*cols)), b.out("y", 3*rows)
	var work Work
	var parts []int
	b.run(func(c *vk.Commands) {
		b.set.MatMul(c, "before", MatMul{m, plain(x), y, 0, rows, 0, 3})
		b.set.Observe(func(d Dispatch) {
			_, w := d.At(Lengths{})
			work.Read, work.Written, work.FLOPs = work.Read+w.Read, work.Written+w.Written, work.FLOPs+w.FLOPs
			parts = append(parts, d.Shape[0])
		})
		b.set.MatMul(c, "matmul", MatMul{m, plain(x), y, 0, rows, 0, 3})
		b.set.Observe(nil)
		b.set.MatMul(c, "after", MatMul{m, plain(x), y, 0, rows, 0, 3})
	})
	want := Work{m.Bytes() + 3*3*4*cols, 3 * 4 * rows, 3 * 2 * rows * cols} // x for each of the parts
	if !slices.Equal(parts, []int{32, 32, 6}) || work != want {
		t.Errorf("parts of %v rows, %+v; want %+v", parts, work, want)
	}
}
