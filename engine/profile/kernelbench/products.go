package kernelbench

import (
	"fmt"
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// eps is that of the model's norms.
const eps = 1e-6

// operand is the activations that a product reads: f32, and with int_dot integers too.
type operand struct {
	*array[float32]
	quantized *array[uint32] // nil: none
	values    []float32      // as the kernel finds them
	cols      int
}

func (b *bench) operand(cols int) *operand {
	tokens := b.c.size("tokens")
	o := &operand{cols: cols}
	o.array = input(b, "x", product(tokens, cols), func(v []float32) {
		b.normal(1)(v)
		o.values = v
	})
	if b.quantizes() && cols%16 == 0 {
		o.quantized = input(b, "x as integers", shaders.QuantizedBytes(cols)/4, func(v []uint32) {
			words, values := reference.Quantize(o.array.values, cols)
			if copy(v, words); b.c.Type.BlockValues() > 1 { // floats are multiplied as floats
				o.values = values
			}
		})
	}
	return o
}

// quantizes tells whether integers are read and written beside the floats.
func (b *bench) quantizes() bool {
	return b.c.Variant.Product.IntDot && b.c.size("tokens") <= shaders.DecodeRows
}

func (o *operand) activations() shaders.Activations {
	a := shaders.Activations{F32: o.All()}
	if o.quantized != nil {
		a.Quantized = o.quantized.All()
	}
	return a
}

// row is a token's values.
func (o *operand) row(t int) []float32 { return o.values[t*o.cols:][:o.cols] }

// written is activations that a product writes.
type written struct {
	floats    *buffer
	quantized *buffer // nil: none
	cols      int
}

func (b *bench) activations(name string, cols int) *written {
	r := &written{floats: b.output(name, product(b.c.size("tokens"), cols)), cols: cols}
	if b.quantizes() {
		r.quantized = b.output(name+"_q8", shaders.QuantizedBytes(cols)/4)
	}
	return r
}

func (r *written) activations() shaders.Activations {
	a := shaders.Activations{F32: r.floats.All()}
	if r.quantized != nil {
		a.Quantized = r.quantized.All()
	}
	return a
}

// check compares the integers with the floats, which are right; out is these.
func (r *written) check(k *checker, out []float32) {
	if r.quantized == nil || r.cols%16 != 0 {
		return
	}
	if problem := reference.CheckQuantized(k.words(r.quantized), reference.Exactly(out), r.cols); problem != "" {
		k.wrong("%s[0]: %s", r.quantized.name, problem)
	}
}

// normed plans an operand's RMSNorm.
type normed struct {
	*operand
	squares *array[float32]
}

func (b *bench) normed(cols int) *normed {
	n := &normed{operand: b.operand(cols)}
	n.squares = input(b, "sums of squares", product(b.c.size("tokens"), tiles(cols)), func(v []float32) {
		for i := range v {
			v[i] = float32(16 * (1 + b.rng.Float64()))
		}
	})
	return n
}

func (n *normed) normed() shaders.Normed {
	return shaders.Normed{Weighted: n.activations(), Squares: n.squares.All(), Eps: eps}
}

// times is rows of a matrix times a token's norm.
func (n *normed) times(w []float32, t int) reference.Expected {
	scale := reference.NormScale(n.squares.values[t*tiles(n.cols):][:tiles(n.cols)], n.cols, eps)
	return reference.MatMul(w, n.row(t), len(w)/n.cols, n.cols, 1).Scaled(scale)
}

func tiles(rows int) int { return (rows + shaders.TileRows - 1) / shaders.TileRows }

// groups plans a matrix and what is checked of its product: tokens, and groups of so
// many rows that follow each other.
func (b *bench) groups(rows, cols, each int) (m *matrix, tokens *[]int, groups *[]int) {
	tokens, groups = new([]int), new([]int)
	m = b.matrix(rows, cols, func() []int {
		n := (rows + each - 1) / each
		*tokens = b.sample(b.c.size("tokens"), product(cols, each, min(n, 4))) // leaves room for so many groups of each
		*groups = b.sample(n, product(cols, each, len(*tokens)))
		var wanted []int
		for _, g := range *groups {
			for r := g * each; r < min((g+1)*each, rows); r++ {
				wanted = append(wanted, r)
			}
		}
		return wanted
	})
	return m, tokens, groups
}

// group is the values of rows first to last, all of which were wanted.
func (m *matrix) group(first, last int) []float32 {
	i, _ := slices.BinarySearch(m.rows, first)
	return m.values[i*m.Cols:][:(last-first)*m.Cols]
}

func planMatMulAdd(b *bench) {
	rows, cols, tokens := b.c.size("rows"), b.c.size("cols"), b.c.size("tokens")
	m, checked, groups := b.groups(rows, cols, shaders.TileRows)
	in := b.operand(cols)
	norm := input(b, "norm", int64(rows), b.normal(1))
	x := changed(b, "x", product(tokens, rows), b.normal(1))
	weighted, squares := b.activations("weighted", rows), b.output("squares", product(tokens, tiles(rows)))
	b.outputs = 2*product(tokens, rows) + product(tokens, tiles(rows))
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		to := shaders.Residual{X: x.All(), Weighted: weighted.activations(), Squares: squares.All()}
		s.MatMulAdd(c, label, shaders.MatMulAdd{W: &m.Matrix, X: in.activations(), Norm: norm.All(), To: to, Tokens: tokens})
	}
	b.check = func(k *checker) {
		gotX, gotW, gotS := k.floats(&x.buffer), k.floats(weighted.floats), k.floats(squares)
		weighted.check(k, gotW)
		for _, t := range *checked {
			for _, g := range *groups {
				first, last := g*shaders.TileRows, min((g+1)*shaders.TileRows, rows)
				at := func(name string) func(i int) string {
					return func(i int) string { return fmt.Sprintf("%s[token %d][row %d]", name, t, first+i) }
				}
				from := t*rows + first
				want := reference.MatMul(m.group(first, last), in.row(t), last-first, cols, 1).Plus(x.values[from:][:last-first])
				k.expect(want, gotX[from:][:last-first], at("x"))
				k.expect(want.Times(norm.values[first:last]), gotW[from:][:last-first], at("weighted"))
				k.expect(want.Squares(shaders.TileRows), gotS[t*tiles(rows)+g:][:1], func(int) string { return fmt.Sprintf("squares[token %d][tile %d]", t, g) })
			}
		}
	}
}

