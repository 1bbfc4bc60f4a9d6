package cases

import (
	"fmt"
	"slices"
	"testing"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/weights/format"
)

// A token's numbers have the same bits alone and among up to DecodeRows others.
func TestTokensOfBatch(t *testing.T) {
	for _, k := range shaders.All() {
		if !k.Cache && !k.Weights || k.Name == "embed" || k.Name == "matmul_coopmat" {
			continue // nothing is shared between tokens; they are not drawn one by one
		}
		isProduct := hasKnob(k, "matrices")
		for tuned, tuning := range tunings(k) {
			if isProduct && k.Name != "matmul_add" && tuned != "default" || !k.Weights && tuning.Product.IntDot {
				continue // what is of products is one file for all, and pipelines take time
			}
			for i, typ := range []format.Type{format.Q4_K, format.BF16} {
				if !k.Weights {
					typ = shaders.NoType
				}
				kvs := kvTypes(k)
				if k.Weights {
					kvs = kvs[:1]
				}
				if i > 0 && (!k.Weights || tuned != "default" && tuned != "GPU" || testing.Short()) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", k.Name, tuned, name(typ)), func(t *testing.T) {
					t.Parallel()
					for _, kv := range kvs {
						testBatch(t, k, Case{Kernel: k.Name, Type: typ, KV: kv, Variant: Variant{tuning, 64}})
					}
				})
			}
		}
	}
}

func testBatch(t *testing.T, k *shaders.Kernel, c Case) {
	const length = 300 // of the longest sequence
	rows := make([]shaders.Row, shaders.DecodeRows)
	for i := range rows {
		rows[i] = shaders.Row{Position: uint32(i * 7919 % length), Sequence: uint32(i % 2)}
	}
	part := func(first, last int) *Case {
		p := c
		p.from, p.Shape = first, nil
		for _, name := range k.Sizes {
			p.Shape = append(p.Shape, map[string]int{"rows": 192, "cols": 512, "heads": 4, "kv_heads": 2, "head_dim": 64, "tokens": last - first}[name])
		}
		if k.Depth {
			p.Depth, p.rows = length-(last-first), rows[first:last]
		}
		return &p
	}
	whole := run(t, part(0, shaders.DecodeRows))
	for _, p := range [][2]int{{0, 1}, {7, 8}, {15, 16}, {3, 5}, {0, 3}, {9, 14}, {8, 16}, {13, 32}} {
		some := runTimes(t, part(p[0], p[1]), 1)
		for i, o := range some.written {
			got, want := words(t, o), words(t, whole.written[i])
			at := 0 // of the first token
			if len(o.dims) > 1 {
				at = p[0] * len(want) / shaders.DecodeRows
			}
			for j, w := range got {
				if w != guarded.Poison && w != want[at+j] {
					t.Fatalf("%s of tokens %d to %d: word %d is %#x, among all %#x", o.place(j), p[0], p[1]-1, j, w, want[at+j])
				}
			}
		}
	}
}

// The same in each column of matrices.
func TestTokensOfMatrices(t *testing.T) {
	k := shaders.FindKernel("matmul")
	for _, tuned := range []string{"found", "shared", "emulated"} {
		tuning, ok := tunings(k)[tuned]
		if !ok {
			continue // .ci/coopmat has one with matrices
		}
		t.Run(tuned, func(t *testing.T) {
			c := Case{Kernel: k.Name, Type: format.Q4_K, Shape: []int{32, 512, shaders.MatrixTokens}, Variant: Variant{Tuning: tuning}}
			whole := words(t, run(t, &c).written[0])
			for first := range shaders.MatrixTokens {
				some := c
				some.from, some.Shape = first, []int{32, 512, 1 + first%3*(shaders.MatrixTokens-1-first)/2}
				for i, w := range words(t, runTimes(t, &some, 1).written[0]) {
					if want := whole[32*first+i]; w != want {
						t.Fatalf("token %d, row %d is %#x, among all %#x", first+i/32, i%32, w, want)
					}
				}
			}
		})
	}
}

