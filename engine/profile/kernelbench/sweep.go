package kernelbench

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sealvk/engine"
	"sealvk/shaders"
	"sealvk/shaders/cases"
	"sealvk/vk"
	"sealvk/weights/format"
)

// Kernels lists the kernels, sorted.
func Kernels() (names []string) {
	for _, k := range shaders.All() {
		names = append(names, k.Name)
	}
	return names
}

// CheckKernel fails for a name that no kernel has.
func CheckKernel(name string) error {
	if shaders.FindKernel(name) == nil {
		return fmt.Errorf("kernelbench: %w", unknownKernel(name))
	}
	return nil
}

func unknownKernel(name string) error {
	return fmt.Errorf("unknown kernel %q; there are %s", name, strings.Join(Kernels(), ", "))
}

// HasWeights, HasCache and HasDepth tell whether the Type, KV and Depth of a Case matter
// to a kernel.
func HasWeights(kernel string) bool { k := shaders.FindKernel(kernel); return k != nil && k.Weights }
func HasCache(kernel string) bool   { k := shaders.FindKernel(kernel); return k != nil && k.Cache }
func HasDepth(kernel string) bool   { k := shaders.FindKernel(kernel); return k != nil && k.Depth }

// Sweep is what to try of one kernel. What it does not say is the model's, or the device's
// own.
type Sweep struct {
	Kernel string
	Types  []format.Type    // none: Q4_K, where the kernel has weights
	Sizes  map[string][]int // by the names of Sizes
	Knobs  map[string][]int // by the names of Knobs
	KV     shaders.KVType
	Depths []int // none: 0

	matrices shaders.MatrixTuning
}

// FindMatrices asks the device for the cooperative matrices that matrices=1 means.
func (s *Sweep) FindMatrices(d *vk.Device) (err error) {
	if s.matrices, err = shaders.FindMatrices(d); err != nil {
		return fmt.Errorf("kernelbench: %w", err)
	}
	s.matrices.On = false
	return nil
}

// maxCases is more than anybody waits for.
const maxCases = 10000

// Cases is every combination, the variants of a shape one after the other. None of them has
// a size that is impossible on the device.
func (s *Sweep) Cases(caps *vk.Caps) ([]Case, error) {
	fail := func(format string, args ...any) ([]Case, error) {
		return nil, fmt.Errorf("kernelbench: "+format, args...)
	}
	k := shaders.FindKernel(s.Kernel)
	if k == nil {
		return fail("%w", unknownKernel(s.Kernel))
	}
	for name := range s.Sizes {
		if !slices.Contains(k.Sizes, name) {
			return fail("%s has no size %q; it has %s", s.Kernel, name, strings.Join(k.Sizes, ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Knobs)) {
		values := s.Knobs[name]
		if own := Knobs(s.Kernel); !slices.Contains(own, name) {
			return fail("%s has no tuning %q; it has %s", s.Kernel, name, strings.Join(own, ", "))
		}
		for i := range k.Knobs {
			for _, n := range values {
				if knob := &k.Knobs[i]; knob.Name == name && knob.IsSwitch() && n != 0 && n != 1 {
					return fail("%s: %w", s.Kernel, knob.Check(n, caps))
				}
			}
		}
	}
	tuning, err := k.Tuning(caps)
	if err != nil {
		return fail("%s: %w", s.Kernel, err)
	}
	if s.matrices != (shaders.MatrixTuning{}) {
		tuning.SetMatrices(caps, s.matrices)
	}
	types, depths := s.Types, s.Depths
	if len(types) == 0 {
		types = []format.Type{NoType}
		if k.Weights {
			types[0] = format.Q4_K
		}
	}
	if len(depths) == 0 {
		depths = []int{0}
	}
	variants, shapes := s.variants(tuning), s.shapes(k)
	if n := float64(len(shapes)) * float64(len(types)) * float64(len(depths)) * float64(len(variants)); n > maxCases {
		return fail("%.0f combinations, want at most %d", n, maxCases)
	}
	var list []Case
	for _, shape := range shapes {
		for _, typ := range types {
			for _, depth := range depths {
				for _, v := range variants {
					c := Case{Kernel: s.Kernel, Type: typ, Shape: shape, KV: s.KV, Depth: depth, Variant: v}
					if slices.Contains(k.Sizes, "heads") && k.Depth && v.Split == 0 {
						c.Variant.Split = ownSplit(caps, &c)
					}
					if err := c.Check(caps); err != nil {
						return fail("%s: %w", s.Kernel, err)
					}
					list = append(list, c)
				}
			}
		}
	}
	return list, nil
}

// ownSplit is the engine's: for one token that of decode, for several that of prefill.
func ownSplit(caps *vk.Caps, c *Case) int {
	length := c.Depth + c.Size("tokens")
	if c.Size("tokens") > 1 {
		return min(engine.PrefillSplit(caps), length)
	}
	_, split := shaders.DecodeSplits(caps, shaders.Heads{Heads: c.Size("heads")}, engine.DecodeSplit, length).Of(length)
	return min(split, length)
}

// variants is the product of the knobs, on top of the device's own tuning.
func (s *Sweep) variants(own shaders.Tuning) []Variant {
	list := []Variant{{Tuning: own}}
	for _, k := range cases.Knobs(shaders.FindKernel(s.Kernel)) {
		values := s.Knobs[k.Name]
		if len(values) == 0 {
			continue
		}
		var next []Variant
		for _, v := range list {
			for _, n := range values {
				k.Set(&v, n)
				if next = append(next, v); len(next) > maxCases {
					return next
				}
			}
		}
		list = next
	}
	return list
}

// shapes is the product of the sizes; where some are not given, for each of the kernel's usual shapes.
func (s *Sweep) shapes(k *shaders.Kernel) [][]int {
	var shapes [][]int
	for _, shape := range k.Typical {
		list := [][]int{shape}
		for i, name := range k.Sizes {
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
