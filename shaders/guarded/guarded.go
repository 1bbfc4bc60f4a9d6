// Package guarded is buffers that tell what a kernel did to them: each lies between guards, and
// what is to be written holds NaN until then.
//
//	Buffers   those of one run; Check finds what was written where nothing may be
//	Buffer    one of them
package guarded

import (
	"bytes"
	"fmt"
	"math"
	"unsafe"

	"sealvk/vk"
)

// Guard is the bytes on each side of a buffer: a multiple of every
// minStorageBufferOffsetAlignment that the specification allows.
const Guard = 256

// Poison is a NaN of f32: what buffers to be written hold first, and guards.
const Poison uint32 = 0x7fc0dead

// Buffers are those of one run.
type Buffers struct {
	d    *vk.Device
	list []*Buffer
}

// New begins with none.
func New(d *vk.Device) *Buffers { return &Buffers{d: d} }

// Buffer is what kernels see of a buffer of the device, the range between its guards.
type Buffer struct {
	vk.Range
	Name   string
	d      *vk.Device
	before []byte // guards and contents of an input; nil: only the guards are compared
}

// Input makes a buffer that kernels must leave as it is.
func (b *Buffers) Input(name string, contents []byte) (*Buffer, error) {
	return b.make(name, int64(len(contents)), contents, false)
}

// Output makes a buffer that kernels write; contents nil: it holds Poison.
func (b *Buffers) Output(name string, size int64, contents []byte) (*Buffer, error) {
	return b.make(name, size, contents, true)
}

func (b *Buffers) make(name string, size int64, contents []byte, output bool) (*Buffer, error) {
	g, err := b.add(name, size)
	if err != nil {
		return nil, err
	}
	whole := poison(size + 2*Guard)
	copy(whole[Guard:Guard+size], contents)
	if !output {
		g.before = whole
	}
	return g, b.d.Write(g.Buffer.All(), whole)
}

// Unfilled makes an input whose contents are written later, and not compared before [Buffer.Seal].
func (b *Buffers) Unfilled(name string, size int64) (*Buffer, error) {
	g, err := b.add(name, size)
	if err == nil {
		err = b.d.Write(g.Buffer.Range(0, Guard), poison(Guard))
	}
	if err == nil {
		err = b.d.Write(g.Buffer.Range(Guard+size, Guard), poison(Guard))
	}
	return g, err
}

func (b *Buffers) add(name string, size int64) (*Buffer, error) {
	whole, err := b.d.NewBuffer(name, size+2*Guard, vk.DeviceLocal)
	if err != nil {
		return nil, err
	}
	g := &Buffer{Range: whole.Range(Guard, size), Name: name, d: b.d}
	b.list = append(b.list, g)
	return g, nil
}

func poison(n int64) []byte {
	word := Poison
	return bytes.Repeat(Bytes(unsafe.Slice(&word, 1)), int(n+3)/4)[:n]
}

// Seal makes the contents those that kernels must leave.
func (g *Buffer) Seal() error {
	g.before = make([]byte, g.Buffer.Size())
	return g.d.Read(g.before, g.Buffer.All())
}

// Bound is the contents and, as far as the device binds it too, the guard behind them, so that
// robust access to buffers does not hide what a kernel writes behind the end.
func (g *Buffer) Bound() vk.Range {
	return g.Buffer.Range(g.Offset, max(g.Size, min(g.Size+Guard, g.d.Caps().Limits.MaxStorageBufferRange)))
}

// Words reads the contents.
func (g *Buffer) Words() ([]uint32, error) {
	v := make([]uint32, g.Size/4)
	return v, g.d.Read(Bytes(v), g.Range)
}

// Check reports a write into a guard or into an input.
func (b *Buffers) Check() error {
	for _, g := range b.list {
		compared := map[vk.Range][]byte{g.Buffer.All(): g.before}
		if g.before == nil {
			compared = map[vk.Range][]byte{g.Buffer.Range(0, Guard): poison(Guard), g.Buffer.Range(Guard+g.Size, Guard): poison(Guard)}
		}
		for r, want := range compared {
			now := make([]byte, r.Size)
			if err := b.d.Read(now, r); err != nil {
				return err
			}
			if !bytes.Equal(now, want) {
				return fmt.Errorf("%s: the kernel wrote where it must not", g.Name)
			}
		}
	}
	return nil
}

// Free gives the buffers back. The device must not be using them.
func (b *Buffers) Free() {
	for _, g := range b.list {
		g.Buffer.Free()
	}
	b.list = nil
}

// Bytes views values as bytes.
func Bytes[T any](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

// Floats are words as f32.
func Floats(words []uint32) []float32 {
	v := make([]float32, len(words))
	for i, w := range words {
		v[i] = math.Float32frombits(w)
	}
	return v
}
