package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"sealvk/engine/profile"
	"sealvk/engine/profile/roofline"
	"sealvk/vk"
)

// Of the sample: a small model of 4 layers, decoded at two depths and prefilled once.
const (
	sampleLayers = 4
	sampleSteps  = 6
	dim, ffnDim  = 256, 1024
	vocab        = 2048
)

// operation is a dispatch of the sample's forward pass.
type operation struct {
	name     string
	pipeline int
	rows     int // of the matrix; 0: element by element
	cols     int
	time     float64 // µs, at depth 0
}

var layerOperations = []operation{
	{"attn_norm", 1, 0, dim, 4},
	{"attn_q", 2, dim, dim, 31},
	{"attn_k", 2, dim, dim, 30},
	{"attn_v", 3, dim, dim, 34},
	{"rope", 4, 0, dim, 5},
	{"attention", 5, 0, dim, 12},
	{"attention_merge", 6, 0, dim, 3},
	{"attn_output", 2, dim, dim, 33},
	{"ffn_norm", 1, 0, dim, 4},
	{"ffn_gate", 2, ffnDim, dim, 120},
	{"ffn_up", 2, ffnDim, dim, 118},
	{"ffn_geglu", 7, 0, ffnDim, 3},
	{"ffn_down", 3, dim, ffnDim, 131},
}

// sample is a profile as of a CPU device. Names hold what breaks careless writers: angle
// brackets, quotes, commas, a script's end.
func sample() *profile.Profile {
	random := rand.New(rand.NewPCG(1, 2))
	p := &profile.Profile{
		Format: profile.Format, Version: profile.Version,
		Created: time.Date(2026, 11, 24, 8, 30, 0, 0, time.UTC), Program: "devel (go1.26.8)",
		Command: []string{"profile", "--synthetic", "seallm-nano:Q4_K_M", "--filter", `</script><b id="x">&amp;`},
		Device: profile.Device{Name: "llvmpipe (LLVM 15.0.6, 256 bits)", Type: "cpu", Driver: "llvmpipe",
			DriverInfo: "Mesa 22.3.6 (LLVM 15.0.6)", APIVersion: "1.3.230", SubgroupSize: 8, Clock: "calibrated"},
		Model: profile.Model{Name: "seallm-nano", FileType: "Q4_K_M", KV: "f16", Layers: sampleLayers, Dim: dim, FFNDim: ffnDim,
			Heads: 4, KVHeads: 4, HeadDim: 64, Vocab: vocab, WeightsBytes: 2906112, BytesPerToken: 2894000},
		Roofs: &roofline.Roofs{Version: 1, Clock: "timestamps",
			Identity:        roofline.Identity{Device: "llvmpipe", VendorID: 65541, DeviceUUID: "6d657361-3232-2e33-2e36-000000000000", Processors: 2},
			WorkingSetBytes: 268435456, ReadBytesPerS: 13.25e9, CopyBytesPerS: 9.5e9, F32FLOPsPerS: 61.5e9, F16FLOPsPerS: 16.5e9, Int8DotOpsPerS: 20.25e9,
			DispatchUS: 1.75, BarrierUS: 0.875, SubmissionUS: 41.5,
			Spread:  map[string]float64{"read_bytes_per_s": 0.0325, "f32_flops_per_s": 0.0125},
			Variant: map[string]string{"read_bytes_per_s": "vec4, 4 loads"}},
	}
	for i, kernel := range []string{"embed", "rmsnorm", "matmul", "matmul", "rope", "attention", "attention_merge", "geglu",
		"matmul", "adjust", "threshold", "pick", "sample"} {
		pipeline := profile.Pipeline{Kernel: kernel, Lanes: 64, SubgroupSize: 8}
		switch i {
		case 2:
			pipeline.Type, pipeline.Variant = "Q4_K", "rows=4"
		case 3, 8:
			pipeline.Type, pipeline.Variant = "Q6_K", `rows=2, "wide"`
		}
		if i%2 == 0 {
			pipeline.Statistics = []vk.Statistic{{Name: "Register Count", Value: fmt.Sprint(24 + i)}, {Name: "Spilled Registers", Value: "0"},
				{Name: "Shared Memory Size", Value: fmt.Sprint(256 * i)}}
		}
		p.Pipelines = append(p.Pipelines, pipeline)
	}
	p.Runs = []profile.Run{
		sampleRun(p, random, "decode", 0, 1),
		sampleRun(p, random, "decode", 512, 1),
		sampleRun(p, random, "prefill", 0, 128),
	}
	return p
}