func checkQKV(c *Case) error {
	if rows := c.size("rows"); rows%(3*shaders.TileRows) != 0 {
		return fmt.Errorf("rows=%d: want a multiple of %d, as many of q as of k and of v", rows, 3*shaders.TileRows)
	}
	return nil
}

// qkvHeads are as many of q as of k and of v, as large as the rows allow.
func (c *Case) qkvHeads() shaders.Heads {
	each := c.size("rows") / 3
	h := shaders.Heads{HeadDim: format.MaxHeadDim}
	for each%h.HeadDim != 0 && h.HeadDim > shaders.TileRows {
		h.HeadDim /= 2
	}
	h.Heads = each / h.HeadDim
	h.KVHeads = h.Heads
	return h
}

func planQKV(b *bench) {
	h, cols, tokens := b.c.heads(), b.c.size("cols"), b.c.size("tokens")
	n := h.Heads * h.HeadDim // of q, of k and of v
	m, checked, heads := b.groups(3*n, cols, h.HeadDim)
	x := b.normed(cols)
	rows, pages := b.positions(), b.pageTable()
	angles := input(b, "angles", product(b.c.context(), h.HeadDim), func(v []float32) {
		copy(v, shaders.RoPETable(b.c.context(), h.HeadDim, theta))
	})
	q := b.output("q", product(tokens, n))
	words := b.c.cacheWords(b.c.cachePages())
	kCache, vCache := b.output("k_cache", words), b.output("v_cache", words)
	b.outputs = product(tokens, 3*n)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		cache := shaders.KVCache{K: kCache.All(), V: vCache.All(), Pages: pages.All(), MaxPages: b.c.cachePages()}
		s.QKV(c, label, shaders.QKV{
			W: &m.Matrix, X: x.normed(), Rows: rows.All(), Angles: angles.All(), Q: q.All(), Cache: cache, Heads: h, Tokens: tokens,
		})
	}
	b.check = func(kr *checker) {
		gotQ := kr.floats(q)
		caches := [2]*reference.Cache{b.c.cached(kr.words(kCache), pages.values, false), b.c.cached(kr.words(vCache), pages.values, true)}
		for _, t := range *checked {
			position := b.c.Depth + t
			for _, g := range *heads { // of q, then of k, then of v
				which, head := g/h.Heads, g%h.Heads
				want := x.times(m.group(g*h.HeadDim, (g+1)*h.HeadDim), t)
				if which < 2 { // the matrix is in the order of the device
					want = modelOrder(want, h.HeadDim).RoPE(h.HeadDim, position, theta)
					want = want.Reordered(func(d int) int { return shaders.RoPERow(d, h.HeadDim) })
				}
				got := gotQ[t*n+g%h.Heads*h.HeadDim:][:h.HeadDim]
				if which > 0 {
					want, got = want.Cached(reference.KV(b.c.KV)), make([]float32, h.HeadDim)
					for d := range got {
						got[d] = float32(caches[which-1].At(head, position, d))
					}
				}
				name := []string{"q", "k_cache", "v_cache"}[which]
				kr.expect(want, got, func(d int) string { return fmt.Sprintf("%s[token %d][head %d][%d]", name, t, head, d) })
			}
		}
	}
}

