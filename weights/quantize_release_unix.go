//go:build linux || darwin

package weights

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// release gives the memory pages of rows back that were read from a mapped file, so that a
// large one does not fill the memory; they are read again if touched. Data that is not
// mapped stays.
func (m *Model) release(t *Tensor, first, rows int) {
	data, scales, biases := t.RowData(first, rows)
	page := os.Getpagesize()
	for _, part := range [][]byte{data, scales, biases} {
		for _, mapping := range m.mappings {
			at := int(uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(mapping))))
			if len(part) > 0 && at >= 0 && at < len(mapping) {
				_ = unix.Madvise(mapping[at/page*page:at+len(part)], unix.MADV_DONTNEED) // if it fails, the pages only stay
			}
		}
	}
}
