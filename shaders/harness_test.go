package shaders

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/vk/vktest"
)

var device *vk.Device

// sets are the kernels of each configuration, built once: pipelines take time.
var (
	sets      = map[string]func() (*Set, error){}
	setsMutex sync.Mutex
)

func TestMain(m *testing.M) {
	os.Exit(vktest.Main(m, &device, func() {
		for _, build := range sets {
			if s, err := build(); err == nil {
				s.Free()
			}
		}
	}))
}

// tunings are the workgroup sizes under test: that of the device at hand, the
// smallest, and those of GPUs, which CPU devices run as well.
func tunings() map[string]Tuning {
	product := DefaultTuning(device.Caps()).Product
	return map[string]Tuning{
		"default": DefaultTuning(device.Caps()),
		"lanes4":  {Lanes: 4, WideLanes: 4, SampleLanes: 4, Product: product, Attention: AttentionTuning{Lanes: 4, Positions: 2, Blocks: 3, Tokens: 8, Tile: 32, PrefillLanes: 4, PrefillRows: 3, PrefillTile: 32, Merge: true}},
		"lanes64": {Lanes: 64, WideLanes: 128, SampleLanes: 256, Product: product, Attention: AttentionTuning{Lanes: 64, Positions: 2, Blocks: 2, Tokens: 4, Tile: 128, PrefillLanes: 64, PrefillRows: 4, PrefillTile: 64}},
	}
}

// productTunings are those of the products: the device's own, few lanes with many rows
// each, what a GPU would get, and more lanes over rows with one of two halves of the
// columns each, in every way to load.
func productTunings() map[string]Tuning {
	caps := *device.Caps()
	list := map[string]ProductTuning{
		"default": defaultProduct(&caps),
		"lanes4":  {Lanes: 4, RowLanes: 4, Groups: 16, Outputs: 32, Span: 4, Tokens: 2, Quads: caps.Subgroup.Has("quad")},
		"lanes64": {Lanes: 128, RowLanes: 64, Groups: 2, Outputs: 16, Span: 1, Tokens: 16, InPlace: true},
	}
	if caps.Type == vk.CPU { // else it is the device's own
		list["GPU"] = gpuProduct()
	}
	if caps.Features.IntegerDotProduct {
		integers := gpuProduct()
		integers.IntDot = true
		list["integers"] = integers
	}
	all := map[string]Tuning{}
	for name, p := range list {
		all[name] = DefaultTuning(device.Caps())
		t := all[name]
		t.Product, t.Prefill = p, Prefill{}
		all[name] = t
	}
	return all
}

// gpuProduct is what a GPU with the device's limits would get.
func gpuProduct() ProductTuning {
	caps := *device.Caps()
	caps.Type = vk.Discrete
	return defaultProduct(&caps)
}

// queue is held by whoever uses the device's queue. Subtests run side by side, and build kernels and
// compute references so, but the validation layers of Debian 12 (1.3.239) crash where one
// thread frees commands while another waits for the timeline.
var queue sync.Mutex

// bench runs kernels over guarded buffers.
type bench struct {
	t       *testing.T
	set     *Set
	buffers []*guarded
}

// guarded is a buffer with guard bytes on both sides and its contents at the start.
type guarded struct {
	name   string
	buffer *vk.Buffer
	size   int64
	before []byte
	output bool
}

// guard is a multiple of every minStorageBufferOffsetAlignment that the spec allows.
const guard = 256

var poison = []byte{0xad, 0xde, 0xc0, 0x7f} // a NaN

// newBench has all kernels of a KV cache and a tuning, those with weights for the given
// types at once, on all cores, and for others when they are recorded. GPUs' compilers are slow:
// there the batches' are built with them.
func newBench(t *testing.T, types map[string][]Type, kv KVType, tuning Tuning) *bench {
	t.Helper()
	set, err := setOf(kv, tuning)
	if err != nil {
		t.Fatal(err)
	}
	var programs []*Program
	for name, list := range types {
		k := FindKernel(name)
		for _, typ := range list {
			if k.form == nil {
				programs = append(programs, set.Variants(k, typ)...)
				continue
			}
			for _, w := range []Matrix{{Rows: manyInvocations}, {Rows: 64, Cols: slices.Max(colsFor(typ))}} {
				for group := 1; group <= tuning.Product.Tokens; group *= 2 {
					if group == 1 || group == tuning.Product.Tokens || device.Caps().Type != vk.CPU {
						programs = append(programs, set.productProgram(k, k.form, typ, w.Rows, w.Cols, group, false))
					}
				}
				if name == "matmul" { // what is no Normed, too
					programs = append(programs, set.productProgram(k, matmulPlain, typ, w.Rows, w.Cols, tuning.Product.Tokens, false))
				}
			}
		}
	}
	if err := set.Build(t.Context(), programs, nil); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, set: set}
	t.Cleanup(b.free)
	return b
}

