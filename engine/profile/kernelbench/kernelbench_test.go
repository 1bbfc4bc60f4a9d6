package kernelbench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"sealvk/engine/profile/roofline"
	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/vk/vktest"
	"sealvk/weights"
	"sealvk/weights/format"
)

var device *vk.Device

func TestMain(m *testing.M) { os.Exit(vktest.Main(m, &device)) }

func newWorkbench(t *testing.T, o Options) *Workbench {
	t.Helper()
	if o.Flush == 0 {
		o.Flush = 1 << 16 // what is to be flushed is small too
	}
	w, err := New(device, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Free)
	return w
}

func results(t *testing.T, w *Workbench, s Sweep) (list []*Result) {
	t.Helper()
	cases, err := s.Cases(device.Caps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(context.Background(), cases, func(r *Result) error { list = append(list, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(cases) {
		t.Fatalf("%d results of %d cases", len(list), len(cases))
	}
	return list
}

// small is ragged shapes of every kernel.
var small = map[string]map[string][]int{
	"matmul":            {"rows": {1, 37}, "cols": {256}, "tokens": {1, 9}},
	"matmul_add":        {"rows": {1, 37}, "cols": {256}, "tokens": {1, 9}},
	"attn_qkv":          {"rows": {96, 576}, "cols": {256}, "tokens": {1, 9}},
	"ffn_gate_up":       {"rows": {32, 96}, "cols": {256}, "tokens": {1, 9}},
	"output":            {"rows": {1, 37}, "cols": {256}, "tokens": {1, 9}},
	"embed":             {"rows": {11}, "cols": {512}, "tokens": {1, 5}},
	"rmsnorm":           {"dim": {1, 67}, "tokens": {1, 5}},
	"rmsnorm_half":      {"dim": {1, 67}, "tokens": {1, 5}},
	"rope":              {"heads": {6}, "kv_heads": {2}, "head_dim": {32}, "tokens": {1, 5}},
	"attention":         {"heads": {6}, "kv_heads": {2}, "head_dim": {32}, "tokens": {1, 5}},
	"attention_prefill": {"heads": {6}, "kv_heads": {2}, "head_dim": {32}, "tokens": {1, 5}},
	"attention_merge":   {"heads": {3}, "head_dim": {96}, "tokens": {1, 5}},
	"geglu":             {"ffn_dim": {1, 67}, "tokens": {1, 3}},
	"penalize":          {"vocab": {7, 1001}, "tokens": {1, 3}},
	"threshold":         {"vocab": {7, 1001}, "tokens": {1, 3}},
	"pick":              {"vocab": {7, 1001}, "tokens": {1, 3}},
	"advance":           {"chunks": {1, 13}, "tokens": {1, 3}},
	"matmul_tiled":      {"rows": {1, 37}, "cols": {256}, "tokens": {9, 33}},
	"matmul_coopmat":    {"rows": {1, 37}, "cols": {256}, "tokens": {9, 33}},
	"matmul_sum":        {"count": {1, 67}, "splits": {1, 5}},
	"to_half":           {"cols": {1, 67}, "tokens": {1, 5}},
}

// possible tells whether the device can run the kernel; where it cannot, the error says so.
func possible(t *testing.T, kernel string) bool {
	_, err := shaders.FindKernel(kernel).Tuning(device.Caps())
	if err == nil {
		return true
	}
	_, got := (&Sweep{Kernel: kernel}).Cases(device.Caps())
	if got == nil || !strings.HasSuffix(got.Error(), kernel+": "+err.Error()) || kernel != "matmul_coopmat" {
		t.Errorf("%s: %v, want %v", kernel, got, err)
	}
	return false
}

// The kernels are those of the descriptors, and each has a bench.
func TestEveryDescriptorHasABench(t *testing.T) {
	for _, k := range shaders.Kernels() {
		if benches[k.Name].plan == nil {
			t.Errorf("%s cannot be run", k.Name)
		}
	}
	if len(benches) != len(shaders.Kernels()) || len(Kernels()) != len(benches) {
		t.Errorf("%d benches and %d kernels of %d", len(benches), len(Kernels()), len(shaders.Kernels()))
	}
}

// Every kernel passes its check, and all that is told of it makes sense.
func TestEveryKernel(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 2})
	for _, kernel := range Kernels() {
		if small[kernel] == nil {
			t.Errorf("kernel %s is not under test", kernel)
		}
		t.Run(kernel, func(t *testing.T) {
			s := Sweep{Kernel: kernel, Sizes: small[kernel]}
			if HasWeights(kernel) {
				s.Types = []format.Type{format.F32, format.Q4_K, format.Q6_K, format.MLX(4, 64, format.BF16)}
			}
			if !possible(t, kernel) {
				return
			}
			switch has := func(knob string) bool { return slices.Contains(Knobs(kernel), knob) }; {
			case has("outputs"): // the more sums, the longer it compiles
				s.Knobs = map[string][]int{"outputs": {16}, "tokens": {2}}
				if has("int_dot") && device.Caps().Features.IntegerDotProduct {
					s.Knobs["int_dot"] = []int{0, 1}
				}
			case kernel == "matmul_tiled":
				s.Knobs = map[string][]int{
					"wide_rows": {32}, "wide_tokens": {32}, "wide_cols": {16}, "wide_part_rows": {4}, "wide_part_tokens": {4}, "wide_buffers": {1, 2},
					"narrow_rows": {64}, "narrow_tokens": {16}, "narrow_part_rows": {8}, "narrow_part_tokens": {2},
				}
			}
			if HasDepth(kernel) {
				s.Depths = []int{0, 300}
			}
			for _, kv := range []shaders.KVType{shaders.KVF16, shaders.KVF32, shaders.KVQ8} {
				if s.KV = kv; kv != 0 && !HasCache(kernel) {
					break
				}
				for _, r := range results(t, w, s) {
					checkResult(t, r)
				}
			}
		})
	}
}

func checkResult(t *testing.T, r *Result) {
	t.Helper()
	bytes := float64(r.ReadBytes + r.WrittenBytes)
	switch {
	case r.Checked != r.Outputs || r.Outputs == 0:
		t.Errorf("%s: %d of %d values checked", r.ShapeText(), r.Checked, r.Outputs)
	case len(r.SamplesUS) != 2 || r.MinUS > r.P50US || r.P50US > r.P95US || r.MeanUS < r.MinUS || r.P95US > slices.Max(r.SamplesUS):
		t.Errorf("%s: times %+v", r.ShapeText(), r)
	case r.P50US > 0 && math.Abs(r.BytesPerS*r.P50US/1e6-bytes) > 1e-6*bytes:
		t.Errorf("%s: %v bytes/s in %v µs, want %v bytes", r.ShapeText(), r.BytesPerS, r.P50US, bytes)
	case r.ReadBytes <= 0 || r.Intensity*bytes-float64(r.FLOPs) > 1e-6 || r.Dispatches < 1 || r.Lanes < 1 || slices.Min(r.Grid[:]) < 1:
		t.Errorf("%s: %+v", r.ShapeText(), r)
	case len(r.Variant) != len(Knobs(r.Kernel)) || len(r.Shape) != len(Sizes(r.Kernel)) || r.FlushedBytes != 1<<16:
		t.Errorf("%s: %+v", r.ShapeText(), r)
	}
}

// Each kernel's check sees wrong outputs, and says where they are.
func TestChecksFindWrongOutputs(t *testing.T) {
	w := newWorkbench(t, Options{})
	for _, kernel := range Kernels() {
		t.Run(kernel, func(t *testing.T) {
			if !possible(t, kernel) {
				return
			}
			s := Sweep{Kernel: kernel, Sizes: small[kernel]}
			cases, err := s.Cases(device.Caps())
			if err != nil {
				t.Fatal(err)
			}
			b := runOnce(t, w, &cases[len(cases)-1])
			for _, out := range b.written {
				right := make([]byte, out.size)
				if err := device.Read(right, out.All()); err != nil {
					t.Fatal(err)
				}
				wrong := slices.Clone(right)
				for i := 2; i < len(wrong); i += 4 {
					wrong[i] ^= 0x40 // bit 22: half of an f32, a 16th of an f16
				}
				for _, contents := range [][]byte{wrong, right} {
					if err := device.Write(out.All(), contents); err != nil {
						t.Fatal(err)
					}
					k := &checker{d: device}
					if b.check(k); &contents[0] == &right[0] {
						if k.err != nil {
							t.Errorf("%s is right: %v", out.name, k.err)
						}
					} else if !errors.Is(k.err, errWrong) || !strings.Contains(k.err.Error(), out.name+"[") {
						t.Errorf("%s is wrong: %v", out.name, k.err)
					}
				}
			}
		})
	}
}

// runOnce runs a case and leaves its buffers.
func runOnce(t *testing.T, w *Workbench, c *Case) *bench {
	t.Helper()
	b, err := w.plan(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.free)
	if err := b.make(); err != nil {
		t.Fatal(err)
	}
	set, err := w.set(c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.record(b, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.free)
	if err := w.submit(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	return b
}

// A reference that decodes weights wrongly disagrees with the kernel.
func TestWrongWeights(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1})
	w.decode = func(t *weights.Tensor, values []float32, rows int) error {
		err := dequantize(t, values, rows)
		values[len(values)-1] *= 1.5
		return err
	}
	for kernel, at := range map[string]string{"matmul": "y[token 0][row 3] = ", "embed": "x[token 0][255] = "} {
		cases, err := (&Sweep{Kernel: kernel, Sizes: map[string][]int{"rows": {4}, "cols": {256}}}).Cases(device.Caps())
		if err != nil {
			t.Fatal(err)
		}
		err = w.Run(context.Background(), cases, func(*Result) error { return nil })
		if !errors.Is(err, errWrong) {
			t.Fatalf("%s: %v", kernel, err)
		}
		for _, part := range []string{"kernelbench: " + kernel + " Q4_K rows=4 cols=256 tokens=1 (lanes=", at, "the reference has", "allowed"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not tell %q", err, part)
			}
		}
	}
}

// A kernel that does not find the same inputs in every run is found out.
func TestRunsAreCompared(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1})
	c := Case{"geglu", NoType, []int{64, 1}, 0, 0, Variant{Tuning: shaders.DefaultTuning(device.Caps())}}
	b, err := w.plan(&c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.free)
	if err := b.make(); err != nil {
		t.Fatal(err)
	}
	b.restores = nil // it works in place
	set, err := w.set(&c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.record(b, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.free)
	if _, err := w.time(context.Background(), b, r); !errors.Is(err, errWrong) {
		t.Errorf("another input: %v", err)
	}
}

