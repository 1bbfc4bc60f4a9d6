package cases

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/vk"
	"sealvk/vk/vktest"
	"sealvk/weights/format"
)

var device *vk.Device

// sets are the kernels of each tuning: pipelines take time.
var (
	sets      = map[string]*shaders.Kernels{}
	setsMutex sync.Mutex
)

func TestMain(m *testing.M) {
	os.Exit(vktest.Main(m, &device, func() {
		for _, s := range sets {
			s.Free()
		}
	}))
}

// setOf builds kernels when they are first recorded.
func setOf(t *testing.T, kv shaders.KVType, tuning shaders.Tuning) *shaders.Kernels {
	t.Helper()
	setsMutex.Lock()
	defer setsMutex.Unlock()
	key := fmt.Sprint(kv, tuning)
	if sets[key] == nil {
		s, err := shaders.New(device, shaders.Config{KV: kv, Tuning: tuning})
		if err != nil {
			t.Fatal(err)
		}
		sets[key] = s
	}
	return sets[key]
}

// queue is held by whoever uses the device's queue. Subtests run side by side, and build kernels
// so, but the validation layers of Debian 12 (1.3.239) crash where one thread frees commands while
// another waits for the timeline.
var queue sync.Mutex

// run runs a case twice, checks it and leaves its buffers.
func run(t *testing.T, c *Case) *Bench {
	t.Helper()
	b := runTimes(t, c, 2)
	queue.Lock()
	defer queue.Unlock()
	checked, err := b.Check()
	if err != nil {
		t.Fatalf("%+v: %v", *c, err)
	}
	if c.Odd == 0 && !b.sampled && checked != b.Outputs {
		t.Errorf("%+v: %d of %d values checked", *c, checked, b.Outputs)
	}
	return b
}

// runTimes runs a case so many times, each with the same result.
func runTimes(t *testing.T, c *Case, times int) *Bench {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%+v: %v", *c, err)
		}
	}
	b, err := Plan(device, c)
	must(err)
	set := setOf(t, c.KV, c.Variant.Tuning)
	queue.Lock()
	err = b.Make()
	queue.Unlock()
	before, err2 := device.NewCommands("before")
	kernel, err3 := device.NewCommands(c.Kernel)
	must(errors.Join(err, err2, err3))
	t.Cleanup(func() {
		queue.Lock()
		defer queue.Unlock()
		before.Free()
		kernel.Free()
		b.Free()
	})
	b.Restore(before)
	b.Record(set, kernel) // and builds it
	must(errors.Join(before.End(), kernel.End()))
	queue.Lock()
	defer queue.Unlock()
	seed, first := maphash.MakeSeed(), uint64(0)
	for i := range times {
		ticket, err := device.Submit(before, kernel)
		must(err)
		must(device.Wait(ticket, 5*time.Minute)) // a CPU compiles when it first runs a kernel
		hash, err := b.Hash(seed)
		must(err)
		if i > 0 && hash != first {
			t.Errorf("%+v: the next run gave other numbers", *c)
		}
		first = hash
	}
	return b
}

