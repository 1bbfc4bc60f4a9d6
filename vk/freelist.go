package vk

import (
	"cmp"
	"slices"
)

// freeList hands out ranges of [0, size) and takes them back. Free ranges are sorted by
// offset, never empty and never adjacent.
type freeList struct {
	size int64
	free []span
}

// span is [start, end).
type span struct{ start, end int64 }

func newFreeList(size int64) freeList { return freeList{size: size, free: []span{{0, size}}} }

// alloc takes n bytes at a multiple of align from the smallest free range that holds
// them; false if none does.
func (f *freeList) alloc(n, align int64) (offset int64, ok bool) {
	best := -1
	for i, s := range f.free {
		if alignUp(s.start, align)+n <= s.end && (best < 0 || s.end-s.start < f.free[best].end-f.free[best].start) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	s := f.free[best]
	offset = alignUp(s.start, align)
	rest := slices.DeleteFunc([]span{{s.start, offset}, {offset + n, s.end}}, func(s span) bool { return s.start == s.end })
	f.free = slices.Replace(f.free, best, best+1, rest...)
	return offset, true
}

// release gives back what alloc returned and joins it with its neighbours.
func (f *freeList) release(offset, n int64) {
	s := span{offset, offset + n}
	from, _ := slices.BinarySearchFunc(f.free, s, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	to := from
	if from > 0 && f.free[from-1].end == s.start {
		from--
		s.start = f.free[from].start
	}
	if to < len(f.free) && f.free[to].start == s.end {
		s.end = f.free[to].end
		to++
	}
	f.free = slices.Replace(f.free, from, to, s)
}

// empty reports that nothing is handed out.
func (f *freeList) empty() bool { return len(f.free) == 1 && f.free[0] == span{0, f.size} }

// alignUp rounds n up to a multiple of align, which need not be a power of two.
func alignUp(n, align int64) int64 { return (n + align - 1) / align * align }
