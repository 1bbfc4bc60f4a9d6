package shaders

import (
	"errors"
	"fmt"
	"slices"

	"sealvk/vk"
)

var matmulRegistersKernel = register(matmulRegistersModule, Kernel{
	Sizes: productSizes, Typical: typicalPrefill, Weights: true, variants: (*Kernels).registerPipelines,
	Knobs: slices.Concat(
		registerKnobs("few_", func(t *Tuning) *Tiling { return &t.Prefill.Registers.Few }),
		registerKnobs("narrow_", func(t *Tuning) *Tiling { return &t.Prefill.Registers.Narrow }),
		registerKnobs("middle_", func(t *Tuning) *Tiling { return &t.Prefill.Registers.Middle }),
		registerKnobs("wide_", func(t *Tuning) *Tiling { return &t.Prefill.Registers.Wide }),
		[]Knob{
			{Name: "ahead", flag: func(t *Tuning) *bool { return &t.Prefill.Registers.Ahead }},
			{Name: "floats", flag: func(t *Tuning) *bool { return &t.Prefill.Registers.Floats }},
		}),
	adapt: func(t *Tuning, c *vk.Caps) error {
		switch t.Prefill = DefaultPrefill(c); {
		case t.Prefill.Registers != RegisterTiles{}:
		case c.Type == vk.CPU && c.Features.ShaderFloat16: // which tests it
			t.Prefill.Registers = EmulatedRegisters()
		default:
			return errors.New("the device has no cooperative matrices of 16 × 8 × 16, f16 with sums of f32, for subgroups of 32")
		}
		t.Prefill.Registers.Floats = true
		return nil
	},
	check: func(t *Tuning, _ KVType, c *vk.Caps) error {
		if t.Prefill.Registers == (RegisterTiles{}) {
			return errors.New("nobody knows where elements of the device's matrices stand")
		}
		return t.Prefill.Check(c)
	},
})

func registerKnobs(prefix string, of func(*Tuning) *Tiling) []Knob {
	return []Knob{
		{Name: prefix + "rows", number: func(t *Tuning) *int { return &of(t).Rows }, most: 1024, power: true},
		{Name: prefix + "tokens", number: func(t *Tuning) *int { return &of(t).Tokens }, most: 1024, power: true},
		{Name: prefix + "part_rows", number: func(t *Tuning) *int { return &of(t).PartRows }, most: 128, power: true},
		{Name: prefix + "part_tokens", number: func(t *Tuning) *int { return &of(t).PartTokens }, most: 256, power: true},
		{Name: prefix + "buffers", number: func(t *Tuning) *int { return &of(t).Buffers }, most: 2, byShape: true},
	}
}

// RegisterTiles is the matmul of many tokens by matrices whose elements a lane knows, so that weights become
// them in registers (matmul_registers.comp). The zero value: none.
type RegisterTiles struct {
	Form   MatrixForm   // MatrixLanes or MatrixEmulated; NoMatrices: nobody knows yet where elements stand
	Places MatrixPlaces // as FindMatrices finds them
	// The first that holds all tokens is taken, else Middle or Wide, by which the device is sooner done. Their Cols
	// are TurnCols; those with Buffers have half as many columns of x in shared memory.
	Few, Narrow, Middle, Wide Tiling
	Ahead                     bool // weights are loaded a turn ahead
	Floats                    bool // takes weights that are floats too
}

// TurnCols is the columns that a subgroup takes together; a matrix must have a multiple of them.
const TurnCols = 4 * TileRows

// registerTiles are the fastest of the trial kernels' on an H100, of which Wide reached 352 TFLOP/s for ffn_gate_up in Q4_K
// with 512 tokens, and this kernel 249 (docs/performance.md). Of floats nothing was measured; matmul_coopmat takes them.
func registerTiles(c *vk.Caps) RegisterTiles {
	if !HasLanes(c) {
		return RegisterTiles{}
	}
	r := RegisterTiles{
		Few:    Tiling{Rows: 128, Tokens: 32, Cols: TurnCols, PartRows: 32, PartTokens: 32},
		Narrow: Tiling{Rows: 64, Tokens: 64, Cols: TurnCols, PartRows: 32, PartTokens: 32},
		Middle: Tiling{Rows: 64, Tokens: 128, Cols: TurnCols, PartRows: 32, PartTokens: 64},
		Wide:   Tiling{Rows: 256, Tokens: 128, Cols: TurnCols, PartRows: 32, PartTokens: 128, Buffers: 2},
		Ahead:  true,
	}
	for r.Wide.Buffers > 0 && r.shared(&r.Wide) > c.Limits.MaxComputeSharedMemorySize {
		r.Wide.Buffers--
	}
	return r
}

// EmulatedRegisters is RegisterTiles without matrices, for tests: small tiles, each of another kind.
func EmulatedRegisters() RegisterTiles {
	return RegisterTiles{
		Form: MatrixEmulated, Ahead: true, Floats: true,
		Few:    Tiling{Rows: 32, Tokens: 8, Cols: TurnCols, PartRows: 32, PartTokens: 8},
		Narrow: Tiling{Rows: 32, Tokens: 16, Cols: TurnCols, PartRows: 32, PartTokens: 16, Buffers: 1},
		Middle: Tiling{Rows: 64, Tokens: 32, Cols: TurnCols, PartRows: 32, PartTokens: 16},
		Wide:   Tiling{Rows: 32, Tokens: 16, Cols: TurnCols, PartRows: 32, PartTokens: 8, Buffers: 2},
	}
}

