package shaders

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"slices"
	"unsafe"

	"sealvk/vk"
)

// Kernel describes a kernel NAME.comp. Its descriptor stands in NAME.go, in front of the
// method of [Kernels] that records it; all lists of kernels are made of the descriptors.
type Kernel struct {
	Name    string
	Sizes   []string // names of Dispatch.Shape's, in order
	Typical [][]int  // usual shapes: SeaLLM-7B-v2.5's for one token, of prefill's kernels for 64
	Knobs   []Knob   // what of a Tuning changes it

	Weights bool // it reads weights, and is built for each of their types
	Cache   bool // it reads or writes the KV cache, and is built for its type
	Depth   bool // it works at positions of sequences, and may do so behind others

	module    module
	constants func(s *Kernels) []uint32                       // of its one pipeline, where it has no weights; nil: its lanes alone, the first knob
	variants  func(s *Kernels, k *Kernel, t Type) []*Pipeline // of a kernel with weights, for their type, or that knows more of its calls; nil: the one pipeline
	adapt     func(t *Tuning, c *vk.Caps) error               // of DefaultTuning, for what uses the kernel; nil: nothing to do
	check     func(t *Tuning, kv KVType, c *vk.Caps) error    // nil: the knobs' bounds are all
	form      productForm                                     // of a product
	splits    bool                                            // of a product: workgroups may share the columns
}

// module is a kernel's SPIR-V, as kernels_gen.go tells of it.
type module struct {
	name      string
	variants  []string // spv/NAME_VARIANT.spv
	push      int      // bytes of push constants
	bindings  int
	constants int // specialization constants
}

// arguments are what a dispatch hands to a kernel.
type arguments struct {
	push     []byte
	bindings []vk.Binding
}

var kernels []*Kernel

func register(m module, k Kernel) *Kernel {
	k.Name, k.module = m.name, m
	kernels = append(kernels, &k)
	return &k
}

// All lists the kernels by name.
func All() []*Kernel {
	return slices.SortedFunc(slices.Values(kernels), func(a, b *Kernel) int { return cmp.Compare(a.Name, b.Name) })
}

// FindKernel finds a kernel by its name, or gives nil.
func FindKernel(name string) *Kernel {
	if i := slices.IndexFunc(kernels, func(k *Kernel) bool { return k.Name == name }); i >= 0 {
		return kernels[i]
	}
	return nil
}

// Tuning is the device's own, with which the kernel is used. It fails where the device cannot
// run the kernel.
func (k *Kernel) Tuning(c *vk.Caps) (Tuning, error) {
	t := DefaultTuning(c)
	if k.adapt == nil {
		return t, nil
	}
	return t, k.adapt(&t, c)
}

// Sized is the tuning for a case of the kernel: what follows from the shape is filled in.
func (k *Kernel) Sized(t Tuning, weights Type, shape []int) Tuning {
	if k.form != nil {
		t.Product = t.Product.of(weights, shape[0], shape[1]) // as productSizes has them
	}
	return t
}

// Check says what of the tuning the device cannot do for this kernel.
func (k *Kernel) Check(t *Tuning, kv KVType, c *vk.Caps) error {
	for i := range k.Knobs {
		if err := k.Knobs[i].Check(k.Knobs[i].Get(t), c); err != nil {
			return err
		}
	}
	if k.check == nil {
		return nil
	}
	return k.check(t, kv, c)
}

// Knob is a number of a Tuning, or a switch: 0 or 1.
type Knob struct {
	Name string

	number  func(*Tuning) *int
	most    int  // of the number; 0: the invocations that a workgroup of the device has
	power   bool // of two
	byShape bool // 0: as the shape of the matrix wants it

	flag func(*Tuning) *bool   // of a switch, in place of number
	off  func(*Tuning)         // what 0 of a switch means besides; nil: nothing
	can  func(c *vk.Caps) bool // whether the device can have it on; nil: it can
}

// IsSwitch tells a knob that is 0 or 1.
func (n *Knob) IsSwitch() bool { return n.flag != nil }

// Get reads the knob in a tuning.
func (n *Knob) Get(t *Tuning) int {
	if n.flag != nil {
		return int(constant(*n.flag(t)))
	}
	return *n.number(t)
}

// Set sets the knob in a tuning; of a switch what is not 0 is on.
func (n *Knob) Set(t *Tuning, value int) {
	if n.flag != nil {
		if *n.flag(t) = value != 0; value == 0 && n.off != nil {
			n.off(t)
		}
	} else {
		*n.number(t) = value
	}
}

// Check says why a device cannot have the knob at a value.
func (n *Knob) Check(value int, c *vk.Caps) error {
	most := n.most
	if most == 0 {
		most = mostInvocations(c)
	}
	switch {
	case n.flag != nil && value != 0 && value != 1:
		return fmt.Errorf("%s=%d: want 0 or 1", n.Name, value)
	case n.flag != nil && value == 1 && n.can != nil && !n.can(c):
		return fmt.Errorf("%s=1: the device has no operations for it", n.Name)
	case n.byShape && value == 0:
	case n.flag == nil && (value < 1 || value > most):
		return fmt.Errorf("%s=%d: want 1 to %d on this device", n.Name, value, most)
	case n.power && value&(value-1) != 0:
		return fmt.Errorf("%s=%d: want a power of two", n.Name, value)
	}
	return nil
}

// mostInvocations is how many a workgroup may have in one dimension.
func mostInvocations(c *vk.Caps) int {
	return min(c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize[0])
}

// Knobs of several kernels.
var (
	lanesKnob  = Knob{Name: "lanes", number: func(t *Tuning) *int { return &t.Lanes }, power: true}
	wideKnob   = Knob{Name: "wide", number: func(t *Tuning) *int { return &t.WideLanes }, power: true}
	sampleKnob = Knob{Name: "lanes", number: func(t *Tuning) *int { return &t.SampleLanes }, power: true}
)

//go:embed spv/*.spv
var binaries embed.FS

// manifest has the hashes of every kernel's SPIR-V.
//
//go:embed spv/MANIFEST
var manifest []byte

// Digest is the hash of all kernels.
func Digest() string {
	h := sha256.Sum256(manifest)
	return hex.EncodeToString(h[:])
}

// compile builds a pipeline of the kernel.
func (k *Kernel) compile(d *vk.Device, cfg *Config, f *form) (*vk.Pipeline, error) {
	name := k.Name
	if f.variant != "" {
		name += "_" + f.variant
	}
	if len(f.constants) != k.module.constants {
		return nil, fmt.Errorf("shaders: %s takes %d constants, not %d", name, k.module.constants, len(f.constants))
	}
	code, err := binaries.ReadFile("spv/" + name + ".spv")
	if err != nil {
		return nil, fmt.Errorf("shaders: %w", err)
	}
	canTell := d.Caps().Features.PipelineExecutableProperties
	p, err := d.NewPipeline(vk.PipelineInfo{
		Name: fmt.Sprint(name, f.constants), SPIRV: code,
		Bindings: k.module.bindings, PushSize: k.module.push, Constants: f.constants, SubgroupSize: f.subgroup,
		Statistics: cfg.Statistics && canTell, Representations: cfg.Representations && canTell,
	})
	if err != nil {
		return nil, fmt.Errorf("shaders: %s: %w", name, err)
	}
	return p, nil
}

// pushBytes views push constants, a struct of 32-bit fields, as bytes.
func pushBytes[T any](p *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
}
