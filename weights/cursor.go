package weights

import (
	"encoding/binary"
	"fmt"
)

// cursor reads a file's little-endian fields from front to back. The first failure
// sticks: later reads give zero values, so that callers check err once per entry.
type cursor struct {
	data []byte
	off  int
	what string // what is being read, for errors
	err  error
}

func (c *cursor) failf(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %s", c.what, fmt.Sprintf(format, args...))
	}
}

func (c *cursor) left() uint64 { return uint64(len(c.data) - c.off) }

// take gives the next n bytes without copying them, nil after a failure.
func (c *cursor) take(n uint64) []byte {
	if c.err != nil {
		return nil
	}
	if n > c.left() {
		c.failf("needs %d bytes at byte %d, the file has %d left (incomplete download? fetch it again)", n, c.off, c.left())
		return nil
	}
	b := c.data[c.off : c.off+int(n) : c.off+int(n)]
	c.off += int(n)
	return b
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// str gives the bytes of a string: a 64-bit length, then the text.
func (c *cursor) str() []byte { return c.take(c.u64()) }

// count reads a number of entries that take at least size bytes each, and refuses
// one that cannot fit into the rest of the file.
func (c *cursor) count(entries string, size uint64) uint64 {
	at, n := c.off, c.u64()
	if c.err == nil && n > c.left()/size {
		c.failf("%d %s at byte %d cannot fit into the %d bytes left", n, entries, at, c.left())
		return 0
	}
	return n
}
