package engine

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

func openNano(t *testing.T) *weights.Model {
	t.Helper()
	file, err := weights.Open(nano)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// capsWith are limits of a device with the given bytes free.
func capsWith(free, bindable int64) *vk.Caps {
	caps := *device.Caps()
	caps.Type = vk.CPU // a GPU's prefill takes larger buffers
	caps.Memory.Heaps = []vk.Heap{{Size: free, Budget: free, DeviceLocal: true}}
	caps.Limits.MaxStorageBufferRange = bindable
	return &caps
}

// misfit wants a DoesNotFitError.
func misfit(t *testing.T, err error) *DoesNotFitError {
	t.Helper()
	var e *DoesNotFitError
	if !errors.As(err, &e) || !errors.Is(err, ErrDoesNotFit) || strings.Contains(err.Error(), "--") {
		t.Fatalf("%v, want a DoesNotFitError that names no flag", err)
	}
	return e
}

func TestPlan(t *testing.T) {
	file := openNano(t)
	roomy, err := makePlan(capsWith(1<<30, 128<<20), file, Options{})
	if err != nil || roomy.context != file.Config.Context {
		t.Fatalf("with 1 GiB free: %+v, %v", roomy, err)
	}
	for _, asked := range []int{0, ContextAuto} {
		caps := capsWith(roomy.withSlack()-roomy.kv/3, 128<<20)
		tight, err := makePlan(caps, file, Options{Context: asked})
		if err != nil || tight.context >= roomy.context || tight.context%shaders.PageTokens != 0 {
			t.Fatalf("an automatic context must shrink: %+v, %v", tight, err)
		}
		if more := planFor(caps, file, Options{}, tight.context+shaders.PageTokens); more.misfit(caps, file, Options{}) == "" {
			t.Errorf("%d positions were chosen, %d fit", tight.context, more.context)
		}
		_, err = makePlan(caps, file, Options{Context: roomy.context})
		if e := misfit(t, err); e.Largest != tight.context {
			t.Errorf("%v: %+v, want %d positions", err, e, tight.context)
		}
	}
	_, err = makePlan(capsWith(6<<20, 128<<20), file, Options{})
	if e := misfit(t, err); !strings.HasSuffix(err.Error(), "available 6.00 MiB") || e.Largest != 0 || e.Least != 256 || e.Weights <= 0 || e.Weights >= 6<<20 {
		t.Errorf("with 6 MiB free: %v, %+v", err, e)
	}
	_, err = makePlan(capsWith(1<<20, 128<<20), file, Options{})
	if e := misfit(t, err); !strings.HasSuffix(err.Error(), "available 1.00 MiB") || e.Largest != 0 || e.Weights != 0 {
		t.Errorf("with 1 MiB free: %v, %+v", err, e)
	}
	_, err = makePlan(capsWith(1<<40, 128<<20), file, Options{Context: 1 << 22})
	if e := misfit(t, err); !strings.HasSuffix(err.Error(), "the device binds 128.00 MiB") || e.Largest != 262144 {
		t.Errorf("a cache that cannot be bound: %v, %+v", err, e)
	}
	if p, err := makePlan(capsWith(1<<30, 128<<10), file, Options{}); err != nil || p.context != 256 {
		t.Errorf("128 KiB bindable: %+v, %v", p, err)
	}
	if p, err := makePlan(capsWith(1<<30, 128<<20), file, Options{Context: 5000}); err != nil || p.context != 5000 {
		t.Errorf("a context beyond the model's that fits: %+v, %v", p, err)
	}
	if _, err := makePlan(capsWith(1<<30, 128<<20), file, Options{Context: -2}); err == nil {
		t.Error("a context of -2 positions")
	}
	file.Config.Context = 1 << 15
	for asked, want := range map[int]int{0: 8192, ContextAuto: 1 << 15} {
		if p, err := makePlan(capsWith(1<<40, 128<<20), file, Options{Context: asked}); err != nil || p.context != want {
			t.Errorf("a model of 32768 positions: %+v, %v, want %d", p, err, want)
		}
	}
	gpu := capsWith(1<<40, 128<<20)
	gpu.Type = vk.Discrete
	for _, c := range []struct {
		caps                 *vk.Caps
		context, asked, want int
	}{{capsWith(1<<40, 128<<20), 1024, 0, 256}, {gpu, 2048, 0, 1024}, {gpu, 100, 0, 100}, {gpu, 2048, 40, 40}} {
		if p := planFor(c.caps, file, Options{Chunk: c.asked}, c.context); p.chunk != c.want {
			t.Errorf("%v, a context of %d: chunks of %d, want %d", c.caps.Type, c.context, p.chunk, c.want)
		}
	}
}

// Of a chunk that was not asked for less is taken where it would cost the weights' and the cache's room, or
// too much; the context shrinks only behind that.
func TestChunkShrinksForMemory(t *testing.T) {
	file := openNano(t)
	gpu := func(free int64) *vk.Caps {
		caps := capsWith(free, 1<<40)
		caps.Type = vk.Discrete
		return caps
	}
	whole := planFor(gpu(1<<40), file, Options{}, 2048)
	half := planFor(gpu(whole.withSlack()-1), file, Options{}, 2048)
	if whole.chunk != 1024 || half.chunk != 512 || half.activations > whole.activations*2/3 {
		t.Errorf("chunks of %d and %d, %d and %d bytes", whole.chunk, half.chunk, whole.activations, half.activations)
	}
	if least := planFor(gpu(1), file, Options{}, 2048); least.chunk != leastChunk {
		t.Errorf("without memory a chunk of %d, want %d", least.chunk, leastChunk)
	}
	if p := planFor(gpu(1), file, Options{Chunk: 1000}, 2048); p.chunk != 1000 {
		t.Errorf("asked for 1000: %d", p.chunk)
	}
	file.Config.FFNDim = 1 << 18
	p := planFor(gpu(1<<40), file, Options{}, 2048)
	if _, all := bytesOfRooms(new(activations).table(file.Config, p)); p.chunk < leastChunk || p.chunk >= 1024 || all > maxActivations && p.chunk > leastChunk {
		t.Errorf("wide layers: chunks of %d, %d bytes", p.chunk, all)
	}
}

// The allocator gets a fiftieth more than what is asked for.
func TestSlack(t *testing.T) {
	if got := (&plan{weights: 50e6, kv: 30e6, activations: 20e6}).withSlack(); got != 102e6 {
		t.Errorf("%d bytes for 100 MB, want 102 MB", got)
	}
}

// Sequences share a pool: each costs its tables alone. Those that no step has rows for are none.
func TestFitSequences(t *testing.T) {
	file := openNano(t)
	roomy, o := capsWith(1<<40, 128<<20), Options{Sequences: 3}
	one, err := makePlan(roomy, file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Pages = one.pages
	three := planFor(roomy, file, o, one.context)
	for _, c := range []struct {
		free, bindable int64
		asked, want    int
	}{
		{1 << 40, 128 << 20, 16, 16},
		{1 << 40, 128 << 20, 64, shaders.DecodeRows},
		{three.withSlack(), 128 << 20, 16, 3},
		{1 << 40, one.kv / int64(2*file.Config.Layers), 16, 16}, // one context in a layer's cache
		{1 << 20, 128 << 20, 16, 1},                             // not even one
	} {
		if got := FitSequences(capsWith(c.free, c.bindable), file, Options{Sequences: c.asked}); got != c.want {
			t.Errorf("%d bytes free, %d bindable, %d asked for: %d sequences, want %d", c.free, c.bindable, c.asked, got, c.want)
		}
	}
}

// The pool is what was asked for; else all contexts, or as many pages as fit, down to one context.
func TestPool(t *testing.T) {
	file := openNano(t)
	roomy := capsWith(1<<40, 128<<20)
	plan := func(caps *vk.Caps, o Options) *plan {
		t.Helper()
		p, err := makePlan(caps, file, o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	all := plan(roomy, Options{Sequences: 4, Context: 1000})
	if all.pages != 4*32 || all.context != 1000 {
		t.Errorf("four contexts of 1000: %d pages, %d positions", all.pages, all.context)
	}
	if p := plan(roomy, Options{Sequences: 4, Context: 1000, Pages: 50}); p.pages != 50 || p.context != 1000 || 128*p.kv != 50*all.kv {
		t.Errorf("50 pages: %d, a context of %d, %d bytes", p.pages, p.context, p.kv)
	}
	if p := plan(roomy, Options{Sequences: 4, Context: 1000, Pages: 3}); p.pages != 3 || p.context != 3*shaders.PageTokens {
		t.Errorf("3 pages: %d, a context of %d", p.pages, p.context)
	}
	tight := capsWith(all.withSlack()-all.kv/2, 128<<20)
	p := plan(tight, Options{Sequences: 4, Context: 1000})
	if p.pages <= 32 || p.pages >= 70 || p.withSlack() > freeMemory(tight) || p.withSlack()+int64(slack*float64(p.kv)/float64(p.pages))+1 < freeMemory(tight) {
		t.Errorf("half of the pool fits: %d pages, %d bytes of %d", p.pages, p.withSlack(), freeMemory(tight))
	}
	if p := plan(capsWith(1<<40, all.kv/int64(2*file.Config.Layers)*40/128), Options{Sequences: 4, Context: 1000}); p.pages != 40 {
		t.Errorf("40 pages can be bound: %d", p.pages)
	}
	_, err := makePlan(tight, file, Options{Sequences: 4, Context: 1000, Pages: 4 * 32})
	misfit(t, err)
	for _, pages := range []int{-1, math.MaxInt32 + 1, math.MaxInt / 64, math.MaxInt} {
		if _, err := makePlan(roomy, file, Options{Pages: pages}); err == nil || !strings.Contains(err.Error(), "are possible") {
			t.Errorf("a pool of %d pages: %v", pages, err)
		}
	}
}

func TestPaceKeepsSubmissionsShort(t *testing.T) {
	p := pace{rows: 64, least: 8, layers: 1}
	for _, c := range []struct {
		perLayer     time.Duration
		rows, layers int // wanted afterwards
	}{
		{3 * submission, 16, 1},
		{3 * submission, 8, 1}, // not below least
		{3 * submission, 8, 1},
		{submission / 100, 200, 4}, // at once, but not above the largest chunk; of a larger one fewer layers fit
		{submission / 2, 200, 2},
		{submission / 3, 200, 2}, // layers stay within a factor of two
		{submission / 5, 200, 5},
		{submission * 11 / 60, 200, 5}, // a little too long is no reason to record everything anew
		{submission / 28, 200, 28},
	} {
		p = p.adapted(c.perLayer, p.rows, 28, 200)
		if p.rows != c.rows || p.layers != c.layers || !p.settled {
			t.Errorf("after %v a layer: %+v, want %d rows and %d layers", c.perLayer, p, c.rows, c.layers)
		}
	}
	for _, c := range []struct {
		perLayer     time.Duration
		tokens       int
		rows, layers int // after 20 and 6
	}{
		{submission / 50, 1, 20, 6},    // a whole chunk may take 20 times as long
		{submission / 100, 1, 40, 2},   // even so there may be more tokens
		{submission / 2000, 1, 40, 28}, // and all layers
		{submission / 2, 1, 20, 2},     // when even those of few tokens do not
		{2 * submission, 10, 20, 1},    // a ragged last chunk is no reason for smaller ones
		{submission / 4, 20, 20, 4},
		{submission / 5, 20, 40, 2},
	} {
		first := pace{rows: 20, least: 8, layers: 6}
		if got := first.adapted(c.perLayer, c.tokens, 28, 40); got.rows != c.rows || got.layers != c.layers {
			t.Errorf("after %d tokens at %v a layer: %+v, want %d rows and %d layers", c.tokens, c.perLayer, got, c.rows, c.layers)
		}
	}
}

// Splits grow where their results would take too much, or more than the device binds.
func TestDecodeSplits(t *testing.T) {
	file := openNano(t)
	for _, c := range []struct {
		context  int
		bindable int64
		want     shaders.Splits
	}{
		{100, 128 << 20, shaders.Splits{Positions: 128, Max: 1}},
		{8192, 128 << 20, shaders.Splits{Positions: 128, Max: 64}},
		{8192, 128 << 10, shaders.Splits{Positions: 4096, Max: 2}}, // 4 × 32 rows × 4 heads × 68 f32 are 136 KiB
		{1 << 20, 128 << 20, shaders.Splits{Positions: 512, Max: 2048}},
	} {
		p := planFor(capsWith(1<<40, c.bindable), file, Options{}, c.context)
		if got := p.decodeSplits; got != c.want {
			t.Errorf("%d positions, %d bytes bindable: %+v, want %+v", c.context, c.bindable, got, c.want)
		}
	}
	gpu := capsWith(1<<40, 128<<20)
	gpu.Type = vk.Discrete // 64 splits of 4 heads fill it
	for context, want := range map[int]shaders.Splits{100: {Positions: 128, Max: 1}, 1 << 20: {Positions: 128, Max: 64}} {
		if got := planFor(gpu, file, Options{}, context).decodeSplits; got != want {
			t.Errorf("a GPU, %d positions: %+v, want %+v", context, got, want)
		}
	}
}

func TestBytesPerToken(t *testing.T) {
	checkBytesPerToken(t, load(t, nano, Options{Context: 32}), openNano(t))
}

// The table of activations is what the plan counts and what is allocated, all of it once.
func TestActivations(t *testing.T) {
	m := load(t, nano, Options{Context: 64, Sequences: 3})
	seen, rooms := map[string]bool{}, map[room]*vk.Buffer{}
	table := m.act.table(m.cfg, m.plan)
	_, sum := bytesOfRooms(table)
	for _, a := range table {
		if seen[a.name] || a.to.Buffer == nil || a.to.Size != a.bytes {
			t.Errorf("%s: %+v", a.name, a)
		}
		seen[a.name] = true
		if a.room != ownRoom {
			if first := rooms[a.room]; a.lives != ofLayer && a.lives != ofEnd || first != nil && first != a.to.Buffer {
				t.Errorf("%s does not share its room: %+v", a.name, a)
			}
			rooms[a.room] = a.to.Buffer
		}
	}
	if more := m.plan.activations - sum; more != int64(m.context)*int64(m.cfg.HeadDim)*4+int64(m.plan.sequences*m.context)*4+int64(m.plan.sequences)*shaders.MaskBytes(m.cfg.Vocab) {
		t.Errorf("the table has %d bytes, the plan %d", sum, m.plan.activations) // angles, history and masks are no activations
	}
	var walk func(v reflect.Value, name string)
	walk = func(v reflect.Value, name string) {
		if v.Type() == reflect.TypeFor[vk.Range]() {
			if v.FieldByName("Size").Int() == 0 && !strings.HasSuffix(name, ".Half") { // activations.half, in turn
				t.Errorf("%s is not in the table", name)
			}
			return
		}
		for i := range v.NumField() {
			walk(v.Field(i), name+"."+v.Type().Field(i).Name)
		}
	}
	walk(reflect.ValueOf(m.act), "activations")
}
