package vk

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePages asks for huge pages behind a block of a CPU device's memory, which is
// ordinary memory of this process: filling it is bound by page faults otherwise, and
// kernels by address translation. It is a hint; an error changes nothing.
func hugePages(mapped unsafe.Pointer, size int64) {
	const page = 2 << 20
	skip := -uintptr(mapped) % page
	if int64(skip)+page > size {
		return
	}
	unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(mapped, skip)), (size-int64(skip))/page*page), unix.MADV_HUGEPAGE)
}
