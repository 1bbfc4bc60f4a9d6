package shaders

import (
	"errors"
	"fmt"

	"sealvk/vk"
	"sealvk/weights/format"
)

var attentionSubgroupKernel = register(attentionSubgroupModule, Kernel{
	Sizes: headSizes, Typical: [][]int{{16, 16, 256, 1}}, Cache: true, Depth: true,
	Knobs: []Knob{
		{Name: "lanes", number: func(t *Tuning) *int { return &t.Attention.Lanes }, power: true},
		{Name: "subgroup", number: func(t *Tuning) *int { return &t.Attention.Subgroup }, most: 128, power: true},
		{Name: "blocks", number: func(t *Tuning) *int { return &t.Attention.Blocks }, most: 8},
		{Name: "flight", number: func(t *Tuning) *int { return &t.Attention.Tokens }, most: PageTokens, power: true},
		mergeKnob,
	},
	adapt: func(t *Tuning, c *vk.Caps) (err error) {
		t.Attention, err = subgroupAttention(c)
		return err
	},
	check: func(t *Tuning, kv KVType, c *vk.Caps) error {
		if t.Attention.Subgroup == 0 {
			return errors.New("subgroup=0: attention is used")
		}
		return checkAttention(t, kv, c)
	},
	variants: func(s *Kernels, k *Kernel, _ Type) []*Pipeline {
		return []*Pipeline{s.attentionSubgroup(k, format.MaxHeadDim)}
	},
})

// Of vk.Caps.VendorID.
const (
	vendorNVIDIA = 0x10de
	vendorIntel  = 0x8086
)

// subgroupAttention is the tuning of [AttentionTuning.Subgroup]; it fails where subgroups cannot reduce
// or are of no known size. NVIDIA's loads in flight were the fastest on an H100
// (docs/performance.md). Others, on which nothing was measured, get half of them; and Intel's
// lanes, which share 4 KiB of registers a subgroup, the smaller subgroup.
func subgroupAttention(c *vk.Caps) (AttentionTuning, error) {
	a := plainAttention(c)
	if s := &c.Subgroup; !s.Has("arithmetic") || !s.SizeControl && s.MinSize != s.MaxSize {
		return a, errors.New("the device has no subgroups of a known size that can reduce")
	}
	a.Positions, a.Tile = 0, 0
	a.Lanes, a.Subgroup, a.Blocks, a.Tokens = 128, 32, 2, 8
	switch c.VendorID {
	case vendorNVIDIA:
		a.Blocks, a.Tokens = 4, 16
	case vendorIntel:
		a.Subgroup = 16
	}
	a.Subgroup = min(max(a.Subgroup, c.Subgroup.MinSize), c.Subgroup.MaxSize)
	fits := func() error {
		return errors.Join(a.Check(KVF16, c), a.Check(KVF32, c), a.Check(KVQ8, c))
	}
	if fits() != nil {
		a.Lanes = format.MaxHeadDim / 4
	}
	return a, fits()
}

// checkSubgroup is Check for attention_subgroup.comp.
func (a *AttentionTuning) checkSubgroup(kv KVType, c *vk.Caps) error {
	s := &c.Subgroup
	subgroups := a.Lanes / a.Subgroup
	parts := max(subgroups*max(a.Subgroup*kv.unit(), format.MaxHeadDim), 4*a.Lanes)
	shared := 4 * (parts + format.MaxHeadDim + 2*a.Lanes + 2*subgroups + 1)
	switch {
	case !s.Has("arithmetic") || a.Subgroup < s.MinSize || a.Subgroup > s.MaxSize || !s.SizeControl && a.Subgroup != s.Size:
		return fmt.Errorf("subgroups of %d that reduce: the device has %d to %d", a.Subgroup, s.MinSize, s.MaxSize)
	case a.Lanes%a.Subgroup != 0 || a.Lanes < format.MaxHeadDim/4:
		return fmt.Errorf("%d lanes: want a multiple of subgroups of %d, at least %d", a.Lanes, a.Subgroup, format.MaxHeadDim/4)
	case s.MaxPerWorkGroup > 0 && subgroups > s.MaxPerWorkGroup:
		return fmt.Errorf("%d lanes in subgroups of %d: the device has at most %d a workgroup", a.Lanes, a.Subgroup, s.MaxPerWorkGroup)
	case PageTokens%a.Tokens != 0:
		return fmt.Errorf("%d tokens at once: want a divisor of %d", a.Tokens, PageTokens)
	case shared > c.Limits.MaxComputeSharedMemorySize:
		return fmt.Errorf("attention takes %d bytes of shared memory, the device has %d", shared, c.Limits.MaxComputeSharedMemorySize)
	}
	return nil
}

// attentionSubgroup is k for heads of a dimension, a multiple of KVBlock.
func (s *Kernels) attentionSubgroup(k *Kernel, headDim int) *Pipeline {
	a := &s.tuning.Attention
	width := 2 // lanes that take the dimensions of V
	for width < min(headDim/s.kv.unit(), a.Subgroup) {
		width *= 2
	}
	blocks := a.Blocks
	if s.kv == KVF32 { // whose blocks are twice as many loads
		blocks = max(1, blocks/2)
	}
	for headDim/KVBlock%blocks != 0 {
		blocks--
	}
	return s.pipeline(k, form{weights: NoType, name: s.kv.String() + " cache", subgroup: a.Subgroup, constants: attentionSubgroupConstants{
		Lanes: uint32(a.Lanes), KV: uint32(s.kv), Subgroup: uint32(a.Subgroup), HeadDim: uint32(headDim), Width: uint32(width),
		Blocks: uint32(blocks), Tokens: uint32(min(a.Tokens, width)), Merge: constant(a.Merge),
	}.words()})
}
