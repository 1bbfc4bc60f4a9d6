package shaders

import (
	"fmt"

	"sealvk/vk"
)

// Tiling is how the workgroups of a matmul of many tokens share it.
type Tiling struct {
	Rows, Tokens         int // of y, computed by a workgroup
	Cols                 int // of a step: in shared memory at once; a multiple of 32
	PartRows, PartTokens int // of a tile, computed by an invocation; with cooperative matrices by a subgroup
	Buffers              int // steps in shared memory: 2, so that one is stored while another is computed with, or 1
}

// CoopMat is the shape of the cooperative matrices in use: M × K times K × N, f16, with an
// f32 sum, by subgroups of Subgroup invocations. The zero value: none.
type CoopMat struct{ M, N, K, Subgroup int }

// Prefill sizes the matmul of many tokens. The zero value: there is none.
type Prefill struct {
	// The tilings, of which each product takes the fastest by tiling. Only where they end may set them
	// apart for a token: what it sums in which order is the same in all.
	Narrow, Middle, Wide Tiling

	CoopMat   CoopMat
	Registers RegisterTiles // of matrices that it takes, in place of the tilings above
	Groups    int           // workgroups that fill the device: fewer tiles are split by columns
	Splits    int           // at most
}

// Half tells whether products may read x as f16.
func (p *Prefill) Half() bool { return p.CoopMat != (CoopMat{}) || p.Registers.Form != NoMatrices }

// tilings are from the narrowest on.
func (p *Prefill) tilings() []*Tiling { return []*Tiling{&p.Narrow, &p.Middle, &p.Wide} }

// splitCols is the least number of columns of a split: fewer are soon computed, and each
// split costs a pass through its partial sums.
const splitCols = 1024

// loadTokens is how many tokens' products take as long as a tile's weights, until those are in shared
// memory. Products of 128 rows × 3072 columns at 265, 230 and 190 TFLOP/s in tiles of 256, 128 and
// 64 tokens suggest it (H100, docs/performance.md).
const loadTokens = 40

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
		p.Narrow, p.Middle, p.Wide = coopTiles(p.CoopMat.Subgroup)
		p.fit(c)
		p.Registers = registerTiles(c)
		if p.Check(c) == nil {
			return p
		}
	}
	return plainPrefill(c)
}

// fit takes, of a tiling that is too much for the device's shared memory or workgroups, a buffer, and columns,
// or else the one before.
func (p *Prefill) fit(c *vk.Caps) {
	fits := func(t *Tiling) bool {
		return t.shared(p.CoopMat) <= c.Limits.MaxComputeSharedMemorySize && t.lanes(p.CoopMat) <= mostInvocations(c)
	}
	for i, t := range p.tilings() {
		if !fits(t) {
			t.Buffers = 1
		}
		for ; !fits(t) && t.Cols > TileRows; t.Cols /= 2 {
		}
		if !fits(t) && i > 0 {
			*t = *p.tilings()[i-1]
		}
	}
}