// Variants change the program and the grid; a big matrix is bound in parts; of many
// outputs some are checked.
func TestVariantsPartsAndSamples(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1})
	sizes := map[string][]int{"rows": {100}, "cols": {256}, "tokens": {3}}
	knobs := map[string][]int{"lanes": {32, 64}, "max_lanes": {4}, "row_lanes": {32}, "groups": {1, 2}, "tokens": {2}, "exact": {0}, "in_place": {0, 1}}
	var got []string
	for _, r := range results(t, w, Sweep{Kernel: "matmul", Sizes: sizes, Knobs: knobs}) {
		if r.Lanes != r.Variant["lanes"] || r.Grid != [3]int{4 / r.Variant["groups"], 1, 2} {
			t.Errorf("%s: %d lanes, grid %v", r.VariantText(), r.Lanes, r.Grid)
		}
		got = append(got, fmt.Sprint(r.Variant["lanes"], r.Variant["groups"], r.Variant["in_place"]))
	}
	if want := []string{"32 1 0", "32 1 1", "32 2 0", "32 2 1", "64 1 0", "64 1 1", "64 2 0", "64 2 1"}; !slices.Equal(got, want) {
		t.Errorf("variants %q, want %q", got, want)
	}
	split := Sweep{Kernel: "attention", Sizes: small["attention"], Depths: []int{100}, Knobs: map[string][]int{"split": {40}, "lanes": {4}, "positions": {2}}}
	if r := results(t, w, split)[0]; r.Grid != [3]int{6, 2, 1} || r.Variant["split"] != 64 {
		t.Errorf("101 positions in splits of 40, rounded up to pages: grid %v, %s", r.Grid, r.VariantText())
	}

	limit := &device.Caps().Limits.MaxStorageBufferRange
	before := *limit
	*limit = 32 * 144 // a tile of Q4_K
	r := results(t, w, Sweep{Kernel: "matmul", Sizes: map[string][]int{"rows": {70}, "cols": {256}, "tokens": {1}}})[0]
	if r.Dispatches != 3 || r.Checked != 70 || r.ReadBytes != 96*144+3*1024 {
		t.Errorf("70 rows in parts of 32: %+v", r)
	}
	*limit = before

	r = results(t, w, Sweep{Kernel: "threshold", Sizes: map[string][]int{"vocab": {5000}, "tokens": {100}}})[0]
	if r.Outputs != 100 || r.Checked >= 60 || r.Checked < 40 {
		t.Errorf("%d of %d values checked", r.Checked, r.Outputs)
	}
}