// modelOrder is a head in the order of RoPERow as the model has it.
func modelOrder(e reference.Expected, headDim int) reference.Expected {
	device := make([]int, headDim) // of a dimension
	for d := range device {
		device[shaders.RoPERow(d, headDim)] = d
	}
	return e.Reordered(func(i int) int { return device[i] })
}

func checkGateUp(c *Case) error {
	if rows := c.size("rows"); rows%shaders.TileRows != 0 {
		return fmt.Errorf("rows=%d: want a multiple of %d, half of them of gate and half of up", rows, shaders.TileRows)
	}
	return nil
}

func planGateUp(b *bench) {
	const pairs = shaders.TileRows / 2
	rows, cols, tokens := b.c.size("rows"), b.c.size("cols"), b.c.size("tokens")
	ffnDim := rows / 2
	m, checked, groups := b.groups(rows, cols, shaders.TileRows)
	x, y := b.normed(cols), b.activations("y", ffnDim)
	b.outputs = product(tokens, ffnDim)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.GateUp(c, label, shaders.GateUp{W: &m.Matrix, X: x.normed(), Y: y.activations(), FFNDim: ffnDim, Tokens: tokens})
	}
	b.check = func(k *checker) {
		out := k.floats(y.floats)
		y.check(k, out)
		for _, t := range *checked {
			for _, g := range *groups {
				both := x.times(m.group(g*shaders.TileRows, (g+1)*shaders.TileRows), t)
				want := both.Part(0, pairs).GeGLU(both.Part(pairs, pairs))
				k.expect(want, out[t*ffnDim+g*pairs:][:pairs], func(i int) string { return fmt.Sprintf("y[token %d][%d]", t, g*pairs+i) })
			}
		}
	}
}

func planOutput(b *bench) {
	vocab, cols, tokens := b.c.size("rows"), b.c.size("cols"), b.c.size("tokens")
	m, checked, groups := b.groups(vocab, cols, shaders.TileRows)
	x := b.normed(cols)
	rows, params := b.sequences()
	logits, best := b.output("logits", product(tokens, vocab)), b.output("best", product(tokens, tiles(vocab), 2))
	b.outputs = product(tokens, vocab) + product(tokens, tiles(vocab))
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		to := &shaders.SampleBuffers{Rows: rows.All(), Params: params.All(), Logits: logits.All(), Best: best.All(), Vocab: vocab}
		s.Output(c, label, shaders.Output{W: &m.Matrix, X: x.normed(), To: to, Count: tokens, Pick: true})
	}
	b.check = func(k *checker) {
		out, words := k.floats(logits), k.words(best)
		for _, t := range *checked {
			p := params.values[t]
			row := out[t*vocab:][:vocab]
			keys := reference.PickKeys(row, float32(math.Inf(-1)), p.Temperature, rows.values[t].Position, [2]uint32{p.SeedLo, p.SeedHi})
			for _, g := range *groups {
				first, last := g*shaders.TileRows, min((g+1)*shaders.TileRows, vocab)
				k.expect(x.times(m.group(first, last), t), row[first:last], func(i int) string { return fmt.Sprintf("logits[token %d][%d]", t, first+i) })
				at := 2 * (t*tiles(vocab) + g)
				key, id := math.Float32frombits(words[at]), words[at+1]
				k.checked++
				if problem := pickProblem(keys[first:last], first, float64(key), id); problem != "" {
					k.wrong("best[token %d][tile %d] = token %d with key %v, %s", t, g, int32(id), key, problem)
				}
			}
		}
	}
}
