package kernelbench

import (
	"runtime"
	"sync"
	"sync/atomic"

	"sealvk/shaders/cases"
	"sealvk/vk"
)

// flush moves more through the caches than they hold: on a GPU by a copy in front of the
// kernel; a CPU device's caches are the host's, which does it faster.
type flush struct {
	from, to *vk.Buffer // nil on a CPU device
	memory   []uint64
	sum      atomic.Uint64
}

// line is the bytes of a cache line.
const line = 64

// flushBytes is how much is moved if n is wanted; 0 is for the usual.
func flushBytes(d *vk.Device, n int64) int64 {
	if n == 0 {
		n = 256 << 20 // the largest last-level cache of a GPU so far
		if d.Caps().Type == vk.CPU {
			n /= 2
		}
	}
	return max(1, min(n, cases.FreeMemory(d)/4)/(2*line)) * 2 * line
}

func newFlush(d *vk.Device, bytes int64) (*flush, error) {
	f := &flush{}
	if d.Caps().Type == vk.CPU {
		f.memory = make([]uint64, bytes/8)
		for i := range f.memory { // what was never written may be one and the same page
			f.memory[i] = 1
		}
		return f, nil
	}
	for _, b := range []**vk.Buffer{&f.from, &f.to} {
		var err error
		if *b, err = d.NewBuffer("flush", bytes/2, vk.DeviceLocal); err != nil {
			f.free()
			return nil, err
		}
	}
	return f, nil
}

// record is the device's part.
func (f *flush) record(c *vk.Commands) {
	if f.from != nil {
		c.Copy(f.to.All(), f.from.All())
	}
}

// run is the host's part: every core reads everything.
func (f *flush) run() {
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			var sum uint64
			for at := 0; at < len(f.memory); at += line / 8 {
				sum += f.memory[at]
			}
			f.sum.Add(sum) // else nothing need be read
		})
	}
	workers.Wait()
}

func (f *flush) free() {
	for _, b := range []*vk.Buffer{f.from, f.to} {
		if b != nil {
			b.Free()
		}
	}
}