// tunings are workgroup sizes under test: those of the device, the smallest, those of GPUs, which
// CPU devices run as well, and with them integer dot products; each once where they make a difference.
func tunings(k *shaders.Kernel) map[string]shaders.Tuning {
	if k.Name == "attention_coopmat" {
		return attentionMatrices(k)
	}
	caps := *device.Caps()
	own, found, err := ownTuning(k)
	if err != nil {
		return nil
	}
	discrete := caps
	discrete.Type = vk.Discrete
	gpu, err := k.Tuning(&discrete)
	if err != nil { // a CPU emulates what it has none of
		gpu = own
	}
	gpu.Prefill = own.Prefill
	integers := gpu
	integers.Product.IntDot = true
	many := gpu // three lanes share a row, and two workgroups; loads of blocks ahead
	many.Product = shaders.ProductTuning{Lanes: 96, MaxLanes: 96, RowLanes: 32, Groups: 1, Outputs: 16, Span: 8, GridSplits: 3, Tokens: 1, Ahead: true}
	ahead := many
	ahead.Product.IntDot, ahead.Product.Span, ahead.Product.Groups, ahead.Product.Tokens = true, 4, 2, 2
	list := map[string]shaders.Tuning{
		"GPU": gpu, "integers": integers, "many cores": many, "integers ahead": ahead,
		"lanes4": {
			Lanes: 4, WideLanes: 4, SampleLanes: 4, Prefill: smallTiles(own.Prefill.CoopMat),
			Product:   shaders.ProductTuning{Lanes: 4, MaxLanes: 4, RowLanes: 4, Groups: 16, Outputs: 32, Span: 4, Tokens: 2, Quads: caps.Subgroup.Has("quad")},
			Attention: shaders.AttentionTuning{Lanes: 4, Positions: 2, Blocks: 3, Tokens: 8, Tile: 32, PrefillLanes: 4, PrefillRows: 3, PrefillTile: 32, Merge: true},
		},
		"lanes64": {
			Lanes: 64, WideLanes: 128, SampleLanes: 256, Prefill: own.Prefill,
			Product:   shaders.ProductTuning{Lanes: 128, MaxLanes: 128, RowLanes: 64, Groups: 2, Outputs: 16, Span: 1, Tokens: 16, InPlace: true},
			Attention: shaders.AttentionTuning{Lanes: 64, Positions: 2, Blocks: 2, Tokens: 4, Tile: 128, PrefillLanes: 64, PrefillRows: 4, PrefillTile: 64},
		},
	}
	if k.Name == "attention_subgroup" { // with other lanes than the rest
		for name, merge := range map[string]bool{"lanes4": true, "lanes64": false} {
			t := list[name]
			t.Attention = smallSubgroups(own.Attention)
			t.Attention.Merge = merge
			list[name] = t
		}
	}
	for name, m := range map[string]shaders.MatrixTuning{"emulated": shaders.EmulatedMatrices(), "shared": shaders.SharedMatrices(&caps), "found": found} {
		if t := gpu; m.On && (caps.Features.ShaderFloat16 || name != "emulated") {
			t.Product.Matrix = m
			list[name] = t
		}
	}
	hasIntegers := kernels[k.Name].quantizes || hasKnob(k, "int_dot")
	if !hasIntegers || !caps.Features.IntegerDotProduct {
		delete(list, "integers")
		delete(list, "integers ahead")
	}
	seen, different := map[string]bool{}, map[string]shaders.Tuning{}
	list["default"] = own
	for _, name := range []string{"default", "lanes4", "lanes64", "GPU", "many cores", "integers", "integers ahead", "found", "shared", "emulated"} {
		t, ok := list[name]
		key := fmt.Sprint(t.Product.IntDot)
		if hasKnob(k, "matrices") {
			key += fmt.Sprint(t.Product.Matrix)
		}
		for i := range k.Knobs {
			key += fmt.Sprint(" ", k.Knobs[i].Get(&t))
		}
		if ok && !seen[key] {
			seen[key], different[name] = true, t
		}
	}
	return different
}

// ownTuning is the kernel's on the device, and the matrices for few tokens that were found, where those
// of prefill stand alike.
func ownTuning(k *shaders.Kernel) (own shaders.Tuning, found shaders.MatrixTuning, err error) {
	if own, err = k.Tuning(device.Caps()); err != nil {
		return own, found, err
	}
	if found, err = shaders.FindMatrices(device); err != nil {
		panic(err)
	}
	with := own
	with.SetMatrices(device.Caps(), found)
	own.Prefill.Registers = with.Prefill.Registers
	return own, found, k.Check(&own, shaders.KVF16, device.Caps())
}

// attentionMatrices is the device's own matrices, where it has some, once with all that takes turns, and none.
func attentionMatrices(k *shaders.Kernel) map[string]shaders.Tuning {
	list := map[string]shaders.Tuning{}
	add := func(name string, m shaders.AttentionMatrix, merge bool) {
		t := shaders.DefaultTuning(device.Caps())
		t.Attention.Matrix, t.Attention.Merge = m, merge
		if k.Check(&t, shaders.KVF16, device.Caps()) == nil {
			list[name] = t
		}
	}
	emulated := shaders.EmulatedAttention()
	add("emulated", emulated, true)
	emulated.Groups, emulated.Buffers = 1, 2
	add("emulated apart", emulated, false)
	if t, err := k.Tuning(device.Caps()); err == nil {
		m := t.Attention.Matrix
		add("shared", m, true)
		m.Groups, m.Buffers = max(1, m.Groups/2), 1
		add("shared in turns", m, false)
	}
	return list
}

// smallSubgroups is the least that attention_subgroup takes.
func smallSubgroups(a shaders.AttentionTuning) shaders.AttentionTuning {
	a.Lanes, a.Blocks, a.Tokens = format.MaxHeadDim/4, 1, 2
	return a
}

func hasKnob(k *shaders.Kernel, name string) bool {
	return slices.ContainsFunc(k.Knobs, func(n shaders.Knob) bool { return n.Name == name })
}

