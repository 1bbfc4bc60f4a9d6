package cases

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
	"sealvk/weights/format"
)

// ErrWrong: the kernel does not compute what the reference does, or writes elsewhere too.
var ErrWrong = errors.New("the kernel's output is wrong")

// checker compares outputs with the reference; the first error stays.
type checker struct {
	read    map[*buffer][]uint32
	seen    map[*buffer][]bool // words that were compared, or may hold anything
	checked int64              // values
	err     error
}

// Check compares what the kernel wrote with the reference: some of large outputs, as checked
// says. Of small ones every value, and what the kernel has no reason to write is as it was.
func (b *Bench) Check() (checked int64, err error) {
	if err := b.buffers.Check(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	k := &checker{read: map[*buffer][]uint32{}, seen: map[*buffer][]bool{}}
	b.check(k)
	for _, o := range b.written {
		if b.sampled || k.err != nil {
			break
		}
		first := slices.Repeat([]uint32{guarded.Poison}, len(k.words(o)))
		copy(guarded.Bytes(first), o.first)
		for i, w := range k.words(o) {
			if w != first[i] && !k.seen[o][i] {
				k.wrong("%s: word %d was written, which is none of the kernel's", o.name, i)
				break
			}
		}
	}
	return k.checked, k.err
}

func (k *checker) wrong(format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf("%w: %s", ErrWrong, fmt.Sprintf(format, args...))
	}
}

// words reads a buffer.
func (k *checker) words(o *buffer) []uint32 {
	if k.read[o] == nil {
		words, err := o.Words()
		if k.err == nil {
			k.err = err
		}
		k.read[o], k.seen[o] = words, make([]bool, len(words))
	}
	return k.read[o]
}

// see gives n words from one on, which are going to be compared.
func (k *checker) see(o *buffer, first, n int) []uint32 {
	words := k.words(o)[first:][:n]
	for i := range n {
		k.seen[o][first+i] = true
	}
	return words
}

// expect compares the floats from the element at the first of the indices on.
func (k *checker) expect(o *buffer, want reference.Expected, at ...int) {
	first := o.offset(at...)
	k.compare(want, guarded.Floats(k.see(o, first, len(want.Values))), func(i int) string { return o.place(first + i) })
}

// compare compares values; at says where the i-th one is.
func (k *checker) compare(want reference.Expected, got []float32, at func(i int) string) {
	k.checked += int64(len(want.Values))
	if m := want.Check(got); m != nil {
		k.wrong("%s = %v", at(m.Index), m)
	}
}

// equal compares words.
func (k *checker) equal(o *buffer, want uint32, at ...int) {
	k.checked++
	if got := k.see(o, o.offset(at...), 1)[0]; got != want {
		k.wrong("%s = %d, the reference has %d", o.place(o.offset(at...)), got, want)
	}
}

// halved compares a token of values in f16 with a factor behind all of them, and its padding
// with 0.
func (k *checker) halved(o *buffer, want reference.Expected, t, tokens int, octets bool) {
	stride := 4 * ceilDiv(len(want.Values), 8) // words of a token, without its factor
	got, factor := halves(k.words(o), t, tokens, stride, octets)
	for i := range got {
		got[i] *= factor
	}
	k.see(o, factorAt(t, tokens, stride, octets), 1)
	k.halvedValues(o, want, got, t, octets)
}

// blocked is halved of blocked halves: blocks of columns with a factor each, and the token's largest value.
func (k *checker) blocked(o *buffer, want reference.Expected, t, tokens, block int, octets bool) {
	stride, blocks := 4*ceilDiv(len(want.Values), 8), ceilDiv(len(want.Values), block)
	got, most := halves(k.words(o), t, tokens, stride, octets)
	first := factorAt(0, tokens, stride, octets) + tokens + t*blocks
	factors := guarded.Floats(k.see(o, first, blocks))
	found := float32(0)
	for i := range got {
		got[i] *= factors[i/block]
		found = max(found, max(got[i], -got[i]))
	}
	k.see(o, factorAt(t, tokens, stride, octets), 1)
	if off := found - most; max(off, -off) > most*0x1p-10 {
		k.wrong("%s: the largest value of token %d is %v, of its blocks %v", o.name, t, most, found)
	}
	k.halvedValues(o, want, got, t, octets)
}

func (k *checker) halvedValues(o *buffer, want reference.Expected, got []float32, t int, octets bool) {
	for i := range got {
		k.see(o, halfAt(t, i, len(got)/2, octets)/2, 1)
	}
	place := func(i int) string { return fmt.Sprintf("%s[%d][%d]", o.name, t, i) }
	k.compare(want, got[:len(want.Values)], place)
	for i := len(want.Values); i < len(got); i++ {
		if got[i] != 0 {
			k.wrong("%s = %v, which is padding", place(i), got[i])
		}
	}
}

// halfAt is where the f16 of a token's column stands, in [token][cols] or in octets.
func halfAt(t, c, stride int, octets bool) int {
	if !octets {
		return 2*stride*t + c
	}
	return (t/8*(stride/4)+c/8)*64 + t%8*8 + c%8/4*4 + [4]int{0, 2, 1, 3}[c%4]
}

func factorAt(t, tokens, stride int, octets bool) int {
	if octets {
		tokens = 8 * ceilDiv(tokens, 8)
	}
	return tokens*stride + t
}

// halves is a token's values, as f16 holds them, and its factor. stride: words of a token.
func halves(words []uint32, t, tokens, stride int, octets bool) ([]float32, float32) {
	var data []byte
	for c := range 2 * stride {
		at := halfAt(t, c, stride, octets)
		data = binary.LittleEndian.AppendUint16(data, uint16(words[at/2]>>(at%2*16)))
	}
	values := make([]float32, 2*stride)
	if err := format.Dequantize(values, format.F16, data, nil, nil); err != nil {
		panic(err) // of whole values there is none
	}
	return values, math.Float32frombits(words[factorAt(t, tokens, stride, octets)])
}
