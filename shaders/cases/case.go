package cases

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
	Type    format.Type // of the weights, shaders.NoType for kernels without
	Shape   []int       // the sizes that the kernel's descriptor names
	KV      shaders.KVType
	Depth   int // positions in the KV cache before the tokens
	Variant Variant
	// Odd, if it is not 0, is the seed of inputs as the model has them elsewhere or never:
	// offsets, strides and parts, rows of several sequences, magnitudes and options.
	Odd uint64

	from int           // token of a larger step at which this one begins: its tokens are the same there
	rows []shaders.Row // of attention and what writes the cache; nil: by Depth, or odd ones
}

// Variant is a way to build and run a kernel.
type Variant struct {
	shaders.Tuning
	Split int // positions of an attention workgroup; 0: all
}

// Knob is what can be varied of a kernel.
type Knob struct {
	Name string
	Get  func(v *Variant) int
	Set  func(v *Variant, value int)
}

// Knobs are those of the kernel's descriptor and, in front of its switches, the split.
func Knobs(k *shaders.Kernel) []Knob {
	var list []Knob
	for i := range k.Knobs {
		n := &k.Knobs[i]
		list = append(list, Knob{n.Name, func(v *Variant) int { return n.Get(&v.Tuning) }, func(v *Variant, value int) { n.Set(&v.Tuning, value) }})
	}
	if own := kernels[k.Name]; own == nil || !own.splits {
		return list
	}
	split := Knob{"split", func(v *Variant) int { return v.Split }, func(v *Variant, value int) { v.Split = value }}
	numbers := slices.IndexFunc(k.Knobs, func(n shaders.Knob) bool { return n.IsSwitch() })
	if numbers < 0 {
		numbers = len(list)
	}
	return slices.Insert(list, numbers, split)
}

func (c *Case) kernel() *shaders.Kernel { return shaders.FindKernel(c.Kernel) }

// Size is one of the case's sizes, by name.
func (c *Case) Size(name string) int { return c.Shape[slices.Index(c.kernel().Sizes, name)] }

// Values is the knobs that matter to the kernel, for this case.
func (c *Case) Values() map[string]int {
	v := c.Variant
	v.Tuning = c.kernel().Sized(v.Tuning, c.Type, c.Shape)
	v.Split = c.splits().Positions
	values := map[string]int{}
	for _, k := range Knobs(c.kernel()) {
		values[k.Name] = k.Get(&v)
	}
	return values
}

// context is the length of the longest sequence of attention.
func (c *Case) context() int { return c.Depth + c.Size("tokens") }

// splits shares a sequence among workgroups.
func (c *Case) splits() shaders.Splits {
	if !c.kernel().Depth {
		return shaders.Splits{}
	}
	positions := c.Variant.Split
	if positions == 0 {
		positions = c.context()
	}
	return shaders.SplitsOf(max(positions, 1), c.context()) // below 1: a case that is told in an error
}

const maxSize = math.MaxInt32 // of anything: kernels count in 32 bits

// Check finds what is wrong with a case before anything is computed or allocated.
func (c *Case) Check(caps *vk.Caps) error {
	k := c.kernel()
	if k == nil {
		return fmt.Errorf("unknown kernel %q", c.Kernel)
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
		if cols, block := c.Size("cols"), c.Type.BlockValues(); cols%block != 0 {
			return fmt.Errorf("cols=%d: want a multiple of %s's block of %d", cols, c.Type, block)
		}
	} else if c.Type != shaders.NoType {
		return fmt.Errorf("the kernel has no weights and so no type")
	}
	of := kernels[c.Kernel]
	if of.check != nil {
		if err := of.check(c); err != nil {
			return err
		}
	}
	if k.Depth {
		if most := maxSize - c.Size("tokens"); c.Depth < 0 || c.Depth > most {
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
