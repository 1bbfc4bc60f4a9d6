package vk

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// hide takes a buffer's mapping away, so that transfers take the way they do on a GPU
// whose memory the host cannot see. The buffer has a block of its own.
func hidden(t *testing.T, d *Device, name string, size int64) *Buffer {
	t.Helper()
	b, err := d.newBuffer(name, size, DeviceLocal, alone)
	if err != nil {
		t.Fatal(err)
	}
	d.live.add(b, name)
	b.mem.block.mapped = nil
	return b
}

func pattern(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func TestWriteRead(t *testing.T) {
	d := openTest(t)
	const guard = 0xa5
	size := int64(slotBytes*2 + 12345)
	for _, b := range []*Buffer{newBuffer(t, d, "mapped or not", size, DeviceLocal), hidden(t, d, "hidden", size)} {
		for _, r := range []Range{
			b.Range(0, 1), b.Range(1, 1), b.Range(3, 7), b.Range(5, 4095), b.Range(255, 65537), b.Range(size-1, 1),
			b.Range(7, slotBytes), b.Range(1, slotBytes+1), b.All(),
		} {
			write(t, d, b.All(), bytes.Repeat([]byte{guard}, int(size)))
			src := pattern(int(r.Size), uint64(r.Size))
			write(t, d, r, src)
			all := make([]byte, size)
			if err := d.Read(all, b.All()); err != nil {
				t.Fatal(err)
			}
			part := make([]byte, r.Size)
			if err := d.Read(part, r); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(part, src) || !bytes.Equal(all[r.Offset:r.Offset+r.Size], src) {
				t.Errorf("%s: %d bytes at %d came back different", b.Name(), r.Size, r.Offset)
			}
			around := append(all[:r.Offset:r.Offset], all[r.Offset+r.Size:]...)
			if bytes.Count(around, []byte{guard}) != len(around) {
				t.Errorf("%s: writing %d bytes at %d changed others", b.Name(), r.Size, r.Offset)
			}
		}
		b.Free()
	}
	if s := d.Stats(); s.AllocatedBytes != 0 || s.BufferBytes != 0 || s.StagingBytes < 2*slotBytes {
		t.Errorf("after freeing: %+v", s)
	}
}

func TestBadRanges(t *testing.T) {
	d, other := openTest(t), openTest(t)
	b, foreign := newBuffer(t, d, "b", 100, DeviceLocal), newBuffer(t, other, "foreign", 100, DeviceLocal)
	defer b.Free()
	defer foreign.Free()
	gone := newBuffer(t, d, "gone", 100, DeviceLocal)
	gone.Free()
	gone.Free() // twice does nothing
	one := make([]byte, 1)
	for name, err := range map[string]error{
		"past the end":   d.Write(b.Range(100, 1), one),
		"before":         d.Write(b.Range(-1, 1), one),
		"overflow":       d.Write(b.Range(99, 1<<62), one),
		"empty":          d.Write(b.Range(0, 0), nil),
		"length":         d.Read(one, b.Range(0, 2)),
		"nil":            d.Read(one, Range{Size: 1}),
		"another device": d.Read(one, foreign.Range(0, 1)),
		"freed":          d.Read(one, gone.Range(0, 1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBufferErrors(t *testing.T) {
	d := openTest(t)
	limit := d.Caps().Limits.MaxMemoryAllocationSize
	for _, size := range []int64{0, -1, limit + 1, 1 << 62} {
		if _, err := d.NewBuffer("b", size, DeviceLocal); err == nil || errors.Is(err, ErrOutOfMemory) || !strings.Contains(err.Error(), `buffer "b"`) {
			t.Errorf("size %d: %v", size, err)
		}
	}
	// More than the heap has is out of memory, whatever the driver would promise.
	d.caps.Memory.Heaps = append([]Heap(nil), d.caps.Memory.Heaps...)
	for i := range d.caps.Memory.Heaps {
		d.caps.Memory.Heaps[i].Size = 1 << 20
	}
	_, err := d.NewBuffer("big", 2<<20, DeviceLocal)
	if !errors.Is(err, ErrOutOfMemory) || !strings.Contains(err.Error(), `"big" of 2.0 MiB`) || !strings.Contains(err.Error(), "heap 0 has 1.0 MiB, budget") {
		t.Errorf("2 MiB of 1 MiB: %v", err)
	}
	if s := d.Stats(); s != (Stats{}) {
		t.Errorf("failed buffers left %+v", s)
	}
}

// Live buffers never share memory, whatever their sizes and order.
func TestBuffersDoNotOverlap(t *testing.T) {
	d := openTest(t)
	rng := rand.New(rand.NewPCG(1, 4))
	type owned struct {
		b    *Buffer
		fill byte
	}
	var live []owned
	check := func(o owned) {
		for i, v := range o.b.Bytes() {
			if v != o.fill {
				t.Fatalf("%s: byte %d is %d, want %d", o.b.Name(), i, v, o.fill)
			}
		}
		o.b.Free()
	}
	for i := range 300 {
		if len(live) > 20 || len(live) > 0 && rng.IntN(3) == 0 {
			j := rng.IntN(len(live))
			check(live[j])
			live = append(live[:j], live[j+1:]...)
			continue
		}
		o := owned{newBuffer(t, d, "part", 1+rng.Int64N(1<<(4+rng.IntN(17))), Memory(1+rng.IntN(2))), byte(i)}
		for k := range o.b.Bytes() {
			o.b.Bytes()[k] = o.fill
		}
		live = append(live, o)
	}
	if s := d.Stats(); s.Buffers != len(live) || s.AllocatedBytes < s.BufferBytes {
		t.Errorf("%d live: %+v", len(live), s)
	}
	for _, o := range live {
		check(o)
	}
	if s := d.Stats(); s != (Stats{}) {
		t.Errorf("all freed: %+v", s)
	}
}

func TestLargeBuffersGetTheirOwnBlock(t *testing.T) {
	d := openTest(t)
	small, large := newBuffer(t, d, "small", 1000, Upload), newBuffer(t, d, "large", dedicated, Upload)
	if small.mem.block == large.mem.block || small.mem.block.size > 2*minBlock || large.mem.block.size > dedicated+4096 {
		t.Errorf("blocks of %d and %d bytes", small.mem.block.size, large.mem.block.size)
	}
	large.Free()
	if s := d.Stats(); s.AllocatedBytes != small.mem.block.size {
		t.Errorf("%+v", s)
	}
	small.Free()
}
