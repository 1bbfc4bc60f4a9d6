package shaders

import (
	"errors"
	"fmt"
	"slices"

	"sealvk/vk"
)

var matmulCoopmatKernel = register(matmulCoopmatModule, Kernel{
	Sizes: productSizes, Typical: typicalPrefill, Weights: true, variants: (*Kernels).tilePipelines,
	Knobs: append(slices.Clip(tilingKnobs),
		Knob{Name: "m", number: func(t *Tuning) *int { return &t.Prefill.CoopMat.M }, most: 16, power: true},
		Knob{Name: "n", number: func(t *Tuning) *int { return &t.Prefill.CoopMat.N }, most: 16, power: true},
		Knob{Name: "k", number: func(t *Tuning) *int { return &t.Prefill.CoopMat.K }, most: 32, power: true}),
	adapt: func(t *Tuning, c *vk.Caps) error {
		if t.Prefill = DefaultPrefill(c); t.Prefill.CoopMat == (CoopMat{}) {
			return errors.New("the device has no cooperative matrices of f16 with sums of f32 whose tiles fit it")
		}
		return nil
	},
	check: func(t *Tuning, _ KVType, c *vk.Caps) error {
		m := t.Prefill.CoopMat
		if !slices.ContainsFunc(c.CooperativeMatrices, func(v vk.CooperativeMatrix) bool {
			return isUsable(&v) && [3]int{v.M, v.N, v.K} == [3]int{m.M, m.N, m.K}
		}) {
			return fmt.Errorf("the device has no cooperative matrices of %d × %d × %d, f16 with sums of f32", m.M, m.N, m.K)
		}
		return t.Prefill.Check(c)
	},
})
