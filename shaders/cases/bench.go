package cases

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/vk"
	"sealvk/weights/format"
)

// kernel is what stands in NAME.go.
type kernel struct {
	plan   func(b *Bench)      // makes inputs, recording and check
	check  func(c *Case) error // of the shape, beyond its bounds; nil: there is nothing else
	splits bool                // Variant.Split matters
	grows  bool                // and is doubled for long sequences

	ragged    [][]int       // sizes of the shapes under test, where they depend on each other; 0 and what is missing is drawn
	types     []format.Type // of its test; nil: one of each family, since what is behind the product doesn't know the type
	quantizes bool          // it writes integers where products read them, and has no knob for it
	byHand    []example
}

// example is a case whose grid and work were worked out by hand.
type example struct {
	shape    []int
	pipeline string // its variant
	lanes    int
	grid     [3]int
	work     shaders.Work
}

var kernels = map[string]*kernel{}

func register(name string, k kernel) bool {
	kernels[name] = &k
	return true
}

// Bench is what one case works on. Nothing is computed or allocated before Make.
type Bench struct {
	*Case
	Outputs int64           // values that the kernel writes
	Lengths shaders.Lengths // of attention's rows, after Make

	d        *vk.Device
	rng      *rand.Rand
	salt     uint64 // of what was filled token by token
	buffers  *guarded.Buffers
	items    []item
	restores [][2]vk.Range // what the kernel changes, and its first contents
	written  []*buffer
	sampled  bool // some outputs are not checked

	record func(s *shaders.Kernels, c *vk.Commands, label string)
	check  func(k *checker)
}

// item is something to make on the device.
type item struct {
	name         string
	device, host int64 // bytes
	binding      int64 // of those, what a kernel must see at once
	make         func() error
}

// Plan checks a case and says what it takes.
func Plan(d *vk.Device, c *Case) (*Bench, error) {
	if err := c.Check(d.Caps()); err != nil {
		return nil, err
	}
	b := &Bench{Case: c, d: d, rng: rand.New(rand.NewPCG(1+c.Odd, 2)), buffers: guarded.New(d)}
	kernels[c.Kernel].plan(b)
	return b, nil
}

// Fits compares the plan with the device; reserve is what else is needed of its memory.
func (b *Bench) Fits(reserve int64) error {
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
	if free := FreeMemory(b.d); total > free {
		return fmt.Errorf("%s are needed, %s are free on the device", sizeText(total), sizeText(free))
	}
	return nil
}

// bindable is the largest buffer that a kernel can see.
func bindable(c *vk.Caps) int64 {
	return min(c.Limits.MaxStorageBufferRange, min(c.Limits.MaxBufferSize, c.Limits.MaxMemoryAllocationSize)-2*guarded.Guard)
}

// FreeMemory is what is left of the largest device-local heap.
func FreeMemory(d *vk.Device) (free int64) {
	for _, h := range d.Heaps() {
		if h.DeviceLocal {
			free = max(free, h.Budget-h.Usage)
		}
	}
	return free
}

// Make makes the buffers.
func (b *Bench) Make() error {
	for _, i := range b.items {
		if err := i.make(); err != nil {
			return err
		}
	}
	return nil
}

// Restore records what gives back what the kernel changes, in front of every run.
func (b *Bench) Restore(c *vk.Commands) {
	for _, r := range b.restores {
		c.Copy(r[0], r[1])
	}
}

// Record records the kernel.
func (b *Bench) Record(s *shaders.Kernels, c *vk.Commands) { b.record(s, c, b.Kernel) }

// Hash is that of everything the kernel wrote.
func (b *Bench) Hash(seed maphash.Seed) (uint64, error) {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, w := range b.written {
		words, err := w.Words()
		if err != nil {
			return 0, err
		}
		h.Write(guarded.Bytes(words))
	}
	return h.Sum64(), nil
}

// Free gives the buffers back. The device must not be using them.
func (b *Bench) Free() { b.buffers.Free() }

// odd is below n; 0 for inputs as the model has them.
func (b *Bench) odd(n int) int {
	if b.Odd == 0 {
		return 0
	}
	return b.rng.IntN(n)
}

// choose is the first of some things, of odd cases any.
func choose[T any](b *Bench, list ...T) T { return list[b.odd(len(list))] }

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

// buffer is a buffer of the kernel, of 32-bit words.
type buffer struct {
	*guarded.Buffer
	name  string
	dims  []int
	first []byte // first contents; nil: poison
}

