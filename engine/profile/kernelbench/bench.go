package kernelbench

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

// bench is what one case works on. A kernel's function in benches plans it; nothing is
// computed or allocated before fits has looked at it.
type bench struct {
	c      *Case
	d      *vk.Device
	decode decoder
	rng    *rand.Rand

	items    []item
	made     []*vk.Buffer
	restores [][2]*vk.Buffer // what the kernel changes, and its first contents
	written  []*buffer

	record  func(s *shaders.Set, c *vk.Commands, label string)
	check   func(k *checker)
	outputs int64           // values that the kernel writes
	lengths shaders.Lengths // of attention's rows
}

// item is something to make on the device.
type item struct {
	name         string
	device, host int64 // bytes
	binding      int64 // of those, what a kernel must see at once
	make         func() error
}

// benches tells of each kernel how a case is run: plan makes inputs, recording and check.
var benches = map[string]struct {
	plan   func(b *bench)
	check  func(c *Case) error // of the shape, beyond its bounds; nil: there is nothing else
	splits bool                // Variant.Split matters
}{
	"advance":           {plan: planAdvance},
	"attention":         {plan: planAttention, check: checkHeads, splits: true},
	"attention_merge":   {plan: planMerge, check: checkHeads, splits: true},
	"attention_prefill": {plan: planAttention, check: checkHeads, splits: true},
	"attn_qkv":          {plan: planQKV, check: checkQKV},
	"embed":             {plan: planEmbed},
	"ffn_gate_up":       {plan: planGateUp, check: checkGateUp},
	"geglu":             {plan: planGeGLU},
	"matmul":            {plan: planMatMul},
	"matmul_add":        {plan: planMatMulAdd},
	"matmul_coopmat":    {plan: planTiles},
	"matmul_sum":        {plan: planSum},
	"matmul_tiled":      {plan: planTiles},
	"output":            {plan: planOutput},
	"penalize":          {plan: planPenalize},
	"pick":              {plan: planPick},
	"rmsnorm":           {plan: planRMSNorm},
	"rmsnorm_half":      {plan: planRMSNormHalf},
	"rope":              {plan: planRoPE, check: checkHeads},
	"threshold":         {plan: planThreshold},
	"to_half":           {plan: planToHalf},
}

// much is beyond every device, and far from overflow.
const much = 1 << 60

// product multiplies sizes, at most to much.
func product(sizes ...int) int64 {
	n := uint64(1)
	for _, size := range sizes {
		hi, lo := bits.Mul64(n, uint64(size))
		if n = lo; hi != 0 || lo > much {
			return much
		}
	}
	return int64(n)
}

// buffer is a buffer of the kernel.
type buffer struct {
	*vk.Buffer
	name string
	size int64
}

// array is a buffer whose first contents the host knows.
type array[T any] struct {
	buffer
	values []T
}

// input plans a buffer that the kernel reads; changed one that it also writes, and that
// gets its first contents back before every run. fill is called with n values.
func input[T any](b *bench, name string, n int64, fill func(v []T)) *array[T] {
	return plan(b, name, n, fill, false)
}

func changed[T any](b *bench, name string, n int64, fill func(v []T)) *array[T] {
	return plan(b, name, n, fill, true)
}

func plan[T any](b *bench, name string, n int64, fill func(v []T), changes bool) *array[T] {
	var zero T
	size := min(n, much) * int64(unsafe.Sizeof(zero))
	a := &array[T]{buffer: buffer{name: name, size: size}}
	i := item{name: name, device: size, host: size, binding: size}
	i.make = func() error {
		a.values = make([]T, n)
		fill(a.values)
		if err := b.fill(&a.buffer, asBytes(a.values)); err != nil || !changes {
			return err
		}
		first := buffer{name: name + ", first contents", size: size}
		b.restores = append(b.restores, [2]*vk.Buffer{a.Buffer, nil})
		b.written = append(b.written, &a.buffer)
		err := b.fill(&first, asBytes(a.values))
		b.restores[len(b.restores)-1][1] = first.Buffer
		return err
	}
	if changes {
		i.device *= 2
	}
	b.items = append(b.items, i)
	return a
}

// output plans a buffer of 32-bit values that the kernel writes.
func (b *bench) output(name string, n int64) *buffer {
	o := &buffer{name: name, size: 4 * min(n, much)}
	b.items = append(b.items, item{name: name, device: o.size, host: o.size, binding: o.size, make: func() error {
		const nan = "\xad\xde\xc0\x7f" // where the kernel writes nothing, the check finds it
		b.written = append(b.written, o)
		return b.fill(o, bytes.Repeat([]byte(nan), int(n)))
	}})
	return o
}