// setOf is the set of a KV cache and a tuning, from several goroutines.
func setOf(kv KVType, tuning Tuning) (*Set, error) {
	key := fmt.Sprint(kv, tuning)
	setsMutex.Lock()
	build := sets[key]
	if build == nil {
		build = sync.OnceValues(func() (*Set, error) {
			return New(device, Config{KV: kv, Tuning: tuning})
		})
		sets[key] = build
	}
	setsMutex.Unlock()
	return build()
}

// prepare builds what has to do with the cache for several tests at once: one alone does not fill
// all cores.
func prepare(t *testing.T, kvs []KVType, tunings map[string]Tuning) {
	t.Helper()
	var work errgroup.Group
	for _, tuning := range tunings {
		for _, kv := range kvs {
			work.Go(func() error {
				set, err := setOf(kv, tuning)
				if err != nil {
					return err
				}
				var programs []*Program
				for _, k := range Kernels() {
					if k.Cache && !k.Weights {
						programs = append(programs, set.Variants(k, NoType)...)
					}
				}
				return set.Build(t.Context(), programs, nil)
			})
		}
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
}

// free gives the buffers back.
func (b *bench) free() {
	queue.Lock()
	defer queue.Unlock()
	for _, g := range b.buffers {
		g.buffer.Free()
	}
	b.buffers = nil
}

func (b *bench) make(name string, size int, content []byte, output bool) vk.Range {
	b.t.Helper()
	buffer, err := device.NewBuffer(name, int64(size)+2*guard, vk.DeviceLocal)
	if err != nil {
		b.t.Fatal(err)
	}
	before := bytes.Repeat(poison, (size+2*guard+3)/4)[:size+2*guard]
	copy(before[guard:guard+size], content)
	queue.Lock()
	defer queue.Unlock()
	if err := device.Write(buffer.All(), before); err != nil {
		b.t.Fatal(err)
	}
	b.buffers = append(b.buffers, &guarded{name, buffer, int64(size), before, output})
	return buffer.Range(guard, int64(size))
}

// in makes a buffer that the kernel must leave as it is; out one that it writes,
// poisoned with NaN; inout both.
func in[T any](b *bench, name string, v []T) vk.Range {
	return b.make(name, len(v)*int(unsafe.Sizeof(v[0])), asBytes(v), false)
}

func inout[T any](b *bench, name string, v []T) vk.Range {
	return b.make(name, len(v)*int(unsafe.Sizeof(v[0])), asBytes(v), true)
}

func (b *bench) out(name string, words int) vk.Range { return b.make(name, 4*words, nil, true) }

func asBytes[T any](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

// run records, submits and waits; then it checks guards and inputs. Buffers are made before.
func (b *bench) run(record func(c *vk.Commands)) {
	b.t.Helper()
	queue.Lock()
	defer queue.Unlock()
	c, err := device.NewCommands(b.t.Name())
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Free()
	record(c)
	if err := c.End(); err != nil {
		b.t.Fatal(err)
	}
	ticket, err := device.Submit(c)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := device.Wait(ticket, time.Minute); err != nil {
		b.t.Fatal(err)
	}
	for _, g := range b.buffers {
		now := make([]byte, len(g.before))
		if err := device.Read(now, g.buffer.All()); err != nil {
			b.t.Fatal(err)
		}
		checked := [][2]int{{0, guard}, {len(now) - guard, len(now)}}
		if !g.output {
			checked = [][2]int{{0, len(now)}}
		}
		for _, r := range checked {
			if !bytes.Equal(now[r[0]:r[1]], g.before[r[0]:r[1]]) {
				b.t.Fatalf("%s: the kernel wrote where it must not", g.name)
			}
		}
	}
}

func (b *bench) bytes(r vk.Range) []byte {
	b.t.Helper()
	raw := make([]byte, r.Size)
	queue.Lock()
	defer queue.Unlock()
	if err := device.Read(raw, r); err != nil {
		b.t.Fatal(err)
	}
	return raw
}

func (b *bench) floats(r vk.Range) []float32 { return asFloats(b.bytes(r)) }

func asFloats(raw []byte) []float32 {
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

func (b *bench) uints(r vk.Range) []uint32 {
	raw := b.bytes(r)
	v := make([]uint32, len(raw)/4)
	for i := range v {
		v[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return v
}

// near fails unless every value is what the reference expects.
func near(t *testing.T, what string, got []float32, want reference.Expected) {
	t.Helper()
	if len(got) != len(want.Values) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want.Values))
	}
	if m := want.Check(got); m != nil {
		t.Fatalf("%s[%d] = %v", what, m.Index, m)
	}
}

// plain is what no norm is applied to.
func plain(x vk.Range) Normed { return Normed{Weighted: Activations{F32: x}} }

func normal(rng *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64() * scale)
	}
	return v
}

func random(t *testing.T) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, c := range t.Name() {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(h, 1))
}
