package shaders

import (
	"cmp"
	"slices"

	"sealvk/vk"
	"sealvk/weights/format"
)

// ProductTable is which sizes of workgroups a product takes by the shape of its matrix.
type ProductTable int

const (
	ByHand    ProductTable = iota // none: those that ProductTuning has
	ManyCores                     // of a GPU with 64 shader cores or more
	FewCores                      // of another one, or one that doesn't tell
	Waves64                       // of one whose subgroups are 64 invocations and more
)

func productTable(c *vk.Caps) ProductTable {
	switch {
	case c.Subgroup.Size >= 64:
		return Waves64
	case c.ShaderCores >= 64:
		return ManyCores
	}
	return FewCores
}

// shape is the sizes of workgroups for matrices of so many rows and columns and more.
type shape struct {
	rows, cols              int
	lanes, span, gridSplits int
}

// productTables' shapes come the first that fits. A token's weights are read at the speed of memory
// where every shader core has enough loads in flight, and where all finish together: matrices of few
// rows need more lanes, and with many columns more workgroups, to share a row. Splits need a fence of
// the device's scope, which Metal before 3.2 has not: GPUs that tell no shader cores have none.
var productTables = [...][]shape{
	// H100, 132 cores, docs/performance.md, integer dot products, µs with what starts and ends
	// a dispatch: ffn_gate_up 49152 × 3072 of Q4_K 32.9; output 256000 × 3072 of Q6_K 218.
	ManyCores: {
		{rows: 32768, lanes: 256, span: 4, gridSplits: 1},
		// ffn_down 3072 × 24576 of Q4_K 19.4, of Q6_K 25.5, without the sum of the splits.
		{cols: 16384, lanes: 384, span: 8, gridSplits: 4},
		// attn_qkv 12288 × 3072 of Q4_K by 12 lanes a row 11.4, attn_output 3072 × 4096 by 16 7.6: 4
		// splits of 4 lanes took 7.2 without their sum.
		{lanes: 512, span: 8, gridSplits: 1},
	},
	// Nobody has measured the others: they take what such GPUs got by a rule of thumb, 2^18
	// invocations where a workgroup's limit allows.
	FewCores: {
		{rows: 32768, lanes: 256, span: 2, gridSplits: 1},
		{lanes: 512, span: 2, gridSplits: 1},
	},
	Waves64: {
		{rows: 65536, lanes: 256, span: 2, gridSplits: 1},
		{lanes: 512, span: 2, gridSplits: 1},
	},
}

// shapes has one of each kind: sizes by hand are for all.
func (p *ProductTuning) shapes() []shape {
	if p.Table == ByHand {
		return []shape{{rows: 1, cols: 1}}
	}
	list := slices.Clone(productTables[p.Table])
	for i := range list {
		list[i].rows, list[i].cols = max(list[i].rows, 1), max(list[i].cols, 4096)
	}
	return list
}

// of is the tuning for a matrix, in which nothing is left to the table. It depends on the matrix's
// type and shape alone, so that the order of summation does.
func (p ProductTuning) of(t Type, rows, cols int) ProductTuning {
	if p.Table == ByHand {
		p.GridSplits = max(p.GridSplits, 1)
		return p
	}
	table := productTables[p.Table]
	s := table[slices.IndexFunc(table, func(s shape) bool { return rows >= s.rows && cols >= s.cols })]
	p.GridSplits = cmp.Or(p.GridSplits, s.gridSplits)
	if p.Span == 0 {
		p.Span = min(s.span, max(1, mostSpan/stepQuads(t))) // types of more bits are as much in fewer steps
	}
	if p.Lanes == 0 { // no more than have something to do, and all of them in every turn
		lanes := max(1, min(s.lanes, p.MaxLanes)/p.RowLanes) // that share a row
		spans := ceilDiv(cols, TileRows*p.Span*p.GridSplits)
		p.Lanes = p.RowLanes * ceilDiv(spans, ceilDiv(spans, lanes))
	}
	return p
}

// stepQuads is the quads that a step of 32 columns has of its own.
func stepQuads(t Type) int {
	l := t.Layout()
	return max(1, l.Quads*32/l.Values)
}

// SplitScratch is what workgroups that share the columns of a row leave each other.
type SplitScratch struct {
	Partial vk.Range // SplitBytes
	Done    vk.Range // the same, 0 before the first dispatch and after each
}

// SplitBytes is the sizes of SplitScratch of products with a matrix of so many rows and columns.
func (p ProductTuning) SplitBytes(rows, cols int) (partial, done int64) {
	p = p.of(format.F32, rows, cols)
	if p.GridSplits == 1 {
		return 0, 0
	}
	for n := 1; n <= p.Tokens; n *= 2 {
		tiles, groups := int64(ceilDiv(rows, p.groupRows(n))), int64(ceilDiv(DecodeRows, n))
		partial = max(partial, 4*tiles*groups*int64(p.groupRows(n)*n*p.GridSplits))
		done = max(done, 4*tiles*groups)
	}
	return partial, done
}