// fill makes the buffer on the device.
func (b *bench) fill(to *buffer, contents []byte) (err error) {
	if to.Buffer, err = b.newBuffer(to.name, to.size); err != nil {
		return err
	}
	return b.d.Write(to.All(), contents)
}

func (b *bench) newBuffer(name string, size int64) (*vk.Buffer, error) {
	buffer, err := b.d.NewBuffer(name, size, vk.DeviceLocal)
	if err == nil {
		b.made = append(b.made, buffer)
	}
	return buffer, err
}

// fits compares the plan with the device; reserve is what else is needed of its memory.
func (b *bench) fits(reserve int64) error {
	caps := b.d.Caps()
	limit := bindable(caps)
	total := reserve
	for _, i := range b.items {
		if i.binding > limit {
			return fmt.Errorf("%s takes %s, the device binds at most %s", i.name, sizeText(i.binding), sizeText(limit))
		}
		total += min(i.device, much)
		if caps.Type == vk.CPU { // the host's memory is the device's
			total += min(i.host, much)
		}
	}
	if free := freeMemory(b.d); total > free {
		return fmt.Errorf("%s are needed, %s are free on the device", sizeText(total), sizeText(free))
	}
	return nil
}

// bindable is the largest buffer that a kernel can see.
func bindable(c *vk.Caps) int64 {
	return min(c.Limits.MaxStorageBufferRange, c.Limits.MaxBufferSize, c.Limits.MaxMemoryAllocationSize)
}

// freeMemory is what is left of the largest device-local heap.
func freeMemory(d *vk.Device) (free int64) {
	for _, h := range d.Heaps() {
		if h.DeviceLocal {
			free = max(free, h.Budget-h.Usage)
		}
	}
	return free
}

func (b *bench) make() error {
	for _, i := range b.items {
		if err := i.make(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) free() {
	for _, buffer := range b.made {
		buffer.Free()
	}
	b.made = nil
}

// hash is that of everything the kernel wrote.
func (b *bench) hash(seed maphash.Seed) (uint64, error) {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, w := range b.written {
		p := make([]byte, w.size)
		if err := b.d.Read(p, w.All()); err != nil {
			return 0, err
		}
		h.Write(p)
	}
	return h.Sum64(), nil
}

// checker compares outputs with the reference; the first error stays.
type checker struct {
	d       *vk.Device
	checked int64
	err     error
}

// errWrong: the kernel does not compute what the reference does.
var errWrong = errors.New("the kernel's output is wrong")

// floats and words read a buffer.
func (k *checker) floats(b *buffer) []float32 { return readBack[float32](k, b) }
func (k *checker) words(b *buffer) []uint32   { return readBack[uint32](k, b) }

func readBack[T any](k *checker, b *buffer) []T {
	v := make([]T, b.size/4)
	if err := k.d.Read(asBytes(v), b.All()); k.err == nil {
		k.err = err
	}
	return v
}

// expect compares values; at says where the i-th one is.
func (k *checker) expect(want reference.Expected, got []float32, at func(i int) string) {
	k.checked += int64(len(got))
	if m := want.Check(got); m != nil {
		k.wrong("%s = %v", at(m.Index), m)
	}
}

// equal compares words.
func (k *checker) equal(got, want uint32, format string, args ...any) {
	k.checked++
	if got != want {
		k.wrong("%s = %d, the reference has %d", fmt.Sprintf(format, args...), got, want)
	}
}

func (k *checker) wrong(format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf("%w: %s", errWrong, fmt.Sprintf(format, args...))
	}
}

// budget is about how many multiply-adds of the reference a check may take.
const budget = 1 << 24

// sample picks about as many of n things as the budget allows, each costing cost, in order:
// all, or some from everywhere with the first and the last one.
func (b *bench) sample(n int, cost int64) []int {
	k := int(min(int64(n), max(2, budget/max(1, cost))))
	picked := make([]int, k)
	for i := range picked {
		from, to := int(int64(i)*int64(n)/int64(k)), int(int64(i+1)*int64(n)/int64(k))
		switch i {
		case 0:
			picked[i] = 0
		case k - 1:
			picked[i] = n - 1
		default:
			picked[i] = from + b.rng.IntN(to-from)
		}
	}
	return picked
}

// normal fills v with normally distributed numbers.
func (b *bench) normal(scale float64) func(v []float32) {
	return func(v []float32) {
		for i := range v {
			v[i] = float32(b.rng.NormFloat64() * scale)
		}
	}
}

func asBytes[T any](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

func sizeText(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n < math.MaxInt32<<10:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return "more than 2 TiB"
}