// Takes tells whether products with w are computed so, of x in octets (half_rows.glsl).
func (r *RegisterTiles) Takes(w *Matrix) bool {
	return r.Form != NoMatrices && w.Cols%TurnCols == 0 && (r.Floats || !w.Type.IsFloat())
}

func (r *RegisterTiles) tiles() []*Tiling { return []*Tiling{&r.Few, &r.Narrow, &r.Middle, &r.Wide} }

// tile that a product of so many rows, in splits, and tokens is computed in by so many shader cores. A token's
// sums are the same bits in all.
func (r *RegisterTiles) tile(rows, splits, tokens, groups int) *Tiling {
	for _, t := range r.tiles() {
		if tokens <= t.Tokens {
			return t
		}
	}
	cost := func(t *Tiling) int { // of the cores that have most tiles, in values; each part makes f16 of its weights anew
		tiles := ceilDiv(rows, t.Rows) * ceilDiv(tokens, t.Tokens) * splits
		return ceilDiv(tiles, groups) * t.Rows * t.Tokens * (t.PartTokens + loadTokens) / t.PartTokens
	}
	if cost(&r.Middle) < cost(&r.Wide) {
		return &r.Middle
	}
	return &r.Wide
}

// lanes of a workgroup.
func (r *RegisterTiles) lanes(t *Tiling) int {
	return 32 * (t.Rows / t.PartRows) * (t.Tokens / t.PartTokens)
}

// shared is the bytes of shared memory, as matmul_registers.comp declares it.
func (r *RegisterTiles) shared(t *Tiling) int {
	n := max(1, t.Buffers*t.Tokens*8)*16 + r.lanes(t)/32*8*(pairRows+4)*4 + t.Tokens*4
	if r.Form == MatrixEmulated {
		n += r.lanes(t) / 32 * 4 * (16*16 + 16*8)
	}
	return n
}

// check finds what is wrong with tilings on a device.
func (r *RegisterTiles) check(c *vk.Caps) error {
	if *r == (RegisterTiles{}) {
		return nil
	}
	for _, t := range r.tiles() {
		fail := func(format string, args ...any) error {
			return fmt.Errorf("shaders: a tile in registers of %d rows × %d tokens in parts of %d × %d: %s", t.Rows, t.Tokens, t.PartRows, t.PartTokens, fmt.Sprintf(format, args...))
		}
		for _, n := range []int{t.Rows, t.Tokens, t.PartRows, t.PartTokens} {
			if n < 1 || n&(n-1) != 0 {
				return fail("%d is no power of two", n)
			}
		}
		lanes := r.lanes(t)
		switch {
		case t.PartRows > t.Rows || t.PartTokens > t.Tokens || t.PartRows < TileRows || t.PartTokens < 8:
			return fail("want parts of the tile, of 32 rows and 8 tokens or more")
		case t.Buffers < 0 || t.Buffers > 2:
			return fail("want at most 2 buffers, not %d", t.Buffers)
		case lanes > mostInvocations(c):
			return fail("%d invocations; the device has %d", lanes, mostInvocations(c))
		case t.Buffers > 0 && t.Tokens*8%lanes != 0:
			return fail("%d invocations do not share the loads of %d tokens", lanes, t.Tokens)
		case r.shared(t) > c.Limits.MaxComputeSharedMemorySize:
			return fail("it takes %d bytes of shared memory, the device has %d", r.shared(t), c.Limits.MaxComputeSharedMemorySize)
		}
	}
	return nil
}

// registerPipeline is the kernel for weights of a type in a tiling.
func (s *Kernels) registerPipeline(k *Kernel, t Type, tile *Tiling, of tileForm) *Pipeline {
	r := &s.tuning.Prefill.Registers
	f := form{weights: t, name: tile.String(), subgroup: 32}
	if of.geglu {
		f.name += ", GeGLU"
	}
	if of.block > 0 {
		f.name += fmt.Sprintf(", x in blocks of %d", of.block)
	}
	if r.Form == MatrixEmulated {
		f.variant, f.subgroup, f.name = "emulated", 0, f.name+", emulated"
	}
	f.constants = matmulRegistersConstants{
		Lanes: uint32(r.lanes(tile)), Type: uint32(t), Rows: uint32(tile.Rows), Tokens: uint32(tile.Tokens),
		PartRows: uint32(tile.PartRows), PartTokens: uint32(tile.PartTokens), Buffers: uint32(tile.Buffers), Ahead: constant(r.Ahead),
		MatrixA: r.Places.A, MatrixB: r.Places.B, MatrixSum: r.Places.Sum, Geglu: constant(of.geglu), Block: uint32(of.block),
	}.words()
	return s.pipeline(k, f)
}

// registerPipelines is all tilings, of all products of a layer.
func (s *Kernels) registerPipelines(k *Kernel, t Type) (list []*Pipeline) {
	for _, tile := range s.tuning.Prefill.Registers.tiles() {
		for _, of := range []tileForm{{}, {geglu: true}, {block: GeGLUBlock}} {
			list = append(list, s.registerPipeline(k, t, tile, of))
		}
	}
	return list
}