// smallTiles have the smallest parts, and one buffer.
func smallTiles(m shaders.CoopMat) shaders.Prefill {
	p := shaders.Prefill{
		Narrow: shaders.Tiling{Rows: 64, Tokens: 16, Cols: 32, PartRows: 8, PartTokens: 2, Buffers: 2},
		Wide:   shaders.Tiling{Rows: 32, Tokens: 32, Cols: 32, PartRows: 4, PartTokens: 4, Buffers: 1},
		Groups: 1, Splits: 1, CoopMat: m, Registers: shaders.EmulatedRegisters(),
	}
	if m != (shaders.CoopMat{}) {
		p.Wide = shaders.Tiling{Rows: 64, Tokens: 64, Cols: 64, PartRows: 32, PartTokens: max(32, m.N), Buffers: 1}
		p.Narrow = p.Wide
		p.Narrow.Tokens = 32
	}
	p.Middle = p.Wide
	return p
}

// typesOf are the types under test with a tuning: pipelines take time, so that all that a kernel's
// test takes go through one tuning, and one of each family through the others.
func typesOf(k *shaders.Kernel, tuned string) []format.Type {
	types := kernels[k.Name].types
	switch {
	case !k.Weights:
		return []format.Type{shaders.NoType}
	case types == nil && tuned == "default":
		return []format.Type{format.Q4_K, format.F16, format.MLX(4, 64, format.BF16)}
	case types == nil: // matmul takes more
		return []format.Type{format.Q4_K}
	case (k.Name == "matmul_coopmat" || k.Name == "matmul_registers") && testing.Short(): // a CPU's compiler takes seconds for each
		return []format.Type{format.Q6_K, format.MLX(8, 128, format.F16)}
	case len(types) > len(families) && slices.Contains([]string{"many cores", "integers ahead", "found", "shared", "emulated"}, tuned):
		return []format.Type{format.Q4_K, format.F16, format.Q6_K, format.MLX(8, 128, format.F16)}
	case tuned == "default" || len(types) < len(families):
		return types
	}
	return families
}

// ragged draws cases for the test of that name.
func ragged(t *testing.T, k *shaders.Kernel, typ format.Type, kv shaders.KVType, tuning shaders.Tuning) []*Case {
	t.Helper()
	seed := uint64(14695981039346656037)
	for _, c := range t.Name() {
		seed = (seed ^ uint64(c)) * 1099511628211
	}
	list := Ragged(k, typ, kv, tuning, seed)
	if !k.Weights {
		list[0].Odd = 0
	}
	for _, c := range list {
		if err := c.Check(device.Caps()); err != nil {
			t.Fatalf("%+v: %v", *c, err)
		}
	}
	return list
}

// kvTypes are those that a kernel is built for.
func kvTypes(k *shaders.Kernel) []shaders.KVType {
	switch {
	case k.Name == "attention_coopmat":
		return []shaders.KVType{shaders.KVF16, shaders.KVQ8}
	case k.Cache:
		return []shaders.KVType{shaders.KVF16, shaders.KVF32, shaders.KVQ8}
	}
	return []shaders.KVType{shaders.KVF16}
}

// name is how test names call a type.
func name(t format.Type) string {
	if t == shaders.NoType {
		return "no weights"
	}
	return strings.ReplaceAll(t.String(), " ", "-")
}

// Every kernel computes what the reference does, with every tuning, type of weights and of the
// cache, and writes nothing else.
func TestEveryKernel(t *testing.T) {
	for _, k := range shaders.All() {
		if kernels[k.Name] == nil {
			t.Errorf("%s has no case", k.Name)
			continue
		}
		for tuned, tuning := range tunings(k) {
			for i, typ := range typesOf(k, tuned) {
				for j, kv := range kvTypes(k) {
					if k.Weights && k.Cache && i != j%2 {
						continue // one type with each
					}
					t.Run(fmt.Sprintf("%s/%s/%s/%s", k.Name, tuned, name(typ), kv), func(t *testing.T) {
						t.Parallel()
						for _, c := range ragged(t, k, typ, kv, tuning) {
							run(t, c)
						}
					})
				}
			}
		}
	}
	if len(kernels) != len(shaders.All()) {
		t.Errorf("%d cases of %d kernels", len(kernels), len(shaders.All()))
	}
}

// possible is a small case of a kernel, in any of its tunings; nil where the device cannot run it,
// which may be so of cooperative matrices alone.
func possible(t *testing.T, k *shaders.Kernel, odd uint64) *Case {
	tuning, err := k.Tuning(device.Caps())
	switch {
	case err != nil && (k.Name == "matmul_coopmat" || k.Name == "matmul_registers" || k.Name == "attention_coopmat"):
		return nil
	case err != nil:
		t.Fatal(err)
	}
	typ := typesOf(k, "")[0]
	list := ragged(t, k, typ, shaders.KVF16, tuning)
	c := list[len(list)-1]
	c.Odd = odd
	return c
}

