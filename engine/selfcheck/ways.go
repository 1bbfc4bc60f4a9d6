package selfcheck

import (
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/cases"
	"sealvk/vk"
	"sealvk/weights/format"
)

// Way is a fast way to compute something.
type Way struct {
	Name string // as users are told of it

	uses    func(t *shaders.Tuning) bool
	without func(t *shaders.Tuning, c *vk.Caps) // takes the plain way
	offer   func(t *shaders.Tuning, c *vk.Caps) // takes it, on a device that can, where that is off by default; nil: it isn't

	// proof is small cases that go this way, of one tuning: that part of t alone which matters to
	// them, since the rest does not make them other cases.
	proof func(t *shaders.Tuning) []*cases.Case
}

// lanes is a way that begins with a question ([FindMatrices]).
const lanes = "cooperative matrices in decode, filled in registers"

const attentionLanes = "cooperative matrices in attention, with its softmax in registers"

// ways are in the order in which they are checked: one without another may use a later one.
// Their cases are few, since pipelines take time to compile, and have blocks with subnormal scales, which drivers
// may flush (reference.Weights), sizes that are no multiple of anything, and several tokens.
var ways = []Way{
	{
		Name:    "cooperative matrices in prefill, filled in registers",
		uses:    func(t *shaders.Tuning) bool { return t.Prefill.Registers.Form != shaders.NoMatrices },
		without: func(t *shaders.Tuning, _ *vk.Caps) { t.Prefill.Registers = shaders.RegisterTiles{} },
		proof: func(t *shaders.Tuning) []*cases.Case {
			part, r := shaders.Tuning{Prefill: t.Prefill}, &t.Prefill.Registers
			return []*cases.Case{ // of few tokens and of many, and of these GeGLU; x in blocks
				of("matmul_registers", part, format.Q5_1, 1, 37, 384, min(9, r.Few.Tokens)),
				of("matmul_registers", part, format.Q6_K, 2, 150, 768, r.Middle.Tokens),
				of("matmul_registers", part, format.Q4_K, 3, r.Wide.Rows+32, 512, max(r.Wide.Tokens, r.Middle.Tokens)+1),
			}
		},
	},
	{
		Name: "cooperative matrices in prefill",
		uses: func(t *shaders.Tuning) bool { return t.Prefill.CoopMat != (shaders.CoopMat{}) },
		without: func(t *shaders.Tuning, c *vk.Caps) {
			lesser := *c
			lesser.Features.CooperativeMatrix = false
			t.Prefill = shaders.DefaultPrefill(&lesser)
		},
		proof: prefillMatrices,
	},
	{
		Name: lanes,
		uses: func(t *shaders.Tuning) bool {
			return t.Product.Matrix.On && t.Product.Matrix.Form == shaders.MatrixLanes
		},
		without: func(t *shaders.Tuning, c *vk.Caps) { t.Product.Matrix = shaders.SharedMatrices(c) },
		proof:   decodeMatrices,
	},
	{
		Name: "cooperative matrices in decode",
		uses: func(t *shaders.Tuning) bool {
			return t.Product.Matrix.On && t.Product.Matrix.Form == shaders.MatrixShared
		},
		without: func(t *shaders.Tuning, _ *vk.Caps) { t.Product.Matrix = shaders.MatrixTuning{} },
		offer:   func(t *shaders.Tuning, c *vk.Caps) { t.Product.Matrix = shaders.SharedMatrices(c) },
		proof:   decodeMatrices,
	},
	{
		Name:    "integer dot products",
		uses:    func(t *shaders.Tuning) bool { return t.Product.IntDot },
		without: func(t *shaders.Tuning, _ *vk.Caps) { t.Product.IntDot = false },
		offer:   func(t *shaders.Tuning, c *vk.Caps) { t.Product.IntDot = c.Features.IntegerDotProduct },
		proof: func(t *shaders.Tuning) []*cases.Case {
			part := shaders.Tuning{Product: t.Product}
			part.Product.Matrix = shaders.MatrixTuning{}
			return []*cases.Case{of("matmul_add", part, format.Q4_K, 1, 70, 512, 1), of("matmul_add", part, format.Q6_K, 2, 37, 256, 5)}
		},
	},
	{
		Name:    "quad loads",
		uses:    func(t *shaders.Tuning) bool { return t.Product.Quads },
		without: func(t *shaders.Tuning, _ *vk.Caps) { t.Product.Quads = false },
		proof: func(t *shaders.Tuning) []*cases.Case {
			part := shaders.Tuning{Product: t.Product}
			part.Product.IntDot, part.Product.Matrix = false, shaders.MatrixTuning{}
			return []*cases.Case{of("matmul_add", part, format.Q4_K, 1, 70, 512, 1)}
		},
	},
	{
		Name:    attentionLanes,
		uses:    func(t *shaders.Tuning) bool { return t.Attention.Matrix.Form == shaders.MatrixLanes },
		without: func(t *shaders.Tuning, c *vk.Caps) { t.Attention.Matrix = shaders.SharedAttention(c) },
		proof:   attentionMatrices,
	},
	{
		Name:    "cooperative matrices in attention",
		uses:    func(t *shaders.Tuning) bool { return t.Attention.Matrix.Form == shaders.MatrixShared },
		without: func(t *shaders.Tuning, _ *vk.Caps) { t.Attention.Matrix = shaders.AttentionMatrix{} },
		proof:   attentionMatrices,
	},
	{
		Name: "attention by subgroups",
		uses: func(t *shaders.Tuning) bool { return t.Attention.Subgroup != 0 },
		without: func(t *shaders.Tuning, c *vk.Caps) {
			before, lesser := t.Attention, *c
			lesser.Subgroup.Operations = nil
			t.Attention = shaders.DefaultTuning(&lesser).Attention
			t.Attention.Merge, t.Attention.Matrix = before.Merge, before.Matrix
		},
		proof: attention,
	},
	{
		Name:    "attention in one dispatch", // whose workgroups read what others wrote
		uses:    func(t *shaders.Tuning) bool { return t.Attention.Merge },
		without: func(t *shaders.Tuning, _ *vk.Caps) { t.Attention.Merge = false },
		proof:   attention,
	},
}

