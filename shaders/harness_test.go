package shaders

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/vk/vktest"
)

var device *vk.Device

// sets are the kernels of each configuration, built once: pipelines take time.
var (
	sets      = map[string]*Kernels{}
	setsMutex sync.Mutex
)

func TestMain(m *testing.M) {
	os.Exit(vktest.Main(m, &device, func() {
		for _, s := range sets {
			s.Free()
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

// queue is held by whoever uses the device's queue. Subtests run side by side, and build kernels and
// compute references so, but the validation layers of Debian 12 (1.3.239) crash where one
// thread frees commands while another waits for the timeline.
var queue sync.Mutex

// bench runs kernels over guarded buffers: what their cases (shaders/cases) don't run.
type bench struct {
	t       *testing.T
	set     *Kernels
	buffers *guarded.Buffers
}

// newBench has the kernels of a KV cache and a tuning.
func newBench(t *testing.T, kv KVType, tuning Tuning) *bench {
	t.Helper()
	set, err := setOf(kv, tuning)
	if err != nil {
		t.Fatal(err)
	}
	return benchOf(t, set)
}

func benchOf(t *testing.T, set *Kernels) *bench {
	b := &bench{t, set, guarded.New(device)}
	t.Cleanup(b.free)
	return b
}

// setOf is the set of a KV cache and a tuning, from several goroutines.
func setOf(kv KVType, tuning Tuning) (*Kernels, error) {
	setsMutex.Lock()
	defer setsMutex.Unlock()
	key := fmt.Sprint(kv, tuning)
	if sets[key] == nil {
		s, err := New(device, Config{KV: kv, Tuning: tuning})
		if err != nil {
			return nil, err
		}
		sets[key] = s
	}
	return sets[key], nil
}

// free gives the buffers back.
func (b *bench) free() {
	queue.Lock()
	defer queue.Unlock()
	b.buffers.Free()
}

// in makes a buffer that the kernel must leave as it is; out one that it writes,
// poisoned with NaN; inout both.
func in[T any](b *bench, name string, v []T) vk.Range {
	queue.Lock()
	defer queue.Unlock()
	return b.made(b.buffers.Input(name, guarded.Bytes(v)))
}

func inout[T any](b *bench, name string, v []T) vk.Range {
	queue.Lock()
	defer queue.Unlock()
	contents := guarded.Bytes(v)
	return b.made(b.buffers.Output(name, int64(len(contents)), contents))
}

func (b *bench) out(name string, words int) vk.Range { return b.outBytes(name, 4*int64(words)) }

func (b *bench) outBytes(name string, size int64) vk.Range {
	queue.Lock()
	defer queue.Unlock()
	return b.made(b.buffers.Output(name, size, nil))
}

// half is room for x of m's product in prefill where that reads f16, else none.
func (b *bench) half(tokens int, m *Matrix) vk.Range {
	o := b.set.PrefillOperand(vk.Range{}, tokens, m)
	if !o.Half {
		return vk.Range{}
	}
	return b.outBytes("half", o.Bytes())
}

func (b *bench) made(g *guarded.Buffer, err error) vk.Range {
	if err != nil {
		b.t.Fatal(err)
	}
	return g.Range
}

// run records, which builds kernels, submits and waits; then it checks guards and inputs. Buffers
// are made before.
func (b *bench) run(record func(c *vk.Commands)) {
	b.t.Helper()
	c, err := device.NewCommands(b.t.Name())
	if err != nil {
		b.t.Fatal(err)
	}
	record(c)
	err = c.End()
	queue.Lock()
	defer queue.Unlock()
	defer c.Free()
	if err == nil {
		var ticket vk.Ticket
		if ticket, err = device.Submit(c); err == nil {
			err = device.Wait(ticket, 5*time.Minute) // a CPU compiles when it first runs a kernel
		}
	}
	if err == nil {
		err = b.buffers.Check()
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) uints(r vk.Range) []uint32 {
	b.t.Helper()
	queue.Lock()
	defer queue.Unlock()
	words := make([]uint32, r.Size/4)
	if err := device.Read(guarded.Bytes(words), r); err != nil {
		b.t.Fatal(err)
	}
	return words
}

func (b *bench) floats(r vk.Range) []float32 { return guarded.Floats(b.uints(r)) }

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
