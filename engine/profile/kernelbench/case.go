package kernelbench

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights/format"
)

// Case is one thing to run.
type Case struct {
	Kernel  string
	Type    format.Type // of the weights, NoType for kernels without
	Shape   []int       // the sizes that Sizes(Kernel) names
	KV      shaders.KVType
	Depth   int // positions in the KV cache before the tokens
	Variant Variant
}

// NoType is the Type of what has no weights.
const NoType = shaders.NoType

// Variant is a way to build and run a kernel.
type Variant struct {
	shaders.Tuning
	Split int // positions of an attention workgroup; 0: 128 for one token, all for several, as in decode and prefill
}

// knob is what can be varied of a kernel.
type knob struct {
	name string
	get  func(v *Variant) int
	set  func(v *Variant, value int)
}

// knobs are those of the kernel's descriptor and, in front of its switches, the split.
func knobs(kernel string) []knob {
	k := shaders.FindKernel(kernel)
	if k == nil {
		return nil
	}
	var list []knob
	for i := range k.Knobs {
		n := &k.Knobs[i]
		list = append(list, knob{n.Name, func(v *Variant) int { return n.Get(&v.Tuning) }, func(v *Variant, value int) { n.Set(&v.Tuning, value) }})
	}
	if !benches[kernel].splits {
		return list
	}
	split := knob{"split", func(v *Variant) int { return v.Split }, func(v *Variant, value int) { v.Split = value }}
	numbers := slices.IndexFunc(k.Knobs, func(n shaders.Knob) bool { return n.IsSwitch() })
	if numbers < 0 {
		numbers = len(list)
	}
	return slices.Insert(list, numbers, split)
}

// Knobs names what can be varied of a kernel.
func Knobs(kernel string) []string {
	var names []string
	for _, k := range knobs(kernel) {
		names = append(names, k.name)
	}
	return names
}

// HasWeights, HasCache and HasDepth tell whether the Type, KV and Depth of a Case matter
// to a kernel.
func HasWeights(kernel string) bool { k := shaders.FindKernel(kernel); return k != nil && k.Weights }
func HasCache(kernel string) bool   { k := shaders.FindKernel(kernel); return k != nil && k.Cache }
func HasDepth(kernel string) bool   { k := shaders.FindKernel(kernel); return k != nil && k.Depth }

// size is one of the case's sizes, by name.
func (c *Case) size(name string) int { return c.Shape[slices.Index(Sizes(c.Kernel), name)] }

// variant is the knobs that matter to the kernel.
func (c *Case) variant() map[string]int {
	v := c.Variant
	v.Split = c.splits().Positions
	values := map[string]int{}
	for _, k := range knobs(c.Kernel) {
		values[k.name] = k.get(&v)
	}
	return values
}

// context is the length of the longest sequence of attention.
func (c *Case) context() int { return c.Depth + c.size("tokens") }

// splits shares a sequence among workgroups as the engine does.
func (c *Case) splits() shaders.Splits {
	if !HasDepth(c.Kernel) {
		return shaders.Splits{}
	}
	positions := c.Variant.Split
	if positions == 0 {
		if positions = prefillSplit; c.size("tokens") == 1 {
			positions = decodeSplit
		}
		positions = min(positions, c.context())
	}
	return shaders.SplitsOf(max(positions, 1), c.context()) // below 1: a case that is told in an error
}

const (
	decodeSplit  = 128           // positions of an attention workgroup, as the engine has them in decode
	prefillSplit = 2048          // and in prefill on CPU devices; GPUs take the whole sequence there
	maxSize      = math.MaxInt32 // of anything: kernels count in 32 bits
)

// check finds what is wrong with a case before anything is computed or allocated.
func (c *Case) check(caps *vk.Caps) error {
	k := shaders.FindKernel(c.Kernel)
	if k == nil {
		return unknownKernel(c.Kernel)
	}
	if len(c.Shape) != len(k.Sizes) {
		return fmt.Errorf("%d sizes, want %s", len(c.Shape), strings.Join(k.Sizes, ", "))
	}
	for i, n := range c.Shape {
		if n < 1 || n > maxSize {
			return fmt.Errorf("%s=%d: want 1 to %d", k.Sizes[i], n, maxSize)
		}
	}
	if k.Weights {
		if !c.Type.Known() {
			return fmt.Errorf("no kernel for weights of type %s", c.Type)
		}
		if cols, block := c.size("cols"), c.Type.BlockValues(); cols%block != 0 {
			return fmt.Errorf("cols=%d: want a multiple of %s's block of %d", cols, c.Type, block)
		}
	} else if c.Type != NoType {
		return fmt.Errorf("the kernel has no weights and so no type")
	}
	of := benches[c.Kernel]
	if of.check != nil {
		if err := of.check(c); err != nil {
			return err
		}
	}
	if k.Depth {
		if most := maxSize - c.size("tokens"); c.Depth < 0 || c.Depth > most {
			return fmt.Errorf("a depth of %d: want 0 to %d", c.Depth, most)
		}
	} else if c.Depth != 0 {
		return fmt.Errorf("the kernel works at no depth of the KV cache")
	}
	if of.splits && (c.Variant.Split < 0 || c.Variant.Split > maxSize) {
		return fmt.Errorf("split=%d: want 1 to %d on this device", c.Variant.Split, maxSize)
	}
	return k.Check(&c.Variant.Tuning, c.KV, caps)
}

func unknownKernel(name string) error {
	return fmt.Errorf("unknown kernel %q; there are %s", name, strings.Join(Kernels(), ", "))
}
