package profile

import (
	"fmt"
	"math"
	"testing"
	"time"

	"sealvk/engine/profile/roofline"
)

// Five steps of 1, 2, 4, 8 and 16 ms, in another order.
func TestWallByHand(t *testing.T) {
	begin := time.Now()
	s := &series{}
	for _, ms := range []time.Duration{4, 16, 1, 8, 2} {
		s.steps = append(s.steps, step{begin: begin, end: begin.Add(ms * time.Millisecond)})
	}
	w := wallOf([]*series{{steps: s.steps[:2]}, {steps: s.steps[2:]}})
	// Quantiles of five lie 0.05 × 4 = 0.2 of the way from the least to the next, and as far from the greatest.
	want := "[4000 16000 1000 8000 2000] 6200 4000 1200 14400"
	if got := fmt.Sprintf("%v %.6g %.6g %.6g %.6g", w.SamplesUS, w.MeanUS, w.MedianUS, w.P5US, w.P95US); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Two dispatches of attn_q, of which one is bound by memory (8 µs at the roofs) and the other by
// arithmetic (5 µs), and three calls of a small one, whose 5 µs are less than three empty
// dispatches take.
func TestGroupsByHand(t *testing.T) {
	p := &Profile{
		Roofs:     &roofline.Roofs{ReadBytesPerS: 1e9, F32FLOPsPerS: 1e10, F16FLOPsPerS: 1e12, DispatchUS: 2},
		Pipelines: []Pipeline{{Kernel: "matmul", Type: "Q4_K", Variant: "1 token", Lanes: 32}, {Kernel: "advance", Lanes: 64}},
	}
	r := &Run{Budget: Budget{WallUS: 100}, Dispatches: []Dispatch{
		{Label: "blk.0.attn_q", Section: "blk.0", Operation: "attn_q", Calls: 1, ReadBytes: 6000, WrittenBytes: 2000, FLOPs: 40000, Grid: [3]int{4, 1, 1}, Shape: "rows=4", SamplesUS: []float64{10, 20}},
		{Label: "advance", Section: "sample", Operation: "advance", Layer: -1, Pipeline: 1, Calls: 3, ReadBytes: 4000, WrittenBytes: 1000, FLOPs: 10, SamplesUS: []float64{1, 2, 3, 4, 5, 6}},
		{Label: "blk.1.attn_q", Section: "blk.1", Operation: "attn_q", Layer: 1, Calls: 1, ReadBytes: 1000, FLOPs: 50000, Grid: [3]int{5, 1, 1}, Shape: "rows=5", SamplesUS: []float64{30, 20}},
	}}
	want := []string{
		// 9 µs of memory and 9 of arithmetic in all; the 95th percentile of 10, 20, 20 and 30 is 28.5.
		"attn_q matmul Q4_K [0 0 0] 32 calls 2 total 40 mean 20 p50 20 p95 28.5 share 0.4 bytes 9000 2.25e+08 flops 90000 2.25e+09 intensity 10 roof 0.325 memory [40 40]",
		"advance advance  [0 0 0] 64 calls 3 total 10.5 mean 3.5 p50 3.5 p95 5.75 share 0.105 bytes 5000 4.7619e+08 flops 10 952381 intensity 0.002 roof 0.47619 latency [6 15]",
	}
	for i, g := range r.Groups(p, ByOperation) {
		got := fmt.Sprintf("%s %s %s %v %d calls %d total %.6g mean %.6g p50 %.6g p95 %.6g share %.6g bytes %d %.6g flops %d %.6g intensity %.6g roof %.6g %s %v",
			g.Name, g.Kernel, g.Type, g.Grid, g.Lanes, g.Calls, g.TotalUS, g.MeanUS, g.P50US, g.P95US, g.Share, g.Bytes, g.BytesPerS, g.FLOPs, g.FLOPsPerS, g.Intensity, g.RoofShare, g.Bound, g.StepSamplesUS)
		if got != want[i] {
			t.Errorf("%s\nwant %s", got, want[i])
		}
	}
}

// The floor is what the fastest units take, whichever those are.
func checkFloor(t *testing.T, r *Run, roofs *roofline.Roofs) {
	t.Helper()
	memory := float64(r.Floor.ReadBytes) / roofs.ReadBytesPerS * 1e6
	compute := float64(r.Floor.FLOPs) / max(roofs.F32FLOPsPerS, roofs.F16FLOPsPerS, roofs.Int8DotOpsPerS, roofs.CoopMatFLOPsPerS) * 1e6
	bound := "memory"
	if compute > memory {
		bound = "compute"
	}
	for _, c := range [][2]float64{{r.Floor.MemoryUS, memory}, {r.Floor.ComputeUS, compute}, {r.Floor.Share, max(memory, compute) / r.Unprofiled.MedianUS}} {
		if !(math.Abs(c[0]-c[1]) <= 1e-9*c[1]) {
			t.Errorf("%s at %d: %+v, want %v and not %v", r.Phase, r.Depth, r.Floor, c[1], c[0])
		}
	}
	if r.Floor.Bound != bound {
		t.Errorf("%s at %d: %+v, want bound by %s", r.Phase, r.Depth, r.Floor, bound)
	}
}