// sampleRun takes the same dispatches in every step; their times scatter by some per cent.
func sampleRun(p *profile.Profile, random *rand.Rand, phase string, depth, tokens int) profile.Run {
	r := profile.Run{Phase: phase, Depth: depth, Tokens: tokens}
	add := func(section string, layer int, o operation) {
		d := profile.Dispatch{Label: o.name, Section: section, Layer: layer, Operation: o.name, Pipeline: o.pipeline, Calls: 1,
			Grid: [3]int{max(1, o.rows/4), 1, 1}, Shape: fmt.Sprintf("rows=%d cols=%d tokens=%d", o.rows, o.cols, tokens)}
		if layer >= 0 {
			d.Label = section + "." + o.name
		}
		scale := 1.0
		switch {
		case o.rows > 0:
			d.ReadBytes = int64(o.rows*o.cols)*9/16 + int64(4*o.cols*tokens)
			d.WrittenBytes = int64(4 * o.rows * tokens)
			d.FLOPs = int64(2 * o.rows * o.cols * tokens)
			scale = 1 + float64(tokens-1)*0.2
		case o.name == "attention":
			d.ReadBytes, d.WrittenBytes = int64(4*dim*(depth+tokens)), int64(4*dim*tokens)
			d.FLOPs = int64(4 * dim * (depth + tokens) * tokens)
			scale = (1 + float64(depth)/40) * (1 + float64(tokens)/20)
		default:
			d.ReadBytes, d.WrittenBytes = int64(8*o.cols*tokens), int64(4*o.cols*tokens)
			if o.name != "advance" && o.name != "token_embd" {
				d.FLOPs = int64(4 * o.cols * tokens)
			}
			scale = 1 + float64(tokens)/50
		}
		if tokens > 8 && o.rows >= ffnDim {
			d.Calls = 2 // in two chunks
		}
		for range sampleSteps * d.Calls {
			d.SamplesUS = append(d.SamplesUS, o.time*scale/float64(d.Calls)*(0.97+0.09*random.Float64()))
		}
		r.Dispatches = append(r.Dispatches, d)
	}
	add("token_embd", -1, operation{"token_embd", 0, 0, dim, 3})
	for i := range sampleLayers {
		for _, o := range layerOperations {
			add(fmt.Sprintf("blk.%d", i), i, o)
		}
	}
	add("output", -1, operation{"output_norm", 1, 0, dim, 4})
	add("output", -1, operation{"output", 8, vocab, dim, 260})
	if phase == "decode" {
		for i, name := range []string{"repeat_penalty", "top_k_top_p_min_p", "sample", "advance"} {
			add("sample", -1, operation{name, 9 + i, 0, vocab, float64(2 + 9*(i&1))})
		}
	}
	sampleTimes(&r, random)
	r.Operations = r.Groups(p, profile.ByOperation)
	memory := float64(r.Floor.ReadBytes) / p.Roofs.ReadBytesPerS * 1e6
	compute := float64(r.Floor.FLOPs) / p.Roofs.F32FLOPsPerS * 1e6
	r.Floor.MemoryUS, r.Floor.ComputeUS, r.Floor.Bound = memory, compute, "memory"
	if compute > memory {
		r.Floor.Bound = "compute"
	}
	r.Floor.Share = max(memory, compute) / r.Unprofiled.MedianUS
	return r
}

