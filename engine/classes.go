package engine

import "sealvk/shaders"

// classes are the rows of the decode steps that are recorded: one of n rows is taken with the next
// larger number, the rest of them idle. So few recordings and pipelines serve every batch.
var classes = [...]int{1, 2, 4, 8, 16, 24, shaders.DecodeRows}

// class is the rows of the step that n rows are computed by. Where arithmetic bounds products, as
// on CPU devices, idle rows would cost as much as others: there is a step of every size.
func (p *plan) class(n int) int {
	if p.exact {
		return n
	}
	for _, rows := range classes {
		if rows >= n {
			return rows
		}
	}
	return n // above DecodeRows: nobody asks
}

// chunkClass is the rows by which n tokens of a prompt are computed where tiles have many: up to 64 a
// power of two, and of more the next multiple of 64, which the tiles of products and attention would
// compute anyway. So what was recorded for one prompt serves another. On devices without tiles each row
// costs, and a chunk has as many as tokens.
func (p *plan) chunkClass(n int) int {
	if !p.tiled {
		return n
	}
	rows := 16
	for rows < n && rows < 64 {
		rows *= 2
	}
	return min((max(n, rows)+rows-1)/rows*rows, p.chunk)
}

// classBelow is the largest class of a chunk with fewer rows than class n; 0: there is none. Without tiles, where all
// counts are classes, half as many rows: there kernels differ by powers of two.
func (p *plan) classBelow(n int) int {
	switch {
	case !p.tiled:
		return n / 2
	case n > 64:
		return (n - 1) / 64 * 64
	case n > 16:
		return p.chunkClass(n / 2)
	}
	return 0
}

// idleSequences is that of idle rows, behind those of sessions: 1, or 0 where no row is ever idle.
// It holds one page of the KV cache, whose first position all idle rows write and read.
func (p *plan) idleSequences() int {
	if p.exact {
		return 0
	}
	return 1
}

// idleRow fills up a step: the kernels compute it and it changes nothing that others see.
func (p *plan) idleRow() shaders.Row {
	return shaders.Row{Sequence: uint32(p.sequences), Step: shaders.IdleStep}
}

// prepareIdle gives the idle sequence its page, the last one, and greedy sampling.
func (m *Model) prepareIdle() error {
	if m.idleSequences() == 0 {
		return nil
	}
	n := int64(m.plan.sequences)
	m.state.pages.set(uint32(n), 0, []uint32{uint32(m.plan.pages)})
	return m.dev.Write(m.state.sampling.Part(n*samplingBytes, samplingBytes), bytesOf(new(Request).sampling()))
}
