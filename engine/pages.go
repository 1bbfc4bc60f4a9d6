package engine

import (
	"slices"

	"sealvk/shaders"
)

// pagePool is the free pages of the KV cache, a stack. A page is PageTokens positions of one
// sequence in every layer.
type pagePool []uint32

func newPagePool(pages int) (p pagePool) {
	for i := range pages {
		p = append(p, uint32(pages-1-i))
	}
	return p
}

// take returns up to n pages.
func (p *pagePool) take(n int) []uint32 {
	left := max(0, len(*p)-n)
	taken := slices.Clone((*p)[left:])
	slices.Reverse(taken)
	*p = (*p)[:left]
	return taken
}

func (p *pagePool) give(pages []uint32) { *p = append(*p, pages...) }

// pagesFor is the number of pages that hold the given positions.
func pagesFor(positions int) int {
	return (positions + shaders.PageTokens - 1) / shaders.PageTokens
}