// offset is where the element at the first of the indices begins.
func (o *buffer) offset(at ...int) (n int) {
	for i, d := range o.dims {
		if n *= d; i < len(at) {
			n += at[i]
		}
	}
	return n
}

// place is the name of the i-th element.
func (o *buffer) place(i int) (text string) {
	for d := len(o.dims) - 1; d > 0; d-- {
		text, i = fmt.Sprintf("[%d]%s", i%o.dims[d], text), i/o.dims[d]
	}
	return fmt.Sprintf("%s[%d]%s", o.name, i, text)
}

// add plans a buffer of elements of so many bytes, which make makes.
func (b *Bench) add(o *buffer, element int64, make func(size int64) (*guarded.Buffer, error)) {
	size := element * min(product(o.dims...), much/64)
	b.items = append(b.items, item{o.name, size, 2 * size, size, func() (err error) {
		o.Buffer, err = make(size)
		return err
	}})
}

// array is a buffer whose first contents the host knows.
type array[T any] struct {
	buffer
	values []T
}

// input plans a buffer that the kernel reads, of elements T; changed one that it also writes, and
// that gets its first contents back before every run. fill is called with as many values as dims
// say.
func input[T any](b *Bench, name string, fill func(v []T), dims ...int) *array[T] {
	a := &array[T]{buffer: buffer{name: name, dims: dims}}
	var element T
	b.add(&a.buffer, int64(unsafe.Sizeof(element)), func(int64) (*guarded.Buffer, error) {
		a.values = make([]T, product(dims...))
		fill(a.values)
		a.first = guarded.Bytes(a.values)
		return b.buffers.Input(name, a.first)
	})
	return a
}

func changed[T any](b *Bench, name string, fill func(v []T), dims ...int) *array[T] {
	first := input(b, name, fill, dims...)
	a := &array[T]{buffer: buffer{name: name, dims: dims}}
	b.add(&a.buffer, 4, func(int64) (*guarded.Buffer, error) {
		a.first, a.values = first.first, first.values
		o, err := b.buffers.Output(name, first.Size, a.first)
		if err == nil {
			b.restores = append(b.restores, [2]vk.Range{o.Range, first.Range})
		}
		return o, err
	})
	b.written = append(b.written, &a.buffer)
	return a
}

// output plans a buffer of 32-bit values that the kernel writes; scratch one whose contents are its
// own.
func (b *Bench) output(name string, dims ...int) *buffer {
	b.written = append(b.written, b.scratch(name, dims...))
	return b.written[len(b.written)-1]
}

func (b *Bench) scratch(name string, dims ...int) *buffer {
	o := &buffer{name: name, dims: dims}
	b.add(o, 4, func(size int64) (*guarded.Buffer, error) { return b.buffers.Output(name, size, nil) })
	return o
}

// budget is about how many multiply-adds of the reference a check may take.
const budget = 1 << 24

// sample picks about as many of n things as the budget allows, each costing cost, in order:
// all, or some from everywhere with the first and the last one.
func (b *Bench) sample(n int, cost int64) []int {
	k := int(min(int64(n), max(2, budget/max(1, cost))))
	b.sampled = b.sampled || k < n
	picked := make([]int, k)
	for i := range picked {
		switch from, to := int(int64(i)*int64(n)/int64(k)), int(int64(i+1)*int64(n)/int64(k)); {
		case i == 0 || k == n:
			picked[i] = i
		case i == k-1:
			picked[i] = n - 1
		default:
			picked[i] = from + b.rng.IntN(to-from)
		}
	}
	return picked
}

// normal fills v with normally distributed numbers.
func (b *Bench) normal(scale float64) func(v []float32) {
	return func(v []float32) {
		for i := range v {
			v[i] = float32(b.rng.NormFloat64() * scale)
		}
	}
}

// perToken fills each token's n values with normally distributed numbers, the same in every step
// that it is in.
func (b *Bench) perToken(n int, scale float64) func(v []float32) {
	b.salt++
	salt := b.salt << 32
	return func(v []float32) {
		defer func(rng *rand.Rand) { b.rng = rng }(b.rng)
		for t := range len(v) / n {
			b.rng = rand.New(rand.NewPCG(1+b.Odd, salt+uint64(b.from+t)))
			b.normal(scale)(v[t*n:][:n])
		}
	}
}

func tiles(rows int) int { return ceilDiv(rows, shaders.TileRows) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

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
