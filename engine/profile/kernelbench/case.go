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

// products are the kernels of product.glsl.
var products = []string{"matmul", "matmul_add", "attn_qkv", "ffn_gate_up", "output"}

// knobs are the numbers of a Variant by name, in the order in which they are shown.
var knobs = []struct {
	name    string
	of      func(*Variant) *int
	most    int  // whatever the device
	power   bool // of two
	kernels []string
}{
	{"lanes", func(v *Variant) *int { return &v.Lanes }, math.MaxInt, true,
		[]string{"embed", "rope", "geglu", "penalize", "pick"}},
	{"wide", func(v *Variant) *int { return &v.WideLanes }, math.MaxInt, true, []string{"rmsnorm"}},
	{"lanes", func(v *Variant) *int { return &v.SampleLanes }, math.MaxInt, true, []string{"threshold", "advance"}},
	{"lanes", func(v *Variant) *int { return &v.Product.Lanes }, math.MaxInt, true, products},
	{"max_lanes", func(v *Variant) *int { return &v.Product.MaxLanes }, math.MaxInt, true, products},
	{"row_lanes", func(v *Variant) *int { return &v.Product.RowLanes }, math.MaxInt, true, products},
	{"groups", func(v *Variant) *int { return &v.Product.Groups }, 64, true, products},
	{"outputs", func(v *Variant) *int { return &v.Product.Outputs }, 64, true, products},
	{"span", func(v *Variant) *int { return &v.Product.Span }, 8, true, products},
	{"tokens", func(v *Variant) *int { return &v.Product.Tokens }, 16, true, products},
	{"lanes", func(v *Variant) *int { return &v.Attention.Lanes }, math.MaxInt, true, []string{"attention", "attention_merge"}},
	{"positions", func(v *Variant) *int { return &v.Attention.Positions }, 32, true, []string{"attention"}},
	{"blocks", func(v *Variant) *int { return &v.Attention.Blocks }, 8, false, []string{"attention"}},
	{"flight", func(v *Variant) *int { return &v.Attention.Tokens }, shaders.PageTokens, true, []string{"attention"}},
	{"tile", func(v *Variant) *int { return &v.Attention.Tile }, 1024, true, []string{"attention"}},
	{"lanes", func(v *Variant) *int { return &v.Attention.PrefillLanes }, math.MaxInt, true, []string{"attention_prefill"}},
	{"rows", func(v *Variant) *int { return &v.Attention.PrefillRows }, 16, false, []string{"attention_prefill"}},
	{"tile", func(v *Variant) *int { return &v.Attention.PrefillTile }, 1024, true, []string{"attention_prefill"}},
	{"split", func(v *Variant) *int { return &v.Split }, math.MaxInt32, false, []string{"attention", "attention_prefill", "attention_merge"}},
}

// switches are the bools of a Variant by name: 0 or 1.
var switches = []struct {
	name    string
	of      func(*Variant) *bool
	has     func(c *vk.Caps) bool // whether the device can
	kernels []string
}{
	{"in_place", func(v *Variant) *bool { return &v.Product.InPlace }, nil, products},
	{"exact", func(v *Variant) *bool { return &v.Product.Exact }, nil, products},
	{"quads", func(v *Variant) *bool { return &v.Product.Quads }, func(c *vk.Caps) bool { return c.Subgroup.Has("quad") }, products},
	{"int_dot", func(v *Variant) *bool { return &v.Product.IntDot }, func(c *vk.Caps) bool { return c.Features.IntegerDotProduct }, products[1:]},
	{"merge", func(v *Variant) *bool { return &v.Attention.Merge }, nil, []string{"attention", "attention_prefill"}},
}

// Knobs names what can be varied of a kernel.
func Knobs(kernel string) []string {
	var names []string
	for _, k := range knobs {
		if slices.Contains(k.kernels, kernel) {
			names = append(names, k.name)
		}
	}
	for _, k := range switches {
		if slices.Contains(k.kernels, kernel) {
			names = append(names, k.name)
		}
	}
	return names
}

// HasWeights, HasCache and HasDepth tell whether the Type, KV and Depth of a Case matter
// to a kernel.
func HasWeights(kernel string) bool { return kernel == "embed" || slices.Contains(products, kernel) }
func HasCache(kernel string) bool {
	return kernel == "attn_qkv" || kernel == "rope" || kernel == "attention" || kernel == "attention_prefill"
}
func HasDepth(kernel string) bool { return HasCache(kernel) || kernel == "attention_merge" }

// size is one of the case's sizes, by name.
func (c *Case) size(name string) int {
	return c.Shape[slices.Index(shaders.ShapeOf(c.Kernel), name)]
}