// The same in each tile of prefill's, wherever in it.
func TestTokensOfTiles(t *testing.T) {
	k := shaders.FindKernel("matmul_registers")
	tuning, _, err := ownTuning(k)
	if err != nil {
		return // .ci has drivers with f16
	}
	const tokens = 50
	c := Case{Kernel: k.Name, Type: format.Q4_K, Shape: []int{40, 512, tokens}, Variant: Variant{Tuning: tuning}}
	whole := words(t, run(t, &c).written[0])
	for i, n := range []int{1, 7, 8, 9, 14, 17, 30, 33, 40} {
		some := c
		some.from, some.Shape = min(5*i, tokens-n), []int{40, 512, n}
		for j, w := range words(t, runTimes(t, &some, 1).written[0]) {
			if want := whole[40*some.from+j]; w != want {
				t.Fatalf("token %d of %d, row %d is %#x, among all %#x", j/40, n, j%40, w, want)
			}
		}
	}
}

// A prompt's rows have the same bits wherever it was cut.
func TestRowsOfPrompts(t *testing.T) {
	const depth, tokens, length = 70, 80, 150
	rows := make([]shaders.Row, tokens)
	for i := range rows {
		rows[i].Position = uint32(depth + i)
	}
	for _, kernel := range []string{"attention_prefill", "attention_coopmat"} {
		k := shaders.FindKernel(kernel)
		for tuned, tuning := range tunings(k) {
			for _, kv := range kvTypes(k) {
				t.Run(fmt.Sprintf("%s/%s/%s", kernel, tuned, kv), func(t *testing.T) {
					t.Parallel()
					part := func(first, last int) *Case {
						return &Case{
							Kernel: kernel, Type: shaders.NoType, KV: kv, Shape: []int{4, 2, 64, last - first}, Depth: length - (last - first), Variant: Variant{tuning, 64},
							from: first, rows: rows[first:last],
						}
					}
					whole := words(t, run(t, part(0, tokens)).written[0])
					for _, p := range [][2]int{{0, 1}, {1, 34}, {34, 80}, {77, 80}, {79, 80}} {
						for i, w := range words(t, runTimes(t, part(p[0], p[1]), 1).written[0]) {
							if want := whole[p[0]*4*64+i]; w != want {
								t.Fatalf("rows %d to %d: word %d is %#x, among all %#x", p[0], p[1]-1, i, w, want)
							}
						}
					}
				})
			}
		}
	}
}

func words(t *testing.T, o *buffer) []uint32 {
	t.Helper()
	queue.Lock()
	defer queue.Unlock()
	w, err := o.Words()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Both ways to merge give the same bits.
func TestAttentionMergesAlike(t *testing.T) {
	for kernel, tokens := range map[string]int{"attention": 3, "attention_prefill": 90, "attention_coopmat": 90} {
		k, odd := shaders.FindKernel(kernel), uint64(1)
		tuning := shaders.DefaultTuning(device.Caps())
		if kernel == "attention_coopmat" { // of which odd cases may write f16
			tuning.Attention.Matrix, odd = shaders.EmulatedAttention(), 0
			if k.Check(&tuning, shaders.KVF16, device.Caps()) != nil {
				continue // the device calculates with no f16; .ci has drivers that do
			}
		} else if own, err := k.Tuning(device.Caps()); err != nil {
			t.Fatal(err)
		} else {
			tuning = own
		}
		var y [2][]uint32
		for i := range y {
			c := &Case{Kernel: kernel, Type: shaders.NoType, Shape: []int{4, 2, 64, tokens}, Depth: 200, Variant: Variant{tuning, 32}, Odd: odd}
			c.Variant.Attention.Merge = i == 1
			y[i] = words(t, run(t, c).written[0])
		}
		if !slices.Equal(y[0], y[1]) {
			t.Errorf("%s: the two ways differ", kernel)
		}
	}
}

// Log-probabilities have the same bits in workgroups of any size.
func TestLogprobsAlike(t *testing.T) {
	for _, kernel := range []string{"likeliest", "logprobs"} {
		var first []uint32
		for tuned, tuning := range tunings(shaders.FindKernel(kernel)) {
			c := &Case{Kernel: kernel, Type: shaders.NoType, Shape: []int{21000, 3}, Variant: Variant{Tuning: tuning}, Odd: 5}
			got := words(t, runTimes(t, c, 1).written[0])
			if first == nil {
				first = got
			}
			if !slices.Equal(got, first) {
				t.Errorf("%s: tuning %s differs", kernel, tuned)
			}
		}
	}
}