func TestSample(t *testing.T) {
	b := runOnce(t, newWorkbench(t, Options{}), &Case{"geglu", NoType, []int{64, 1}, 0, 0, Variant{Tuning: shaders.DefaultTuning(device.Caps())}})
	for _, c := range []struct {
		n, want int
		cost    int64
	}{{1, 1, much}, {5, 5, 1}, {100, 4, budget / 4}, {100, 2, much}, {1 << 30, 8, budget / 8}, {0, 0, 1}} {
		got := b.sample(c.n, c.cost)
		if len(got) != c.want || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != c.want {
			t.Errorf("%d of %d: %v", c.want, c.n, got)
		}
		if c.want > 0 && (got[0] != 0 || got[c.want-1] != c.n-1) {
			t.Errorf("%v leaves out an end of %d", got, c.n)
		}
	}
}

// What the plan of sampling kernels assumes of the kernels' package.
func TestChunks(t *testing.T) {
	w := newWorkbench(t, Options{})
	for _, lanes := range []int{4, 64} {
		v := Variant{Tuning: shaders.DefaultTuning(device.Caps())}
		v.Lanes = lanes
		set, err := w.set(&Case{Kernel: "pick", Type: NoType, Variant: v})
		if err != nil {
			t.Fatal(err)
		}
		for _, vocab := range []int{1, 16 * lanes, 16*lanes + 1, 256000} {
			if got, want := int64(8*max(chunks(vocab, &v.Tuning), tiles(vocab))), set.BestBytes(vocab, 1); got != want {
				t.Errorf("%d lanes, %d tokens: %d bytes, want %d", lanes, vocab, got, want)
			}
		}
	}
}