// variant is the knobs that matter to the kernel.
func (c *Case) variant() map[string]int {
	v := c.Variant
	v.Split = c.splits().Positions
	values := map[string]int{}
	for _, k := range knobs {
		if slices.Contains(k.kernels, c.Kernel) {
			values[k.name] = *k.of(&v)
		}
	}
	for _, k := range switches {
		if slices.Contains(k.kernels, c.Kernel) {
			values[k.name] = 0
			if *k.of(&v) {
				values[k.name] = 1
			}
		}
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
	names := shaders.ShapeOf(c.Kernel)
	if benches[c.Kernel] == nil {
		return unknownKernel(c.Kernel)
	}
	if len(c.Shape) != len(names) {
		return fmt.Errorf("%d sizes, want %s", len(c.Shape), strings.Join(names, ", "))
	}
	for i, n := range c.Shape {
		if n < 1 || n > maxSize {
			return fmt.Errorf("%s=%d: want 1 to %d", names[i], n, maxSize)
		}
	}
	if HasWeights(c.Kernel) {
		if !c.Type.Known() {
			return fmt.Errorf("no kernel for weights of type %s", c.Type)
		}
		if cols, block := c.size("cols"), c.Type.BlockValues(); cols%block != 0 {
			return fmt.Errorf("cols=%d: want a multiple of %s's block of %d", cols, c.Type, block)
		}
	} else if c.Type != NoType {
		return fmt.Errorf("the kernel has no weights and so no type")
	}
	if HasDepth(c.Kernel) {
		if err := c.checkHeads(); err != nil {
			return err
		}
	} else if c.Depth != 0 {
		return fmt.Errorf("the kernel works at no depth of the KV cache")
	}
	return c.checkVariant(caps)
}

func (c *Case) checkHeads() error {
	if c.Kernel == "attn_qkv" {
		if rows := c.size("rows"); rows%(3*shaders.TileRows) != 0 {
			return fmt.Errorf("rows=%d: want a multiple of %d, as many of q as of k and of v", rows, 3*shaders.TileRows)
		}
		return c.checkDepth()
	}
	if dim := c.size("head_dim"); dim%shaders.KVBlock != 0 || dim > format.MaxHeadDim {
		return fmt.Errorf("head_dim=%d: want a multiple of %d up to %d", dim, shaders.KVBlock, format.MaxHeadDim)
	}
	if HasCache(c.Kernel) {
		if heads, kv := c.size("heads"), c.size("kv_heads"); heads%kv != 0 {
			return fmt.Errorf("heads=%d is no multiple of kv_heads=%d", heads, kv)
		}
	}
	return c.checkDepth()
}

func (c *Case) checkDepth() error {
	if most := maxSize - c.size("tokens"); c.Depth < 0 || c.Depth > most {
		return fmt.Errorf("a depth of %d: want 0 to %d", c.Depth, most)
	}
	return nil
}

func (c *Case) checkVariant(caps *vk.Caps) error {
	limits := &caps.Limits
	invocations := min(limits.MaxComputeWorkGroupInvocations, limits.MaxComputeWorkGroupSize[0])
	for _, k := range knobs {
		most := k.most
		if k.name == "lanes" || k.name == "max_lanes" || k.name == "wide" {
			most = invocations
		}
		n := *k.of(&c.Variant)
		switch {
		case k.name == "split" && n == 0:
		case n < 1 || n > most:
			return fmt.Errorf("%s=%d: want 1 to %d on this device", k.name, n, most)
		case k.power && n&(n-1) != 0:
			return fmt.Errorf("%s=%d: want a power of two", k.name, n)
		}
	}
	for _, k := range switches {
		if *k.of(&c.Variant) && k.has != nil && !k.has(caps) {
			return fmt.Errorf("%s=1: the device has no operations for it", k.name)
		}
	}
	if strings.HasPrefix(c.Kernel, "attention") {
		if err := c.Variant.Attention.Check(c.KV, limits); err != nil {
			return err
		}
	}
	if !slices.Contains(products, c.Kernel) {
		return nil
	}
	if rows := c.Shape[0]; c.Kernel == "ffn_gate_up" && rows%shaders.TileRows != 0 {
		return fmt.Errorf("rows=%d: want a multiple of %d, half of them of gate and half of up", rows, shaders.TileRows)
	}
	return c.Variant.Product.Check(limits)
}

func unknownKernel(name string) error {
	return fmt.Errorf("unknown kernel %q; there are %s", name, strings.Join(Kernels(), ", "))
}