// Each kernel's check sees wrong outputs, and says where they are.
func TestChecksFindWrongOutputs(t *testing.T) {
	for _, k := range shaders.All() {
		t.Run(k.Name, func(t *testing.T) {
			c := possible(t, k, 0)
			if c == nil {
				t.Skip("the device has no cooperative matrices for it")
			}
			b := run(t, c)
			for _, o := range b.written {
				right := words(t, o)
				wrong := slices.Clone(right)
				for i := range wrong {
					wrong[i] ^= 1 << 22 // half of an f32, a 16th of an f16
				}
				for _, contents := range [][]uint32{wrong, right} {
					if err := device.Write(o.Range, guarded.Bytes(contents)); err != nil {
						t.Fatal(err)
					}
					_, err := b.Check()
					if isRight := &contents[0] == &right[0]; isRight && err != nil {
						t.Errorf("%s is right: %v", o.name, err)
					} else if !isRight && (!errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), o.name+"[")) {
						t.Errorf("%s is wrong: %v", o.name, err)
					}
				}
			}
		})
	}
}

// What the kernel writes where it has no reason to is found, also in its outputs.
func TestWritesElsewhereAreFound(t *testing.T) {
	k := shaders.FindKernel("matmul")
	tuning, err := k.Tuning(device.Caps())
	if err != nil {
		t.Fatal(err)
	}
	c := &Case{Kernel: k.Name, Type: format.Q4_K, Shape: []int{4, 256, 3}, Variant: Variant{Tuning: tuning}}
	for stride := 4; stride == 4; { // until there is something between rows
		c.Odd++
		b, err := Plan(device, c)
		if err != nil {
			t.Fatal(err)
		}
		stride = b.written[0].dims[1]
	}
	b := run(t, c)
	y := b.written[0]
	now := words(t, y)
	gap := slices.Index(now, guarded.Poison)
	now[gap] = 1
	if err := device.Write(y.Range, guarded.Bytes(now)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Check(); !errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), fmt.Sprintf("y: word %d was written", gap)) {
		t.Errorf("%v", err)
	}
}

// Any number of tokens, in workgroups of 1 and on.
func TestMatMulTokens(t *testing.T) {
	k := shaders.FindKernel("matmul")
	for tuned, tuning := range tunings(k) {
		t.Run(tuned, func(t *testing.T) {
			t.Parallel()
			for tokens := range shaders.DecodeRows + 1 {
				run(t, &Case{Kernel: k.Name, Type: format.Q4_K, Shape: []int{45, 512, tokens + 1}, Variant: Variant{Tuning: tuning}, Odd: uint64(1 + tokens)})
			}
		})
	}
}

// The widest embedding has room in shared memory.
func TestEmbedOfMaxDim(t *testing.T) {
	run(t, &Case{Kernel: "embed", Type: format.Q8_0, Shape: []int{1, shaders.MaxDim, 1}, Variant: Variant{Tuning: shaders.DefaultTuning(device.Caps())}})
}

func TestSample(t *testing.T) {
	b := &Bench{rng: rand.New(rand.NewPCG(1, 2))}
	for _, c := range []struct {
		n, want int
		cost    int64
	}{{1, 1, much}, {5, 5, 1}, {100, 4, budget / 4}, {100, 2, much}, {1 << 30, 8, budget / 8}, {0, 0, 1}} {
		got := b.sample(c.n, c.cost)
		if len(got) != c.want || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != c.want {
			t.Errorf("%d of %d: %v", c.want, c.n, got)
		}
		if c.want > 0 && (got[0] != 0 || got[c.want-1] != c.n-1) {
			t.Errorf("%v leaves out an end of %d", got, c.n)
		}
	}
}

// What the cases of sampling kernels assume of the kernels' package.
func TestChunks(t *testing.T) {
	for _, lanes := range []int{4, 64} {
		tuning := shaders.DefaultTuning(device.Caps())
		tuning.Lanes = lanes
		set := setOf(t, shaders.KVF16, tuning)
		for _, vocab := range []int{1, 16 * lanes, 16*lanes + 1, 256000} {
			if got, want := set.PickedBytes(vocab, 1), int64(8*ceilDiv(vocab, shaders.PickChunk(&tuning))); got != want {
				t.Errorf("%d lanes, %d tokens: %d bytes, want %d", lanes, vocab, got, want)
			}
			if got, want := shaders.BestBytes(vocab, 1), int64(8*tiles(vocab)); got != want {
				t.Errorf("%d tokens: %d bytes, want %d", vocab, got, want)
			}
		}
	}
}
