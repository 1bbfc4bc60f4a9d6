package shaders

import (
	"fmt"

	"sealvk/vk"
)

// Tiling is how the workgroups of a matmul of many tokens share it.
type Tiling struct {
	Rows, Tokens         int // of y, computed by a workgroup
	Cols                 int // of a step: in shared memory at once
	PartRows, PartTokens int // of a tile, computed by an invocation; with cooperative matrices by a subgroup
	Buffers              int // steps in shared memory: 2, so that one is stored while another is computed with, or 1
}

// CoopMat is the shape of the cooperative matrices in use: M × K times K × N, f16, with an
// f32 sum, by subgroups of Subgroup invocations. The zero value: none.
type CoopMat struct{ M, N, K, Subgroup int }

// Prefill sizes the matmul of many tokens. The zero value: there is none.
type Prefill struct {
	Wide, Narrow Tiling // Narrow where it holds all tokens
	CoopMat      CoopMat
	Registers    RegisterTiles // of matrices that it takes, in place of the tiles above
	Groups       int           // workgroups that fill the device: fewer tiles are split by columns
	Splits       int           // at most
}

// splitCols is the least number of columns of a split: fewer are soon computed, and each
// split costs a pass through its partial sums.
const splitCols = 1024

// fillingGroups is how many workgroups fill a device: its shader cores, or, where the driver doesn't
// tell, 128, which is about those of large GPUs, or 16.
func fillingGroups(c *vk.Caps) int {
	switch {
	case c.ShaderCores > 0:
		return c.ShaderCores
	case c.Type == vk.Discrete:
		return 128
	}
	return 16
}

// DefaultPrefill fits every device, though CPUs have no use for it.
func DefaultPrefill(c *vk.Caps) Prefill {
	p := Prefill{Groups: fillingGroups(c), Splits: 8}
	if p.CoopMat = coopMat(c); p.CoopMat != (CoopMat{}) {
		p.Wide, p.Narrow = coopTiles(p.CoopMat.Subgroup)
		for _, t := range []*Tiling{&p.Wide, &p.Narrow} {
			if t.shared(p.CoopMat) > c.Limits.MaxComputeSharedMemorySize {
				t.Buffers = 1
			}
		}
		p.Registers = registerTiles(c)
		if p.Check(c) == nil {
			return p
		}
	}
	return plainPrefill(c)
}

// plainPrefill is DefaultPrefill without cooperative matrices.
func plainPrefill(c *vk.Caps) Prefill {
	p := Prefill{Groups: fillingGroups(c), Splits: 8}
	// 8 × 4 values of an invocation take 12 loads from shared memory for 32 multiply-adds, and 96
	// registers of AMD's chips; 8 × 8 take 160 there, so that half as many waves fit, or
	// spill. With one buffer both tiles fit into 16 KiB. The narrow one's waves gain more from being
	// more than from a second buffer.
	p.Wide = Tiling{Rows: 64, Tokens: 64, Cols: 32, PartRows: 8, PartTokens: 4, Buffers: 2}
	if p.Wide.shared(CoopMat{}) > c.Limits.MaxComputeSharedMemorySize {
		p.Wide.Buffers = 1
	}
	p.Narrow = Tiling{Rows: 64, Tokens: 32, Cols: 32, PartRows: 4, PartTokens: 4, Buffers: 1}
	return p
}

// coopMat picks the shape to use: the largest that a tile is a multiple of.
func coopMat(c *vk.Caps) (best CoopMat) {
	if !hasMatrices(c) {
		return best
	}
	size := matrixSubgroup(c)
	for _, m := range c.CooperativeMatrices {
		if isUsable(&m) && m.M*m.N*m.K > best.M*best.N*best.K {
			best = CoopMat{m.M, m.N, m.K, size}
		}
	}
	return best
}

// hasMatrices tells a device that can run kernels with cooperative matrices of f16.
func hasMatrices(c *vk.Caps) bool {
	f := &c.Features
	return f.CooperativeMatrix && f.VulkanMemoryModel && f.ShaderFloat16
}

// matrixSubgroup is the size of the subgroups that share a matrix.
func matrixSubgroup(c *vk.Caps) int {
	if c.Subgroup.SizeControl {
		return c.Subgroup.MinSize // that of the matrix units of AMD and Intel
	}
	return c.Subgroup.Size
}

// isUsable tells matrices that matmul_coopmat.comp can take, and tiles are multiples of.
func isUsable(m *vk.CooperativeMatrix) bool {
	fits := 16%m.M == 0 && 16%m.N == 0 && 32%m.K == 0
	return fits && m.Scope == "subgroup" && m.A == "f16" && m.B == "f16" && m.C == "f32" && m.Result == "f32" && !m.Saturating
}

