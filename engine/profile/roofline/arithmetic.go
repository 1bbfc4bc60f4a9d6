package roofline

import (
	"fmt"

	kernels "sealvk/shaders/roofline"
	"sealvk/vk"
)

const (
	// resultBytes is the buffer for results, in slots that a run's dispatches take in turn:
	// the same slot again has to wait.
	resultBytes, slots = 16 << 20, 4
	// rounds of a kernel's loop, of four steps each; 4*rounds is no multiple of 6, after
	// which the chains would be back where they began.
	rounds = 509
	// chainWidth is the number of chains that the kernels' constant CHAINS counts as one.
	chainWidth = 4
)

// chains is a kernel that takes LANES and CHAINS, and the figure that it measures.
type chains struct {
	*kernels.Kernel
	name   string // of the figure in JSON
	figure func(*Roofs) *float64
	has    func(*vk.Features) bool
	ops    int // of a step of one chain
	push   func(seed uint32) []byte
	// results of the first 16 invocations, which all others repeat, with so many chains each.
	results func(chains int, seed uint32) [16]float64
	check   func(b *bench, g *grid, want func(i int) float64) error
}

var (
	f32Chains = chains{
		Kernel: kernels.FMAF32, name: "f32_flops_per_s", figure: func(r *Roofs) *float64 { return &r.F32FLOPsPerS },
		has: func(*vk.Features) bool { return true },
		ops: 2 * 2, push: floatPush, results: floatResults, check: checkWhole[float32],
	}
	f16Chains = chains{
		Kernel: kernels.FMAF16, name: "f16_flops_per_s", figure: func(r *Roofs) *float64 { return &r.F16FLOPsPerS },
		has: func(f *vk.Features) bool { return f.ShaderFloat16 },
		ops: 2 * 2, push: floatPush, results: floatResults, check: checkWhole[float32],
	}
	int8Chains = chains{
		Kernel: kernels.DotInt8, name: "int8_dot_ops_per_s", figure: func(r *Roofs) *float64 { return &r.Int8DotOpsPerS },
		has: func(f *vk.Features) bool { return f.IntegerDotProduct },
		ops: 2 * 4, push: dotPush, results: dotResults, check: checkWhole[int32],
	}
)

func (k *chains) measure(b *bench, r *Roofs) error {
	if !k.has(&b.d.Caps().Features) {
		return nil
	}
	out, err := b.results()
	if err != nil {
		return err
	}
	loads, err := b.chainLoads(k, out)
	if err != nil {
		return err
	}
	s, err := b.fastest(loads)
	if err == nil {
		r.set(k.figure(r), k.name, s)
	}
	return err
}

// results is one buffer for all arithmetic.
func (b *bench) results() (*vk.Buffer, error) {
	if b.out != nil {
		return b.out, nil
	}
	out, err := b.buffer("roofline results", resultBytes)
	b.out = out
	return out, err
}

func (b *bench) chainLoads(k *chains, out *vk.Buffer) (loads []*load, err error) {
	c := b.d.Caps()
	sizes, counts := lanes(c, 64, 256), []int{1, 2, 4}
	if !b.gpu {
		sizes, counts = lanes(c, c.Subgroup.Size, 64), []int{2, 4}
	}
	for _, n := range sizes {
		for _, count := range counts {
			p, err := b.pipeline(k.Kernel, 0, uint32(n), uint32(count))
			if err != nil {
				return nil, err
			}
			g := &grid{out: out, groupBytes: 4 * n, most: c.Limits.MaxComputeWorkGroupCount[0]}
			loads = append(loads, &load{
				variant: fmt.Sprintf("%d lanes, %d chains each", n, count*chainWidth),
				unit:    float64(n) * float64(count) * chainWidth * 4 * rounds * float64(k.ops),
				record: func(c *vk.Commands, seed uint32, units int) {
					g.record(units, func(r vk.Range, groups int) {
						c.Dispatch(k.Name, p, k.push(seed), k.Bind(r), groups, 1, 1)
					})
				},
				check: func() error {
					want := k.results(count*chainWidth, b.seed())
					return k.check(b, g, func(i int) float64 { return want[i%16] })
				},
			})
		}
	}
	return loads, nil
}

// grid spreads workgroups over dispatches, so that the results of each have room.
type grid struct {
	out        *vk.Buffer
	groupBytes int // results of a workgroup
	most       int // workgroups of a dispatch
	written    []vk.Range
}

func (g *grid) record(units int, dispatch func(results vk.Range, groups int)) {
	const slot = resultBytes / slots
	most := min(g.most, slot/g.groupBytes)
	g.written = g.written[:0]
	for i := 0; units > 0; i++ {
		n := min(units, most)
		r := g.out.Range(int64(i%slots)*slot, int64(n*g.groupBytes))
		dispatch(r, n)
		if i < slots {
			g.written = append(g.written, r)
		}
		units -= n
	}
}

// check compares the results of every dispatch with want, by index within the dispatch;
// value is what a result stands for.
func check[T number](b *bench, g *grid, value func(T) float64, want func(i int) float64) error {
	for _, r := range g.written {
		results, err := read[T](b, r)
		if err != nil {
			return err
		}
		for i, v := range results {
			if got, w := value(v), want(i); got != w { // a NaN differs
				return fmt.Errorf("result %d is %v instead of %v: the driver is broken", i, got, w)
			}
		}
	}
	return nil
}

// checkWhole is check of results that are whole numbers.
func checkWhole[T int32 | float32](b *bench, g *grid, want func(i int) float64) error {
	return check(b, g, func(v T) float64 { return float64(v) }, want)
}

// floatPush are the constants of chains.glsl: rounds, a, b, seed.
func floatPush(seed uint32) []byte {
	return append(words[uint32](rounds), words(1, -1, float32(seed))...)
}

func floatResults(chains int, seed uint32) (sums [16]float64) {
	for i := range sums {
		sums[i] = float64(seed)
		for j := range chains {
			x := float64(i + j)
			y := x + float64(1+j/chainWidth)
			for range 4 * rounds {
				y += x
				x -= y
			}
			sums[i] += x + 3*y
		}
	}
	return sums
}

// dotA is four signed bytes, dotB a number that keeps the sums from dying out.
const (
	dotA int32 = 0x7fa5_3c81
	dotB int32 = 0x1b87_3593
)

// dotPush are the constants of dot_int8.comp: rounds, a, b, seed.
func dotPush(seed uint32) []byte { return words[int32](rounds, dotA, dotB, int32(seed)) }

func dotResults(chains int, seed uint32) (sums [16]float64) {
	for i := range sums {
		sum := int32(seed)
		for j := range chains {
			x := int32(i + j)
			for range 4 * rounds {
				x = dot(x, dotA) + dotB
			}
			sum += x * int32(1+2*(j%chainWidth))
		}
		sums[i] = float64(sum)
	}
	return sums
}

// dot is the dot product of two vectors of four signed bytes.
func dot(x, y int32) (sum int32) {
	for shift := 0; shift < 32; shift += 8 {
		sum += int32(int8(x>>shift)) * int32(int8(y>>shift))
	}
	return sum
}
