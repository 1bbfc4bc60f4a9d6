package kernelbench

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights/format"
)

// Kernels lists the kernels, sorted.
func Kernels() []string { return slices.Sorted(maps.Keys(benches)) }

// CheckKernel fails for a name that no kernel has.
func CheckKernel(name string) error {
	if benches[name] == nil {
		return fmt.Errorf("kernelbench: %w", unknownKernel(name))
	}
	return nil
}

// Sizes names the sizes of a kernel's shape, nil for a name that no kernel has.
func Sizes(kernel string) []string { return shaders.ShapeOf(kernel) }

// Sweep is what to try of one kernel. What it does not say is the model's, or the device's
// own.
type Sweep struct {
	Kernel string
	Types  []format.Type    // none: Q4_K, where the kernel has weights
	Sizes  map[string][]int // by the names of Sizes
	Knobs  map[string][]int // by the names of Knobs
	KV     shaders.KVType
	Depths []int // none: 0
}

// maxCases is more than anybody waits for.
const maxCases = 10000

// Cases is every combination, the variants of a shape one after the other. None of them has
// a size that is impossible on the device.
func (s *Sweep) Cases(caps *vk.Caps) ([]Case, error) {
	fail := func(format string, args ...any) ([]Case, error) {
		return nil, fmt.Errorf("kernelbench: "+format, args...)
	}
	sizes, own := shaders.ShapeOf(s.Kernel), Knobs(s.Kernel)
	if benches[s.Kernel] == nil {
		return fail("%w", unknownKernel(s.Kernel))
	}
	for name := range s.Sizes {
		if !slices.Contains(sizes, name) {
			return fail("%s has no size %q; it has %s", s.Kernel, name, strings.Join(sizes, ", "))
		}
	}
	for name, values := range s.Knobs {
		if !slices.Contains(own, name) {
			return fail("%s has no tuning %q; it has %s", s.Kernel, name, strings.Join(own, ", "))
		}
		for _, k := range switches {
			if i := slices.IndexFunc(values, func(n int) bool { return n != 0 && n != 1 }); k.name == name && i >= 0 {
				return fail("%s: %s=%d: want 0 or 1", s.Kernel, name, values[i])
			}
		}
	}
	types, depths := s.Types, s.Depths
	if len(types) == 0 {
		types = []format.Type{NoType}
		if HasWeights(s.Kernel) {
			types[0] = format.Q4_K
		}
	}
	if len(depths) == 0 {
		depths = []int{0}
	}
	variants := s.variants(caps)
	shapes := s.shapes(variants[0].Lanes)
	if n := float64(len(shapes)) * float64(len(types)) * float64(len(depths)) * float64(len(variants)); n > maxCases {
		return fail("%.0f combinations, want at most %d", n, maxCases)
	}
	var cases []Case
	for _, shape := range shapes {
		for _, typ := range types {
			for _, depth := range depths {
				for _, v := range variants {
					c := Case{s.Kernel, typ, shape, s.KV, depth, v}
					if err := c.check(caps); err != nil {
						return fail("%s: %w", s.Kernel, err)
					}
					cases = append(cases, c)
				}
			}
		}
	}
	return cases, nil
}

// variants is the product of the knobs, on top of the device's own tuning.
func (s *Sweep) variants(caps *vk.Caps) []Variant {
	list := []Variant{{Tuning: shaders.DefaultTuning(caps)}}
	for _, k := range knobs {
		values := s.Knobs[k.name]
		if len(values) == 0 || !slices.Contains(k.kernels, s.Kernel) {
			continue
		}
		var next []Variant
		for _, v := range list {
			for _, n := range values {
				*k.of(&v) = n
				if next = append(next, v); len(next) > maxCases {
					return next
				}
			}
		}
		list = next
	}
	for _, k := range switches {
		values := s.Knobs[k.name]
		if len(values) == 0 || !slices.Contains(k.kernels, s.Kernel) {
			continue
		}
		var next []Variant
		for _, v := range list {
			for _, n := range values {
				*k.of(&v) = n != 0
				if next = append(next, v); len(next) > maxCases {
					return next
				}
			}
		}
		list = next
	}
	return list
}

// shapes is the product of the sizes; where some are not given, for each of the model's shapes.
func (s *Sweep) shapes(lanes int) [][]int {
	var shapes [][]int
	for _, shape := range modelShapes(s.Kernel, lanes) {
		list := [][]int{shape}
		for i, name := range shaders.ShapeOf(s.Kernel) {
			values := s.Sizes[name]
			if len(values) == 0 {
				continue
			}
			var next [][]int
			for _, shape := range list {
				for _, n := range values {
					shape = slices.Clone(shape)
					shape[i] = n
					if next = append(next, shape); len(next) > maxCases {
						return next
					}
				}
			}
			list = next
		}
		for _, shape := range list {
			if !slices.ContainsFunc(shapes, func(other []int) bool { return slices.Equal(shape, other) }) {
				shapes = append(shapes, shape)
			}
		}
	}
	return shapes
}

// modelShapes are SeaLLM-7B-v2.5's shapes of a kernel when it decodes one token.
func modelShapes(kernel string, lanes int) [][]int {
	const dim, ffn, heads, headDim, vocab = 3072, 24576, 16, 256, 256000
	switch kernel {
	case "matmul": // attn_q, attn_k, attn_v; attn_output; ffn_gate, ffn_up; ffn_down; output
		return [][]int{{heads * headDim, dim, 1}, {dim, heads * headDim, 1}, {ffn, dim, 1}, {dim, ffn, 1}, {vocab, dim, 1}}
	case "attn_qkv":
		return [][]int{{3 * heads * headDim, dim, 1}}
	case "matmul_add": // attn_output; ffn_down
		return [][]int{{dim, heads * headDim, 1}, {dim, ffn, 1}}
	case "ffn_gate_up":
		return [][]int{{2 * ffn, dim, 1}}
	case "output":
		return [][]int{{vocab, dim, 1}}
	case "embed":
		return [][]int{{vocab, dim, 1}}
	case "rmsnorm":
		return [][]int{{dim, 1}}
	case "rope", "attention":
		return [][]int{{heads, heads, headDim, 1}}
	case "attention_prefill": // a chunk of the prompt
		return [][]int{{heads, heads, headDim, 64}}
	case "attention_merge":
		return [][]int{{heads, headDim, 1}}
	case "geglu":
		return [][]int{{ffn, 1}}
	case "advance":
		return [][]int{{chunks(vocab, lanes), 1}}
	default: // penalize, threshold, pick
		return [][]int{{vocab, 1}}
	}
}