// plainPrefill is DefaultPrefill without cooperative matrices.
func plainPrefill(c *vk.Caps) Prefill {
	p := Prefill{Groups: fillingGroups(c), Splits: 8}
	// 8 × 4 values of an invocation take 12 loads from shared memory for 32 multiply-adds, and 96
	// registers of AMD's chips; 8 × 8 take 160 there, so that half as many waves fit, or
	// spill. With one buffer both tiles fit into 16 KiB. The narrow one's waves gain more from being
	// more than from a second buffer.
	p.Narrow = Tiling{Rows: 64, Tokens: 32, Cols: 32, PartRows: 4, PartTokens: 4, Buffers: 1}
	p.Wide = Tiling{Rows: 64, Tokens: 64, Cols: 32, PartRows: 8, PartTokens: 4, Buffers: 2}
	p.Middle = p.Wide
	p.fit(c)
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

// coopTiles leaves each invocation 64 to 128 sums, up to half of the registers that devices give it. Those
// of subgroups of 32 were the fastest portable ones of ffn_gate_up on an H100 (docs/performance.md): 265 TFLOP/s
// in the wide one at 512 tokens, 219 in the middle one at 128. The others follow them without a measurement.
func coopTiles(subgroup int) (narrow, middle, wide Tiling) {
	narrow = Tiling{Rows: 128, Tokens: 64, Cols: 64, PartRows: 64, PartTokens: 32, Buffers: 1}
	middle = Tiling{Rows: 128, Tokens: 128, Cols: 64, PartRows: 64, PartTokens: 32, Buffers: 1}
	wide = Tiling{Rows: 128, Tokens: 256, Cols: 32, PartRows: 64, PartTokens: 64, Buffers: 1}
	switch {
	case subgroup < 16:
		narrow = Tiling{Rows: 64, Tokens: 32, Cols: 32, PartRows: 32, PartTokens: 16, Buffers: 2}
		wide = Tiling{Rows: 64, Tokens: 64, Cols: 32, PartRows: 32, PartTokens: 16, Buffers: 2}
		middle = wide
	case subgroup < 32:
		narrow = Tiling{Rows: 64, Tokens: 32, Cols: 32, PartRows: 32, PartTokens: 16, Buffers: 2}
		middle = Tiling{Rows: 64, Tokens: 64, Cols: 32, PartRows: 32, PartTokens: 32, Buffers: 2}
		wide = Tiling{Rows: 128, Tokens: 64, Cols: 32, PartRows: 32, PartTokens: 32, Buffers: 2}
	case subgroup >= 64:
		middle.PartTokens = 64
	}
	return narrow, middle, wide
}

// lanes of a workgroup.
func (t *Tiling) lanes(m CoopMat) int {
	return t.Rows / t.PartRows * (t.Tokens / t.PartTokens) * max(1, m.Subgroup)
}

// shared is the bytes of shared memory, as matmul_tiled.comp and matmul_coopmat.comp declare it.
func (t *Tiling) shared(m CoopMat) int {
	lines := t.Buffers * (t.Rows + t.Tokens)
	if m == (CoopMat{}) {
		return lines * t.Cols * 4
	}
	return lines*(t.Cols+8)*2 + 2*t.Tokens*4
}

// Check finds what is wrong with a tuning on a device.
func (p *Prefill) Check(c *vk.Caps) error {
	for _, t := range p.tilings() {
		if err := t.check(p.CoopMat, c); err != nil {
			return fmt.Errorf("shaders: a tile of %d rows × %d tokens × %d columns in parts of %d × %d: %w", t.Rows, t.Tokens, t.Cols, t.PartRows, t.PartTokens, err)
		}
	}
	return p.Registers.check(c)
}

func (t *Tiling) check(m CoopMat, c *vk.Caps) error {
	for _, n := range []int{t.Rows, t.Tokens, t.Cols, t.PartRows, t.PartTokens, t.Buffers} {
		if n < 1 || n&(n-1) != 0 {
			return fmt.Errorf("%d is no power of two", n)
		}
	}
	if t.PartRows > t.Rows || t.PartTokens > t.Tokens || t.Cols < TileRows || t.Buffers > 2 {
		return fmt.Errorf("want parts of the tile, %d columns or more, 1 or 2 buffers, not %d", TileRows, t.Buffers)
	}
	if lanes, most := t.lanes(m), mostInvocations(c); lanes > most {
		return fmt.Errorf("%d invocations; the device has %d", lanes, most)
	}
	if n := t.shared(m); n > c.Limits.MaxComputeSharedMemorySize {
		return fmt.Errorf("it takes %d bytes of shared memory, the device has %d", n, c.Limits.MaxComputeSharedMemorySize)
	}
	if m == (CoopMat{}) {
		if n := t.Rows / t.PartRows; n != pairRows/2 && n != pairRows || t.Tokens/t.PartTokens%8 != 0 || t.Cols > TileRows {
			return fmt.Errorf("want %d or %d parts of rows, 8 or more of tokens, and %d columns", pairRows/2, pairRows, TileRows)
		}
		return nil
	}
	if t.PartRows%m.M != 0 || t.PartTokens%m.N != 0 || t.Cols%m.K != 0 || t.PartRows < TileRows {
		return fmt.Errorf("want parts of %d rows or more, and whole matrices of %d × %d × %d", TileRows, m.M, m.N, m.K)
	}
	if results := t.lanes(m) / m.Subgroup * m.N * 5; t.Buffers*t.Rows*(t.Cols/8+1) < results {
		return fmt.Errorf("a matrix of sums of each subgroup takes more shared memory than the weights")
	}
	return nil
}

// tiling is the one that soonest computes a product of so many rows, in splits, and tokens: by the tiles that
// each shader core has to compute.
func (p *Prefill) tiling(rows, splits, tokens int) (best *Tiling) {
	least := 0
	for _, t := range p.tilings() {
		tiles := ceilDiv(rows, t.Rows) * ceilDiv(tokens, t.Tokens) * splits
		cost := ceilDiv(tiles, p.Groups) * t.Rows * (t.Tokens + loadTokens)
		if best == nil || cost < least {
			best, least = t, cost
		}
	}
	return best
}

// SplitsOf is by how many workgroups the columns of a tile of a matrix are shared: as many as
// fill the device twice where all tokens are in narrow tiles, if those alone don't fill half of it. (H100,
// docs/performance.md: 3072 × 24576 at 512 tokens 183 TFLOP/s without splits, 230 with 8.) It depends on the
// shape alone, since the order of summation does on it: a token's numbers are the same bits
// among few others and among many.
func (p *Prefill) SplitsOf(rows, cols int) int {
	splits, _ := p.share(rows, cols)
	return splits
}

// share is SplitsOf, and the columns of each split, which are whole steps of all tilings.
func (p *Prefill) share(rows, cols int) (splits, part int) {
	step := max(p.Narrow.Cols, p.Middle.Cols, p.Wide.Cols)
	if p.Registers.Form != NoMatrices && cols%TurnCols == 0 {
		step = max(step, TurnCols)
	}
	splits = 1
	if tiles := ceilDiv(rows, p.Narrow.Rows); 2*tiles <= p.Groups {
		splits = max(1, min(2*p.Groups/tiles, cols/splitCols, p.Splits))
	}
	part = step * ceilDiv(ceilDiv(cols, step), splits)
	return ceilDiv(cols, part), part
}
