package shaders

import (
	"math/rand/v2"
	"slices"
	"testing"

	"sealvk/vk"
	"sealvk/weights/format"
)

// Work of forms of kernels that their cases don't record, worked out by hand; grid and work of all
// kernels are in their cases (shaders/cases).
func TestObserve(t *testing.T) {
	tuning := tunings()["lanes4"]
	tuning.Prefill = tiled()["small"]
	tuning.Product = ProductTuning{Lanes: 8, RowLanes: 4, Groups: 16, Outputs: 16, Span: 8, Tokens: 2}
	b := newBench(t, KVF16, tuning)
	s, r := b.set, b.out("anything", 1<<16)
	weights := func(typ Type, rows, cols int) *Matrix {
		return &Matrix{Type: typ, Rows: rows, Cols: cols, Parts: []Part{{Data: r.Buffer.Range(r.Offset, DeviceBytes(typ, rows, cols)), Rows: rows}}}
	}
	a := Activations{F32: r}
	for name, tc := range map[string]struct {
		record func(c *vk.Commands)
		work   Work
	}{
		"matmul, 2 tokens, normed": {
			func(c *vk.Commands) {
				s.MatMul(c, "", MatMul{weights(format.Q4_K, 70, 512), Normed{a, r, 1e-6}, r, 0, 70, 3, 5})
			},
			Work{96*288 + 5*4*512, 5 * 4 * 70, 5 * 2 * 70 * 512},
		},
		"matmul_add, 1 token": { // 7 halves take a step
			func(c *vk.Commands) {
				s.MatMulAdd(c, "", MatMulAdd{weights(format.F16, 2, 7), a, r, Residual{r, a, r}, SplitScratch{}, 1})
			}, Work{32*64 + 4*7 + 4*2 + 4*2, 4 * (2 + 2 + 1), 2*2*7 + 4*2},
		},
		"output, 1 token": { // no key and no id
			func(c *vk.Commands) {
				s.Output(c, "", Output{weights(format.Q4_K, 70, 512), Normed{a, r, 1e-6}, &SampleBuffers{Rows: r, Params: r, Logits: r, Best: r, Vocab: 70}, 0, 1, false})
			}, Work{96*288 + 4*512, 4 * 70, 2 * 70 * 512},
		},
		"matmul_tiled, tiles of 32×32": { // added to what is there
			func(c *vk.Commands) {
				s.MatMulPrefill(c, "", MatMulPrefill{W: weights(format.Q4_K, 70, 512), X: Operand{X: r, Tokens: 5, Cols: 512}, Y: r, Stride: 70, Add: true})
			}, Work{96*288 + 5*4*(512+70), 5 * 4 * 70, 5 * (2*70*512 + 70)},
		},
	} {
		var seen []Dispatch
		s.Observe(func(d Dispatch) { seen = append(seen, d) })
		tc.record(nil)
		s.Observe(nil)
		if len(seen) != 1 {
			t.Fatalf("%s: %d dispatches", name, len(seen))
		}
		if _, work := seen[0].At(Lengths{}); work != tc.work || seen[0].Pipeline.Kernel+", "+seen[0].Pipeline.Variant != name {
			t.Errorf("%s: %+v of %+v, want %+v", name, work, seen[0].Pipeline, tc.work)
		}
	}
}

// The parts of a matrix add up to the whole, and an observer sees what was recorded while
// it was there.
func TestObserveParts(t *testing.T) {
	tuning := DefaultTuning(device.Caps())
	tuning.Product.Exact = false // one workgroup for all tokens
	b := newBench(t, KVF16, tuning)
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
