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

// chains is a kernel that takes LANES and CHAINS.
type chains struct {
	*kernels.Kernel
	ops   int  // of a step of one chain
	whole bool // int32 results, else float32
	push  func(seed uint32) []byte
	// results of the first 16 invocations, which all others repeat, with seed 0 and so
	// many chains each.
	results func(chains int) [16]float64
}

var (
	f32Chains  = chains{kernels.FMAF32, 2 * 2, false, floatPush, floatResults}
	f16Chains  = chains{kernels.FMAF16, 2 * 2, false, floatPush, floatResults}
	int8Chains = chains{kernels.DotInt8, 2 * 4, true, dotPush, dotResults}
)

func measureF32(b *bench, r *Roofs) error {
	s, err := b.arithmetic(&f32Chains)
	if err == nil {
		r.set(&r.F32FLOPsPerS, "f32_flops_per_s", s)
	}
	return err
}

func measureF16(b *bench, r *Roofs) error {
	if !b.d.Caps().Features.ShaderFloat16 {
		return nil
	}
	s, err := b.arithmetic(&f16Chains)
	if err == nil {
		r.set(&r.F16FLOPsPerS, "f16_flops_per_s", s)
	}
	return err
}

func measureInt8Dot(b *bench, r *Roofs) error {
	if !b.d.Caps().Features.IntegerDotProduct {
		return nil
	}
	s, err := b.arithmetic(&int8Chains)
	if err == nil {
		r.set(&r.Int8DotOpsPerS, "int8_dot_ops_per_s", s)
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

func (b *bench) arithmetic(k *chains) (*samples, error) {
	out, err := b.results()
	if err != nil {
		return nil, err
	}
	loads, err := b.chainLoads(k, out)
	if err != nil {
		return nil, err
	}
	return b.fastest(loads)
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
			want := k.results(count * chainWidth)
			loads = append(loads, &load{
				variant: fmt.Sprintf("%d lanes, %d chains each", n, count*chainWidth),
				unit:    float64(n) * float64(count) * chainWidth * 4 * rounds * float64(k.ops),
				record: func(c *vk.Commands, seed uint32, units int) {
					g.record(units, func(r vk.Range, groups int) {
						c.Dispatch(k.Name, p, k.push(seed), k.Bind(r), groups, 1, 1)
					})
				},
				check: func() error {
					return g.check(b, k.whole, func(i int) float64 { return want[i%16] + float64(b.seed()) })
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

// check compares the results of every dispatch with want, by index within the dispatch.
func (g *grid) check(b *bench, whole bool, want func(i int) float64) error {
	for _, r := range g.written {
		if whole {
			if err := compare[int32](b, r, want); err != nil {
				return err
			}
		} else if err := compare[float32](b, r, want); err != nil {
			return err
		}
	}
	return nil
}

func compare[T int32 | float32](b *bench, r vk.Range, want func(i int) float64) error {
	got, err := read[T](b, r)
	if err != nil {
		return err
	}
	for i, v := range got {
		if w := T(int64(want(i))); v != w { // all are whole; int32 wraps around; a NaN differs
			return fmt.Errorf("result %d is %v instead of %v: the driver is broken", i, v, w)
		}
	}
	return nil
}

// floatPush are the constants of chains.glsl: rounds, a, b, seed.
func floatPush(seed uint32) []byte {
	return append(words[uint32](rounds), words(1, -1, float32(seed))...)
}

func floatResults(chains int) (sums [16]float64) {
	for i := range sums {
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

func dotResults(chains int) (sums [16]float64) {
	for i := range sums {
		var sum int32
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