// coopTiles leaves each invocation about 64 sums, half of the registers that devices give it.
func coopTiles(subgroup int) (wide, narrow Tiling) {
	wide = Tiling{Rows: 128, Tokens: 128, Cols: 32, PartRows: 64, PartTokens: 32, Buffers: 2}
	narrow = Tiling{Rows: 64, Tokens: 32, Cols: 32, PartRows: 32, PartTokens: 16, Buffers: 2}
	switch {
	case subgroup < 16:
		wide = Tiling{Rows: 64, Tokens: 64, Cols: 32, PartRows: 32, PartTokens: 16, Buffers: 2}
	case subgroup < 32:
		wide.Tokens, wide.PartRows = 64, 32
	case subgroup >= 64:
		wide.PartTokens, narrow.PartTokens = 64, 32
	}
	return wide, narrow
}

// lanes of a workgroup.
func (t *Tiling) lanes(m CoopMat) int {
	return t.Rows / t.PartRows * (t.Tokens / t.PartTokens) * max(1, m.Subgroup)
}

// shared is the bytes of shared memory, as tiles.glsl and matmul_coopmat.comp declare it.
func (t *Tiling) shared(m CoopMat) int {
	lines := t.Buffers * (t.Rows + t.Tokens)
	if m == (CoopMat{}) {
		return lines * t.Cols * 4
	}
	return lines*(t.Cols+8)*2 + t.lanes(m)/m.Subgroup*m.M*m.N*4
}

// Check finds what is wrong with a tuning on a device.
func (p *Prefill) Check(c *vk.Caps) error {
	if err := p.Registers.check(c); err != nil {
		return err
	}
	most := mostInvocations(c)
	m := p.CoopMat
	for _, t := range []*Tiling{&p.Wide, &p.Narrow} {
		fail := func(format string, args ...any) error {
			return fmt.Errorf("shaders: a tile of %d rows × %d tokens × %d columns in parts of %d × %d: %s", t.Rows, t.Tokens, t.Cols, t.PartRows, t.PartTokens, fmt.Sprintf(format, args...))
		}
		for _, n := range []int{t.Rows, t.Tokens, t.Cols, t.PartRows, t.PartTokens, t.Buffers} {
			if n < 1 || n&(n-1) != 0 {
				return fail("%d is no power of two", n)
			}
		}
		if t.PartRows > t.Rows || t.PartTokens > t.Tokens || t.Cols < 8 || t.Buffers > 2 {
			return fail("want parts of the tile, 8 columns or more, 1 or 2 buffers, not %d", t.Buffers)
		}
		lanes := t.lanes(m)
		if pairs := t.Cols / 8; lanes > most || t.Rows*pairs < lanes || t.Tokens*pairs < lanes {
			return fail("%d invocations; the device has %d, and each must find 8 weights and 8 values of x to load", lanes, most)
		}
		if n := t.shared(m); n > c.Limits.MaxComputeSharedMemorySize {
			return fail("it takes %d bytes of shared memory, the device has %d", n, c.Limits.MaxComputeSharedMemorySize)
		}
		if m == (CoopMat{}) {
			if t.Rows/t.PartRows%8 != 0 || t.Tokens/t.PartTokens%8 != 0 || t.Cols > 32 {
				return fail("want 8 parts or more of rows and of tokens, and at most 32 columns")
			}
		} else if t.PartRows%m.M != 0 || t.PartTokens%m.N != 0 || t.Cols%m.K != 0 {
			return fail("no multiple of matrices of %d × %d × %d", m.M, m.N, m.K)
		}
	}
	return nil
}

// SplitsOf is by how many workgroups the columns of a tile of a matrix are shared: as many as
// fill the device where all tokens are in narrow tiles. It depends on the shape alone, since the order
// of summation does on it: a token's numbers are the same bits among few others and among many.
func (p *Prefill) SplitsOf(rows, cols int) int {
	splits, _ := p.share(rows, cols)
	return splits
}

// share is SplitsOf, and the columns of each split, which are whole steps of both tilings.
func (p *Prefill) share(rows, cols int) (splits, part int) {
	step := max(p.Wide.Cols, p.Narrow.Cols)
	if p.Registers.Form != NoMatrices && cols%TurnCols == 0 {
		step = max(step, TurnCols)
	}
	splits = max(1, min(p.Groups/ceilDiv(rows, p.Narrow.Rows), cols/splitCols, p.Splits))
	part = step * ceilDiv(ceilDiv(cols, step), splits)
	return ceilDiv(cols, part), part
}
