package cases

import (
	"math/rand/v2"
	"slices"

	"sealvk/shaders"
	"sealvk/weights/format"
)

// raggedSizes are values of the sizes of kernels, and of depth and split, for checks: around what
// workgroups and their parts take, and far below what models have.
var raggedSizes = map[string][]int{
	"tokens": {1, 3, 5, 17, 37}, "rows": {1, 37, 96, 150}, "vocab": {1, 2, 3, 5, 7, 50, 300, 1001, 5000},
	"dim": {1, 2, 3, 7, 48, 64, 65, 127, 192, 1024, 3072}, "cols": {1, 7, 8, 30, 67, 96}, "ffn_dim": {1, 3, 4, 5, 16, 17, 63, 64, 65, 1000},
	"count": {1, 67, 1000}, "splits": {1, 2, 5}, "chunks": {1, 13, 70}, "depth": {0, 31, 100, 290}, "split": {0, 32, 64, 256},
}

// sizesOf are the ragged values of one of a kernel's sizes.
func sizesOf(k *shaders.Kernel, name string, typ format.Type, tuning *shaders.Tuning) []int {
	matrices := k.Weights && tuning.Product.Matrix.On
	switch {
	case name == "cols" && k.Name == "matmul_registers": // whole turns
		n := max(128, typ.BlockValues())
		return []int{n, 3 * n, 2 * n}
	case name == "cols" && matrices: // what they take, but for the last
		return []int{256, 1792, 768, typ.BlockValues()}
	case name == "tokens" && matrices: // in workgroups of 8 and of 24
		return []int{3, 20}
	case name == "cols" && k.Weights && typ.IsFloat(): // whose last step may be ragged
		return []int{1, 48, 257, 7, 31, 160}
	case name == "cols" && k.Weights: // whole blocks, with steps before the tail
		n := typ.BlockValues()
		return []int{n, 2 * n, 3 * n, 7 * n}
	case name == "tokens" && k.Weights: // in workgroups of one token, and of several
		return []int{1, shaders.DecodeRows + 1}
	}
	return raggedSizes[name]
}

// families are types whose kernels differ in more than numbers.
var families = []format.Type{format.F16, format.Q5_1, format.Q3_K, format.Q4_K, format.Q6_K, format.MLX(4, 64, format.BF16), format.MLX(8, 128, format.F16)}

// Ragged draws small odd cases of a kernel, in which each of its ragged sizes comes.
func Ragged(k *shaders.Kernel, typ format.Type, kv shaders.KVType, tuning shaders.Tuning, seed uint64) (list []*Case) {
	own := kernels[k.Name]
	names := append(slices.Clone(k.Sizes), "depth", "split")
	n := len(own.ragged)
	for _, name := range names {
		n = max(n, len(sizesOf(k, name, typ, &tuning)))
	}
	if !k.Weights && !k.Cache { // which are soon compiled and checked
		n *= 2
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	drawn := map[string][]int{} // n values of each
	for _, name := range names {
		for values := sizesOf(k, name, typ, &tuning); len(values) > 0 && len(drawn[name]) < n; {
			for _, at := range rng.Perm(len(values)) {
				drawn[name] = append(drawn[name], values[at])
			}
		}
	}
	for i := range n {
		c := &Case{Kernel: k.Name, Type: typ, KV: kv, Variant: Variant{Tuning: tuning}, Odd: 1 + rng.Uint64()>>1}
		for j, name := range k.Sizes {
			size := 0
			if len(own.ragged) > 0 && j < len(own.ragged[0]) {
				size = own.ragged[i%len(own.ragged)][j]
			}
			if size == 0 && drawn[name] != nil {
				size = drawn[name][i]
			}
			c.Shape = append(c.Shape, size)
		}
		if k.Depth {
			c.Depth = drawn["depth"][i]
		}
		if own.splits {
			c.Variant.Split = drawn["split"][i]
		}
		list = append(list, c)
	}
	return list
}