// sampleTimes fills in what follows from the dispatches' times: walls, budgets, timeline.
func sampleTimes(r *profile.Run, random *rand.Rand) {
	const gap, submit, wait, read, host, stamps = 1.5, 21.25, 34.5, 2.75, 6.5, 12.25
	var kernels float64
	for _, d := range r.Dispatches {
		for _, s := range d.SamplesUS {
			kernels += s / sampleSteps
		}
		r.Floor.ReadBytes += d.ReadBytes
		r.Floor.FLOPs += d.FLOPs
		r.Schedule.Dispatches += d.Calls
	}
	r.Schedule.Submissions, r.Schedule.Barriers, r.Schedule.InFlight = 1, r.Schedule.Dispatches*2/3, 3
	gaps := gap * float64(r.Schedule.Dispatches-1)
	wall := kernels + gaps + submit + wait + read + host + stamps
	r.Budget = profile.Budget{WallUS: wall, KernelsUS: kernels, GapsUS: gaps, SubmitUS: submit, WaitUS: wait, ReadUS: read,
		HostUS: host, ProfileUS: stamps, KernelTicksUS: kernels * 1.0001}
	r.Overlapped = profile.Budget{WallUS: wall * 0.9, KernelsUS: wall*0.9 - 21, GapsUS: 4, SubmitUS: 3, WaitUS: 9, ReadUS: 1,
		HostUS: 2, ProfileUS: 2, KernelTicksUS: wall*0.9 - 21.5}
	for i, w := range []*profile.Wall{&r.Unprofiled, &r.Concurrent, &r.Serialized} {
		for range sampleSteps {
			w.SamplesUS = append(w.SamplesUS, wall*[]float64{0.89, 0.9, 1}[i]*(0.985+0.03*random.Float64()))
		}
		sorted := slices.Sorted(slices.Values(w.SamplesUS))
		w.MedianUS = (sorted[sampleSteps/2-1] + sorted[sampleSteps/2]) / 2
		w.P5US, w.P95US = sorted[0], sorted[sampleSteps-1]
		for _, s := range sorted {
			w.MeanUS += s / sampleSteps
		}
		w.Overhead = w.MedianUS/r.Unprofiled.MedianUS - 1
	}
	for _, mode := range []string{"serialized", "concurrent"} {
		event := func(track, name string, begin, dur float64) {
			r.Timeline = append(r.Timeline, profile.Event{Mode: mode, Track: track, Name: name, Begin: begin, Dur: dur})
		}
		event("host", "vkQueueSubmit", 0, submit)
		now := submit + wait/2
		begin, section, from := now, "", now
		for i, d := range r.Dispatches {
			if d.Section != section && section != "" && mode == "concurrent" {
				event("device: sections", section, from, now-from)
				from = now
			}
			section = d.Section
			for call := range d.Calls {
				if mode == "serialized" {
					event("device: dispatches", d.Label, now, d.SamplesUS[call])
				}
				now += d.SamplesUS[call]
				if mode == "serialized" && i+1 < len(r.Dispatches) {
					now += gap
				}
			}
		}
		if mode == "concurrent" {
			event("device: sections", section, from, now-from)
		}
		event("device: submissions", strings.ToLower(r.Phase), begin, now-begin)
		event("host", "wait", submit, now+wait/2-submit)
		event("host", "read timestamps", now+wait/2, read)
		event("host", "read result", now+wait/2+read, host)
	}
	if r.Phase == "decode" {
		for i := range sampleLayers {
			r.Sections = append(r.Sections, profile.Section{Name: fmt.Sprintf("blk.%d", i), SamplesUS: slices.Repeat([]float64{501.5, 502.5}, sampleSteps/2), MedianUS: 502})
		}
	}
}