// prefillMatrices is tiles that lie within y in each tiling; and edges, of GeGLU in the widest, and of x in
// blocks in the narrowest.
func prefillMatrices(t *shaders.Tuning) (list []*cases.Case) {
	p := &t.Prefill
	in := func(tile shaders.Tiling) shaders.Tuning {
		one := shaders.Tuning{Prefill: *p}
		one.Prefill.Narrow, one.Prefill.Middle, one.Prefill.Wide = tile, tile, tile
		return one
	}
	for _, tile := range slices.Compact([]shaders.Tiling{p.Narrow, p.Middle, p.Wide}) {
		list = append(list, of("matmul_coopmat", in(tile), format.F16, 0, tile.Rows, 256, tile.Tokens))
	}
	const blocks, geglu = 1, 6 // odd cases that have them
	return append(list,
		of("matmul_coopmat", in(p.Narrow), format.F16, blocks, 150, 257, p.Narrow.Tokens+1),
		of("matmul_coopmat", in(p.Narrow), format.Q4_K, blocks, 37, 512, 9),
		of("matmul_coopmat", in(p.Wide), format.Q4_K, geglu, 150, 512, p.Wide.Tokens+1))
}

func decodeMatrices(t *shaders.Tuning) []*cases.Case {
	part := shaders.Tuning{Product: t.Product}
	return []*cases.Case{of("matmul_add", part, format.F16, 1, 37, 256, 5), of("matmul_add", part, format.Q4_K, 2, 150, 512, shaders.MatrixTokens)}
}

// attentionMatrices is rows of two sequences, in splits, and a head of one octet more than 8.
func attentionMatrices(t *shaders.Tuning) []*cases.Case {
	c := of("attention_coopmat", shaders.Tuning{Attention: t.Attention}, shaders.NoType, 1, 4, 2, 96, 37)
	c.Depth, c.Variant.Split = 100, 64
	return []*cases.Case{c}
}

func attention(t *shaders.Tuning) []*cases.Case {
	kernel := "attention"
	if t.Attention.Subgroup != 0 {
		kernel = "attention_subgroup"
	}
	part := shaders.Tuning{Attention: t.Attention}
	part.Attention.Matrix = shaders.AttentionMatrix{}
	c := of(kernel, part, shaders.NoType, 1, 8, 2, 64, 3)
	c.Depth, c.Variant.Split = 290, 32
	return []*cases.Case{c}
}

// of is a case of a kernel.
func of(kernel string, t shaders.Tuning, typ format.Type, odd uint64, shape ...int) *cases.Case {
	return &cases.Case{Kernel: kernel, Type: typ, Shape: shape, Variant: cases.Variant{Tuning: t}, Odd: odd}
}

// everything is the device's own tuning, and what is off in it.
func everything(c *vk.Caps) shaders.Tuning {
	t := shaders.DefaultTuning(c)
	for _, w := range ways {
		if w.offer != nil {
			w.offer(&t, c)
		}
	}
	return t
}
