package kernelbench

import (
	"sealvk/shaders"
	"sealvk/shaders/cases"
)

// Case is one thing to run, Variant a way to build and run a kernel.
type (
	Case    = cases.Case
	Variant = cases.Variant
)

// NoType is the Type of what has no weights.
const NoType = shaders.NoType

// Sizes names the sizes of a kernel's shape, Knobs what can be varied of it; nil for a name that
// no kernel has.
func Sizes(kernel string) []string {
	if k := shaders.FindKernel(kernel); k != nil {
		return k.Sizes
	}
	return nil
}

func Knobs(kernel string) (names []string) {
	if k := shaders.FindKernel(kernel); k != nil {
		for _, knob := range cases.Knobs(k) {
			names = append(names, knob.Name)
		}
	}
	return names
}
