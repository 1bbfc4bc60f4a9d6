package engine

import "sealvk/shaders"

// pagePool hands out the pages of the KV cache. A page is PageTokens positions
// of one sequence in every layer.
type pagePool struct {
	free []uint32 // a stack
}

func newPagePool(pages int) *pagePool {
	p := &pagePool{free: make([]uint32, pages)}
	for i := range p.free {
		p.free[i] = uint32(pages - 1 - i)
	}
	return p
}

// take returns up to n pages.
func (p *pagePool) take(n int) []uint32 {
	n = min(n, len(p.free))
	taken := make([]uint32, n)
	for i := range taken {
		taken[i] = p.free[len(p.free)-1-i]
	}
	p.free = p.free[:len(p.free)-n]
	return taken
}

func (p *pagePool) give(pages []uint32) { p.free = append(p.free, pages...) }

// pagesFor is the number of pages that hold the given positions.
func pagesFor(positions int) int {
	return (positions + shaders.PageTokens - 1) / shaders.PageTokens
}
