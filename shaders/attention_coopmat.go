package shaders

import (
	"errors"
	"fmt"
	"slices"

	"sealvk/vk"
	"sealvk/weights/format"
)

var attentionCoopmatKernel = register(attentionCoopmatModule, Kernel{
	Sizes: headSizes, Typical: [][]int{{16, 16, 256, 64}}, Cache: true, Depth: true,
	Knobs: []Knob{
		{Name: "groups", number: func(t *Tuning) *int { return &t.Attention.Matrix.Groups }, most: 16, power: true},
		{Name: "parts", number: func(t *Tuning) *int { return &t.Attention.Matrix.Parts }, most: 4, power: true},
		{Name: "buffers", number: func(t *Tuning) *int { return &t.Attention.Matrix.Buffers }, most: 2},
		mergeKnob,
	},
	adapt: func(t *Tuning, c *vk.Caps) error {
		if t.Attention.Matrix = SharedAttention(c); t.Attention.Matrix.Form == NoMatrices {
			return errors.New("the device has no cooperative matrices of f16 with sums of f32 whose tiles fit it")
		}
		return nil
	},
	check: func(t *Tuning, kv KVType, c *vk.Caps) error {
		switch {
		case t.Attention.Matrix.Form == NoMatrices:
			return errors.New("no matrices: attention_prefill is used")
		case kv == KVF32:
			return errors.New("an f32 cache: attention_prefill is used")
		}
		return checkAttention(t, kv, c)
	},
	variants: func(s *Kernels, k *Kernel, _ Type) []*Pipeline {
		return []*Pipeline{s.attentionCoopmat(k, format.MaxHeadDim)}
	},
})

// AttentionMatrix is the cooperative matrices of prefill's attention, for caches of f16 and q8_0. The
// zero value: none.
type AttentionMatrix struct {
	Form     MatrixForm
	M, N, K  int // matrices of q and of weights are M × K, of K and V K × N
	Subgroup int // lanes of one
	Places   MatrixPlaces
	Groups   int // of M rows in a workgroup
	Parts    int // subgroups of each, which share a page's positions and a head's dimensions
	Buffers  int // 2: K and V have shared memory of their own; 1: they take turns
}

// Rows of a workgroup.
func (m *AttentionMatrix) rows() int { return m.Groups * m.M }

func (m *AttentionMatrix) lanes() int { return m.Groups * m.Parts * m.Subgroup }

// shared is the bytes of shared memory, as attention_coopmat.comp declares it for heads of a dimension.
func (m *AttentionMatrix) shared(headDim int) int {
	rows := m.rows()
	staged := m.Groups * m.Parts * m.M * m.N
	n := 16*max(m.Buffers*PageTokens*(headDim/8+1), 5*rows) + 4*7*rows + 8
	switch m.Form {
	case MatrixShared:
		staged = max(staged, rows*(PageTokens+4))
		n += 2*rows*(PageTokens+8) + 4*rows
	case MatrixEmulated:
		n += 2 * rows * PageTokens
	}
	return n + 4*staged
}

// SharedAttention is the form by shared memory with the device's largest matrices; none fit: the zero value.
// 64 rows and two subgroups for each 16 were best on an H100, 1.3 times the time of the form in
// registers (docs/performance.md).
func SharedAttention(c *vk.Caps) (best AttentionMatrix) {
	if !hasMatrices(c) {
		return best
	}
	for _, m := range c.CooperativeMatrices {
		if isUsable(&m) && m.M*m.N*m.K > best.M*best.N*best.K {
			best = AttentionMatrix{Form: MatrixShared, M: m.M, N: m.N, K: m.K, Subgroup: matrixSubgroup(c), Groups: 4, Parts: 32 / m.N, Buffers: 2}
		}
	}
	return best.fitted(c)
}

// LanesAttention is the form in registers, where the elements of a device's matrices stand as was found; else
// the zero value. 128 rows a workgroup were best on an H100.
func LanesAttention(c *vk.Caps, found MatrixTuning) AttentionMatrix {
	if found.Form != MatrixLanes {
		return AttentionMatrix{}
	}
	m := AttentionMatrix{Form: MatrixLanes, M: 16, N: 8, K: 16, Subgroup: 32, Places: found.Places, Groups: 8, Parts: 1, Buffers: 2}
	return m.fitted(c)
}

// EmulatedAttention is LanesAttention without matrices, for tests.
func EmulatedAttention() AttentionMatrix {
	return AttentionMatrix{Form: MatrixEmulated, M: 16, N: 8, K: 16, Subgroup: 32, Groups: 2, Parts: 1, Buffers: 1}
}

// fitted is m in workgroups that the device can have, or the zero value.
func (m AttentionMatrix) fitted(c *vk.Caps) AttentionMatrix {
	if m.check(c) != nil {
		m.Buffers = 1
	}
	for m.Groups > 1 && m.check(c) != nil {
		m.Groups /= 2
	}
	if m.check(c) != nil {
		return AttentionMatrix{}
	}
	return m
}

