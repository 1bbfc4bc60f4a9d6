package shaders

import (
	"slices"
	"strconv"
	"testing"

	"sealvk/weights/format"
)

// privateMemory are the statistics of what left the registers, as drivers call them: RADV, ANV
// and NVIDIA, whose number has something else from bit 32 on.
var privateMemory = []string{"Scratch size", "Spilled VGPRs", "Spilled SGPRs", "Scratch Memory Size", "Spill Count", "Local Memory Size"}

// What kernels keep in arrays stays in registers, by the word of drivers that tell: a loop
// around an array must have constant bounds, and be unrolled. (CI has AMD's compiler say so
// for all types, engine/profile/static.)
func TestArraysStayInRegisters(t *testing.T) {
	caps := device.Caps()
	if !caps.Features.PipelineExecutableProperties {
		t.Skipf("%s tells nothing of its pipelines", caps.Name)
	}
	types := []Type{format.BF16, format.Q4_K, format.Q6_K}
	for _, kv := range []KVType{KVF16, KVQ8} {
		set, err := New(device, Config{KV: kv, Tuning: DefaultTuning(caps), Statistics: true})
		if err != nil {
			t.Fatal(err)
		}
		defer set.Free()
		var pipelines []*Pipeline
		for _, k := range All() {
			tuning, err := k.Tuning(caps)
			switch {
			case err != nil || tuning != set.tuning: // it is not what this device uses
			case !k.Weights:
				pipelines = append(pipelines, set.Variants(k, NoType)...)
			default:
				for _, typ := range types {
					pipelines = append(pipelines, set.Variants(k, typ)...)
				}
			}
		}
		if err := set.Build(t.Context(), pipelines, nil); err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, p := range pipelines {
			list, err := p.Executables()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				for _, s := range e.Statistics {
					if !slices.Contains(privateMemory, s.Name) {
						continue
					}
					n, err := strconv.ParseUint(s.Value, 10, 64)
					if err != nil {
						t.Errorf("%s %v: %s is %q", p.Kernel, p.Type, s.Name, s.Value)
					}
					told++
					if n := uint32(n); n > 0 {
						t.Errorf("%s %s, %s, %d lanes: %s %d", p.Kernel, typeName(p.Type), p.Variant, p.Lanes, s.Name, n)
					}
				}
			}
		}
		if told == 0 {
			t.Skipf("%s tells of pipelines, but not what left the registers", caps.Name)
		}
		types = nil // those of the cache alone
	}
}

func typeName(t Type) string {
	if t == NoType {
		return "without weights"
	}
	return name(t)
}
