package engine

import (
	"slices"

	"sealvk/shaders"
)

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
	left := max(0, len(p.free)-n)
	taken := slices.Clone(p.free[left:])
	slices.Reverse(taken)
	p.free = p.free[:left]
	return taken
}

func (p *pagePool) give(pages []uint32) { p.free = append(p.free, pages...) }

// pagesFor is the number of pages that hold the given positions.
func pagesFor(positions int) int {
	return (positions + shaders.PageTokens - 1) / shaders.PageTokens
}