// check is AttentionTuning.Check for attention_coopmat.comp.
func (m *AttentionMatrix) check(c *vk.Caps) error {
	rowLanes := 0 // of a row's softmax
	if m.M > 0 {
		rowLanes = m.Parts * m.Subgroup / m.M
	}
	s := &c.Subgroup
	switch {
	case m.Form == NoMatrices:
		return nil
	case m.Form != MatrixEmulated && (!hasMatrices(c) || !slices.ContainsFunc(c.CooperativeMatrices, func(v vk.CooperativeMatrix) bool {
		return isUsable(&v) && [3]int{v.M, v.N, v.K} == [3]int{m.M, m.N, m.K}
	})):
		return fmt.Errorf("the device has no cooperative matrices of %d × %d × %d, f16 with sums of f32", m.M, m.N, m.K)
	case !s.Has("shuffle") || !c.Features.ShaderFloat16:
		return errors.New("the device has no shuffles of subgroups, or no f16")
	case m.Form != MatrixShared && (m.M != 16 || m.N != 8 || m.K != 16 || m.Subgroup != 32 || m.Parts != 1):
		return errors.New("in registers matrices are 16 × 8 × 16, of subgroups of 32, each with rows of its own")
	case m.Groups < 1 || m.Parts < 1 || m.Buffers < 1 || m.Buffers > 2 || PageTokens%(m.Parts*m.N) != 0:
		return fmt.Errorf("%d groups of %d parts, %d buffers: want parts of whole matrices of a page, 1 or 2 buffers", m.Groups, m.Parts, m.Buffers)
	case rowLanes < 1 || rowLanes > min(PageTokens, m.Subgroup):
		return fmt.Errorf("%d subgroups of %d for %d rows: want 1 to %d lanes a row", m.Parts, m.Subgroup, m.M, min(PageTokens, m.Subgroup))
	case m.lanes() > mostInvocations(c) || m.lanes() < 8 || s.MaxPerWorkGroup > 0 && m.Groups*m.Parts > s.MaxPerWorkGroup:
		return fmt.Errorf("%d subgroups of %d: the device has %d invocations a workgroup, %d subgroups", m.Groups*m.Parts, m.Subgroup, mostInvocations(c), s.MaxPerWorkGroup)
	case m.shared(format.MaxHeadDim) > c.Limits.MaxComputeSharedMemorySize:
		return fmt.Errorf("attention takes %d bytes of shared memory by matrices, the device has %d", m.shared(format.MaxHeadDim), c.Limits.MaxComputeSharedMemorySize)
	}
	return nil
}

// attentionTakesMatrices tells whether prefill's attention is attention_coopmat.
func (s *Kernels) attentionTakesMatrices() bool {
	return s.tuning.Attention.Matrix.Form != NoMatrices && s.kv != KVF32
}

// Grid is the workgroups of prefill's attention by matrices.
func (m *AttentionMatrix) Grid(p Splits, h Heads, length, count int) [3]uint32 {
	return [3]uint32{uint32(h.Heads), uint32(ceilDiv(length, p.Positions)), uint32(ceilDiv(count, m.rows()))}
}

// attentionCoopmat is k for heads of a dimension, a multiple of KVBlock.
func (s *Kernels) attentionCoopmat(k *Kernel, headDim int) *Pipeline {
	m := &s.tuning.Attention.Matrix
	f := form{
		weights: NoType, name: s.kv.String() + " cache", variant: map[MatrixForm]string{MatrixLanes: "lanes", MatrixEmulated: "emulated"}[m.Form], subgroup: m.Subgroup,
		constants: attentionCoopmatConstants{
			Lanes: uint32(m.lanes()), KV: uint32(s.kv), Subgroup: uint32(m.Subgroup), HeadDim: uint32(headDim), Parts: uint32(m.Parts), Buffers: uint32(m.Buffers),
			Merge: constant(s.tuning.Attention.Merge), M: uint32(m.M), N: uint32(m.N), K: uint32(m.K), MatrixA: m.Places.A, MatrixSum: m.Places.Sum,
		}.words(),
	}
	if m.Form == MatrixEmulated {
		f.subgroup = 0
	}
	return s.pipeline(k, f)
}

// AttentionCoopMat is AttentionPrefill by cooperative matrices, for caches of f16 and q8_0: q, k, v and weights
// are f16, each row of q times a power of two first; sums f32. The grid is [AttentionMatrix.Grid].
func (s *Kernels) AttentionCoopMat(c *vk.Commands, label string, a Attention) {
	args := attentionCoopmatBindings(a.bindings()).with(attentionCoopmatPush(a.push()))
	s.attention(c, label, s.attentionCoopmat(attentionCoopmatKernel, a.Heads.HeadDim), args, a, func(l Lengths) [3]uint32 {
		return s.tuning.Attention.Matrix.Grid(a.Splits, a.Heads, l.Longest, a.Count)
	})
}
