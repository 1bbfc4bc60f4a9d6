package roofline

import (
	"cmp"
	"fmt"
	"slices"

	kernels "sealvk/shaders/roofline"
	"sealvk/vk"
	"sealvk/weights/format"
)

const (
	// coopRounds is odd, so that c changes also where a alternates its sign.
	coopRounds = 1025
	// coopChains is the greatest number of independent products in the kernel.
	coopChains = 8
	// coopShapes are tried at most.
	coopShapes = 3
)

func measureCoopMat(b *bench, r *Roofs) error {
	shapes := coopMatrices(b.d.Caps())
	if len(shapes) == 0 {
		return nil
	}
	out, err := b.results()
	if err != nil {
		return err
	}
	var loads []*load
	text := map[string]string{}
	for _, m := range shapes {
		list, err := b.coopLoads(m, out)
		if err != nil {
			return err
		}
		for _, l := range list {
			text[l.variant] = coopText(m)
		}
		loads = append(loads, list...)
	}
	s, err := b.fastest(loads)
	if err == nil {
		r.set(&r.CoopMatFLOPsPerS, "coopmat_flops_per_s", s)
		r.CoopMat = text[s.variant]
	}
	return err
}

// coopMatrices lists the shapes to try: f16 by f16 for subgroups with an f32 sum where there
// is one, else f16; the largest first.
func coopMatrices(c *vk.Caps) []vk.CooperativeMatrix {
	f := &c.Features
	if !f.CooperativeMatrix || !f.VulkanMemoryModel || !f.ShaderFloat16 || !f.StorageBuffer16BitAccess {
		return nil
	}
	for _, sum := range []string{"f32", "f16"} {
		list := slices.DeleteFunc(slices.Clone(c.CooperativeMatrices), func(m vk.CooperativeMatrix) bool {
			return m.Scope != "subgroup" || m.A != "f16" || m.B != "f16" || m.C != sum || m.Result != sum || m.Saturating
		})
		slices.SortStableFunc(list, func(x, y vk.CooperativeMatrix) int { return cmp.Compare(y.M*y.N*y.K, x.M*x.N*x.K) })
		if len(list) > 0 {
			return list[:min(len(list), coopShapes)]
		}
	}
	return nil
}

func coopText(m vk.CooperativeMatrix) string {
	return fmt.Sprintf("%dx%dx%d %s→%s", m.M, m.N, m.K, m.A, m.Result)
}

// coopLoads are the variants of one shape: workgroups of one and of four subgroups, of the
// device's own size and the smallest, with several products under way.
func (b *bench) coopLoads(m vk.CooperativeMatrix, out *vk.Buffer) ([]*load, error) {
	c := b.d.Caps()
	k, scale, width, compare := kernels.CoopMatF32, float32(1), 4, checkWhole[float32]
	if m.Result == "f16" {
		k, scale, width = kernels.CoopMatF16, -1, 2 // a sum that only grew would leave f16's whole numbers
		compare = func(b *bench, g *grid, want func(i int) float64) error {
			return check(b, g, func(v uint16) float64 { return float64(format.Float16(v)) }, want)
		}
	}
	elements, tile := coopFactors(m, scale)
	factors, err := b.buffer("roofline factors", int64(len(elements)))
	if err != nil {
		return nil, err
	}
	if err := b.d.Write(factors.All(), elements); err != nil {
		return nil, err
	}
	sizes := []int{c.Subgroup.Size}
	if s := &c.Subgroup; s.SizeControl && s.MinSize < s.Size {
		sizes = append(sizes, s.MinSize)
	}
	chainCounts, groupCounts := []int{4, 8}, []int{1, 4}
	if !b.gpu {
		chainCounts, groupCounts = []int{1, 4}, []int{1}
	}
	var loads []*load
	for _, size := range sizes {
		for _, subgroups := range groupCounts {
			lanes := lanes(c, size*subgroups)
			if len(lanes) == 0 || c.Subgroup.MaxPerWorkGroup > 0 && subgroups > c.Subgroup.MaxPerWorkGroup {
				continue
			}
			for _, chains := range chainCounts {
				p, err := b.pipeline(k, size, uint32(lanes[0]), uint32(chains), uint32(m.M), uint32(m.N), uint32(m.K))
				if err != nil {
					return nil, err
				}
				g := &grid{out: out, groupBytes: subgroups * m.M * m.N * width, most: c.Limits.MaxComputeWorkGroupCount[0]}
				loads = append(loads, &load{
					variant: fmt.Sprintf("%s, %d × %d lanes, %d products each", coopText(m), subgroups, size, chains),
					unit:    float64(subgroups) * float64(chains) * coopRounds * 2 * float64(m.M) * float64(m.N) * float64(m.K),
					record: func(c *vk.Commands, seed uint32, units int) {
						push := append(words[uint32](coopRounds), words(scale, float32(seed))...)
						g.record(units, func(r vk.Range, groups int) {
							c.Dispatch(k.Name, p, push, k.Bind(factors.All(), r), groups, 1, 1)
						})
					},
					check: func() error {
						want := tile(chains, float64(b.seed()))
						return compare(b, g, func(i int) float64 { return want[i%len(want)] })
					},
				})
			}
		}
	}
	return loads, nil
}

// coopFactors gives a and the b's as the kernel reads them, in f16, and what a subgroup's
// tile becomes: Σ over the chains i of seed + i + (Σ over the rounds of scale^round) a·bᵢ.
func coopFactors(m vk.CooperativeMatrix, scale float32) (elements []byte, tile func(chains int, seed float64) []float64) {
	element := func(i int) float64 { return float64(uint32(i)*factor>>16%3) - 1 } // -1, 0 or 1
	n := m.M*m.K + coopChains*m.K*m.N
	f16 := map[float64]uint16{-1: 0xbc00, 0: 0, 1: 0x3c00}
	for i := range n {
		v := f16[element(i)]
		elements = append(elements, byte(v), byte(v>>8))
	}
	times := float64(coopRounds)
	if scale < 0 {
		times = -1 // -1 + 1 - 1 …, an odd number of them
	}
	return elements, func(chains int, seed float64) []float64 {
		out := make([]float64, m.M*m.N)
		for i := range out {
			row, col := i/m.N, i%m.N
			for chain := range chains {
				out[i] += seed + float64(chain)
				for k := range m.K {
					out[i] += times * element(row*m.K+k) * element(m.M*m.K+chain*m.K*m.N+k*m.N+col)
				}
			}
		}
		return out
	}
}