func TestRoofShare(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1, Warm: true, RoofsFolder: t.TempDir()})
	if w.o.Flush != 0 || w.roofs != nil {
		t.Errorf("%d bytes flush warm caches, or roofs %+v", w.o.Flush, w.roofs)
	}
	w.roofs = &roofline.Roofs{ReadBytesPerS: 1e9, F32FLOPsPerS: 1e9, DispatchUS: 1}
	for _, c := range []struct {
		bytes, flops int64
		share        float64
		bound        string
	}{{5000, 1000, 0.5, "memory"}, {1000, 5000, 0.5, "compute"}, {500, 100, 0.05, "latency"}} {
		r := &Result{ReadBytes: c.bytes, FLOPs: c.flops, Dispatches: 1, SamplesUS: []float64{30, 11, 8, 9}}
		if r.summarize(w); math.Abs(r.RoofShare-c.share) > 1e-9 || r.Bound != c.bound || r.MinUS != 8 || r.MeanUS != 14.5 || r.P50US != 10 || math.Abs(r.P95US-27.15) > 1e-9 {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}

// A GPU's caches are flushed by the device, a CPU device's by the host.
func TestFlush(t *testing.T) {
	caps := device.Caps()
	before := caps.Type
	defer func() { caps.Type = before }()
	for _, typ := range []vk.DeviceType{vk.CPU, vk.Discrete} {
		caps.Type = typ
		w := newWorkbench(t, Options{Reps: 1, Flush: 1000})
		r := results(t, w, Sweep{Kernel: "geglu", Sizes: map[string][]int{"ffn_dim": {67}, "tokens": {1}}})[0]
		if r.Checked != 67 || r.FlushedBytes != 896 || len(r.SamplesUS) != 1 {
			t.Errorf("%v: %+v", typ, r)
		}
		onHost := w.flush.memory != nil && w.flush.sum.Load() >= 2*896/line // before the check, and the run
		if onHost != (typ == vk.CPU) || (w.flush.to != nil) == onHost {
			t.Errorf("%v: on the host: %v", typ, onHost)
		}
	}
}
