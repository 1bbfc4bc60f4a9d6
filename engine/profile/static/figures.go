package static

import (
	"strconv"

	"sealvk/vk"
)

// Figures are what drivers call by names of their own; nil: not given. A wave is a subgroup;
// each of its invocations has the VGPRs, the wave has the SGPRs once.
type Figures struct {
	Waves        *int `json:"waves_per_simd"` // that fit at once: they hide each other's latency
	VGPRs        *int `json:"vgprs"`
	SGPRs        *int `json:"sgprs"`
	SpilledVGPRs *int `json:"spilled_vgprs"`
	SpilledSGPRs *int `json:"spilled_sgprs"`
	LDS          *int `json:"lds_bytes"`     // shared memory of a workgroup
	Scratch      *int `json:"scratch_bytes"` // private memory of a wave
	Instructions *int `json:"instructions"`
	Code         *int `json:"code_bytes"`
	// Latency is the cycles of a wave from start to end, Inverse those between the ends of
	// two waves while the SIMD is full: latency ÷ waves, or those that the busiest unit
	// takes for a wave if these are more. Both are the compiler's guess, for loops of a few
	// rounds and the same latency of every access: good to compare versions of a kernel.
	Latency *int `json:"latency_cycles"`
	Inverse *int `json:"inverse_throughput_cycles"`
}

// figuresOf reads the statistics that RADV gives, in the words of Mesa 22.3 to 25.0.
func figuresOf(statistics []vk.Statistic) Figures {
	var f Figures
	for _, s := range statistics {
		into := map[string]**int{
			"Subgroups per SIMD": &f.Waves,
			"VGPRs":              &f.VGPRs, "SGPRs": &f.SGPRs,
			"Spilled VGPRs": &f.SpilledVGPRs, "Spilled SGPRs": &f.SpilledSGPRs,
			"LDS size": &f.LDS, "Scratch size": &f.Scratch,
			"Instructions": &f.Instructions, "Code size": &f.Code,
			"Latency": &f.Latency, "Inverse Throughput": &f.Inverse,
		}[s.Name]
		if n, err := strconv.Atoi(s.Value); into != nil && err == nil {
			*into = &n
		}
	}
	return f
}

// Spills reports whether registers did not suffice.
func (f *Figures) Spills() bool {
	some := func(n *int) bool { return n != nil && *n > 0 }
	return some(f.SpilledVGPRs) || some(f.SpilledSGPRs)
}
