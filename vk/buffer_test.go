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

// Write and Read come behind what was submitted, also where the host sees the memory.
func TestTransfersFollowWhatWasSubmitted(t *testing.T) {
	d := openTest(t)
	const n, rounds = 1 << 18, 8 // that take a while
	p := newStep(t, d, 1)
	defer p.Free()
	other := newBuffer(t, d, "other", 4*n, DeviceLocal)
	defer other.Free()
	zeros := make([]byte, 4*n)
	for _, b := range []*Buffer{newBuffer(t, d, "mapped or not", 4*n, DeviceLocal), hidden(t, d, "hidden", 4*n)} {
		c := newCommands(t, d, "counts")
		for range rounds {
			c.Dispatch("there", p, words(n, 1, 0), []Binding{{b.All(), ReadOnly}, {other.All(), WriteOnly}}, n/stepGroup, 1, 1)
			c.Dispatch("back", p, words(n, 1, 0), []Binding{{other.All(), ReadOnly}, {b.All(), WriteOnly}}, n/stepGroup, 1, 1)
		}
		if err := c.End(); err != nil {
			t.Fatal(err)
		}
		check := func(what string, want uint32) {
			t.Helper()
			if v := readWords(t, d, b.All()); v[0] != want || v[n-1] != want {
				t.Errorf("%s, %s: %d and %d, want %d", b.Name(), what, v[0], v[n-1], want)
			}
		}
		write(t, d, b.All(), zeros)
		for range 2 {
			if _, err := d.Submit(c); err != nil {
				t.Fatal(err)
			}
			check("read", 2*rounds)
			ticket, err := d.Submit(c)
			if err != nil {
				t.Fatal(err)
			}
			write(t, d, b.All(), zeros)
			if err := d.Wait(ticket, testTimeout); err != nil {
				t.Fatal(err)
			}
			check("written", 0)
		}
		c.Free()
		b.Free()
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

// Kernels see whole words.
func TestRangesAreWholeWords(t *testing.T) {
	for n, want := range map[int64]int64{1: 4, 3: 4, 4: 4, 5: 8, 6: 8, 1 << 40: 1 << 40} {
		if got := storage(n); got != want {
			t.Errorf("%d bytes get %d, want %d", n, got, want)
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
	if !errors.Is(err, ErrOutOfMemory) || !strings.Contains(err.Error(), `"big" of 2.00 MiB`) || !strings.Contains(err.Error(), "heap 0 has 1.00 MiB, budget") {
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
	// Also where a block has room for it.
	var parts []*Buffer
	for range 5 {
		parts = append(parts, newBuffer(t, d, "part", dedicated-minBlock/2, Upload))
	}
	other := newBuffer(t, d, "as large", dedicated, Upload)
	for _, b := range parts {
		if b.mem.block == other.mem.block {
			t.Errorf("%s shares a block of %d bytes", other.Name(), b.mem.block.size)
		}
		b.Free()
	}
	other.Free()
	large.Free()
	if s := d.Stats(); s.AllocatedBytes != small.mem.block.size {
		t.Errorf("%+v", s)
	}
	small.Free()
}
