package vk

import "sort"

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
	before, after := span{s.start, offset}, span{offset + n, s.end}
	switch {
	case before.start < before.end && after.start < after.end:
		f.free = append(f.free, span{})
		copy(f.free[best+2:], f.free[best+1:])
		f.free[best], f.free[best+1] = before, after
	case before.start < before.end:
		f.free[best] = before
	case after.start < after.end:
		f.free[best] = after
	default:
		f.free = append(f.free[:best], f.free[best+1:]...)
	}
	return offset, true
}

// release gives back what alloc returned and joins it with its neighbours.
func (f *freeList) release(offset, n int64) {
	i := sort.Search(len(f.free), func(i int) bool { return f.free[i].start > offset })
	s := span{offset, offset + n}
	left := i > 0 && f.free[i-1].end == s.start
	right := i < len(f.free) && f.free[i].start == s.end
	switch {
	case left && right:
		f.free[i-1].end = f.free[i].end
		f.free = append(f.free[:i], f.free[i+1:]...)
	case left:
		f.free[i-1].end = s.end
	case right:
		f.free[i].start = s.start
	default:
		f.free = append(f.free, span{})
		copy(f.free[i+1:], f.free[i:])
		f.free[i] = s
	}
}

// empty reports that nothing is handed out.
func (f *freeList) empty() bool { return len(f.free) == 1 && f.free[0] == span{0, f.size} }

// alignUp rounds n up to a multiple of align, which need not be a power of two.
func alignUp(n, align int64) int64 { return (n + align - 1) / align * align }
