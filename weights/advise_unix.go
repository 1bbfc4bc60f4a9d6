//go:build linux || darwin

package weights

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ahead has the system read rows of a mapped file that will be needed soon, and returns before it has.
// Touched without, they come a few pages at a time, and whoever touches them waits.
func (m *Model) Ahead(t *Tensor, first, rows int) { m.advise(t, first, rows, unix.MADV_WILLNEED) }

// release gives the memory pages of rows back that were read from a mapped file, so that a
// large one does not fill the memory; they are read again if touched.
func (m *Model) release(t *Tensor, first, rows int) { m.advise(t, first, rows, unix.MADV_DONTNEED) }

// Rest gives the memory pages back that were read of the files, which stay open: what is touched is read again.
func (m *Model) Rest() {
	for _, mapping := range m.mappings {
		_ = unix.Madvise(mapping, unix.MADV_DONTNEED) // if it fails, the process only looks larger
	}
}

// advise tells the system something of the pages of rows. Data that is not mapped is not concerned.
func (m *Model) advise(t *Tensor, first, rows, advice int) {
	data, scales, biases := t.RowData(first, rows)
	page := os.Getpagesize()
	for _, part := range [][]byte{data, scales, biases} {
		for _, mapping := range m.mappings {
			at := int(uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(mapping))))
			if len(part) > 0 && at >= 0 && at < len(mapping) {
				_ = unix.Madvise(mapping[at/page*page:at+len(part)], advice) // if it fails, it is only slower or larger
			}
		}
	}
}
