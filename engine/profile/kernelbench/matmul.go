package kernelbench

import (
	"fmt"
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights"
)

// decoder turns the first rows of a tensor into values: weights.Tensor.DequantizeRows,
// which shares no code with the kernels.
type decoder func(t *weights.Tensor, values []float32, rows int) error

func dequantize(t *weights.Tensor, values []float32, rows int) error {
	return t.DequantizeRows(values, 0, rows)
}

// matrix is random weights on the device.
type matrix struct {
	shaders.Matrix
	rows   []int     // whose values the reference wants
	values []float32 // of those
}

// matrix plans random weights; wanted tells, in order, the rows that the reference wants.
func (b *bench) matrix(rows, cols int, wanted func() []int) *matrix {
	t := b.c.Type
	m := &matrix{Matrix: shaders.Matrix{Type: t, Rows: rows, Cols: cols}}
	i := item{name: "weights", device: much}
	if product(rows, cols, 4) < much {
		i.device = shaders.DeviceBytes(t, rows, cols)
		i.binding = shaders.DeviceBytes(t, shaders.TileRows, cols)
	}
	i.make = func() error {
		m.rows = wanted()
		perPart, err := shaders.PartRows(t, cols, bindable(b.d.Caps()))
		for first := 0; first < rows && err == nil; first += perPart {
			n := min(perPart, rows-first)
			var data *vk.Buffer
			if data, err = b.newBuffer(fmt.Sprintf("weights from row %d", first), shaders.DeviceBytes(t, n, cols)); err == nil {
				m.Parts = append(m.Parts, shaders.Part{Data: data.All(), First: first, Rows: n})
				err = b.fillPart(m, &m.Parts[len(m.Parts)-1])
			}
		}
		return err
	}
	b.items = append(b.items, i)
	return m
}

// fillPart makes the weights piece by piece, so that little of them is ever on the host.
func (b *bench) fillPart(m *matrix, p *shaders.Part) error {
	const pieceBytes = 4 << 20
	t, cols := m.Type, m.Cols
	step := shaders.TileRows * max(1, int(pieceBytes/shaders.DeviceBytes(t, shaders.TileRows, cols)))
	for first := 0; first < p.Rows; first += step {
		rows := min(step, p.Rows-first)
		data, scales, biases := reference.Weights(b.rng, t, rows, cols)
		if err := b.writeTiles(m, p, first/shaders.TileRows, rows, data, scales, biases); err != nil {
			return err
		}
		row := p.First + first
		from, _ := slices.BinarySearch(m.rows, row)
		to, _ := slices.BinarySearch(m.rows, row+rows)
		if from == to {
			continue
		}
		tensor := weights.Tensor{Type: b.c.Type, Rows: rows, Cols: cols, Data: data, Scales: scales, Biases: biases}
		values := make([]float32, rows*cols)
		if err := b.decode(&tensor, values, rows); err != nil {
			return err
		}
		for _, r := range m.rows[from:to] {
			m.values = append(m.values, values[(r-row)*cols:][:cols]...)
		}
	}
	return nil
}

// writeTiles writes so many rows from a tile of the part on.
func (b *bench) writeTiles(m *matrix, p *shaders.Part, tile, rows int, data, scales, biases []byte) error {
	row := func(all []byte, r int) []byte {
		n := len(all) / rows
		return all[r*n:][:n]
	}
	tiles := make([]shaders.Tile, (rows+shaders.TileRows-1)/shaders.TileRows)
	for r := range rows {
		tiles[r/shaders.TileRows][r%shaders.TileRows] = shaders.Source{Data: row(data, r), Scales: row(scales, r), Biases: row(biases, r)}
	}
	first, second := p.Regions(m.Type, m.Cols, tile, len(tiles))
	a, c := make([]byte, first.Size), make([]byte, second.Size)
	for i := range tiles {
		na, nc := len(a)/len(tiles), len(c)/len(tiles)
		shaders.RepackFirst(m.Type, a[i*na:][:na], &tiles[i], m.Cols)
		shaders.RepackSecond(m.Type, c[i*nc:][:nc], &tiles[i], m.Cols)
	}
	if err := b.d.Write(first, a); err != nil || second.Size == 0 {
		return err
	}
	return b.d.Write(second, c)
}

// row is the values of a row that was wanted.
func (m *matrix) row(r int) []float32 {
	i, _ := slices.BinarySearch(m.rows, r)
	return m.values[i*m.Cols:][:m.Cols]
}

// matmul is the product of a matrix with x, planned in the order of its fields.
type matmul struct {
	*matrix
	x []float32 // [tokens][cols], as the kernel finds it, once it is made
	y *buffer   // [tokens][rows]
}

// matmul plans the matrix, and what is checked of the product.
func (b *bench) matmul(want func(w, x []float32, rows, cols, tokens int) reference.Expected) *matmul {
	rows, cols, tokens := b.c.size("rows"), b.c.size("cols"), b.c.size("tokens")
	var checked []int // tokens
	m := &matmul{matrix: b.matrix(rows, cols, func() []int {
		checked = b.sample(tokens, product(cols, min(rows, 256))) // leaves room for so many rows of each
		return b.sample(rows, product(cols, len(checked)))
	})}
	b.outputs = product(tokens, rows)
	b.check = func(k *checker) {
		out := k.floats(m.y)
		for _, t := range checked {
			got := make([]float32, len(m.rows))
			for i, r := range m.rows {
				got[i] = out[t*rows+r]
			}
			e := want(m.values, m.x[t*cols:][:cols], len(m.rows), cols, 1)
			k.expect(e, got, func(i int) string { return fmt.Sprintf("y[token %d][row %d]", t, m.rows[i]) })
		}
	}
	return m
}

// floats plans x in f32.
func (m *matmul) floats(b *bench) *array[float32] {
	return input(b, "x", product(b.c.size("tokens"), m.Cols), func(v []float32) {
		b.normal(1)(v)
		m.x = v
	})
}

func planMatMul(b *bench) {
	tokens := b.c.size("tokens")
	m := b.matmul(reference.MatMul)
	x := m.floats(b)
	m.y = b.output("y", product(tokens, m.Rows))
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		in := shaders.Normed{Weighted: shaders.Activations{F32: x.All()}}
		s.MatMul(c, label, shaders.MatMul{W: &m.Matrix, X: in, Y: m.y.All(), Stride: m.Rows, Tokens: tokens})
	}
}

func planEmbed(b *bench) {
	vocab, cols, tokens := b.c.size("rows"), b.c.size("cols"), b.c.size("tokens")
	scale := float32(math.Sqrt(float64(cols)))
	rows := input(b, "rows", int64(tokens), func(v []shaders.Row) {
		for i := range v {
			v[i] = shaders.Row{Token: uint32(b.rng.IntN(vocab)), Position: uint32(i)}
		}
		v[0].Token, v[len(v)-1].Token = 0, uint32(vocab-1)
	})
	var checked []int
	table := b.matrix(vocab, cols, func() []int {
		checked = b.sample(tokens, int64(cols))
		var ids []int
		for _, t := range checked {
			ids = append(ids, int(rows.values[t].Token))
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	})
	x, history := b.output("x", product(tokens, cols)), b.output("history", int64(tokens))
	norm := input(b, "norm", int64(cols), b.normal(1))
	weighted, squares := b.output("weighted", product(tokens, cols)), b.output("squares", product(tokens, tiles(cols)))
	b.outputs = product(2, tokens, cols) + product(tokens, tiles(cols)) + int64(tokens)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		to := shaders.Residual{X: x.All(), Weighted: shaders.Activations{F32: weighted.All()}, Squares: squares.All()}
		s.Embed(c, label, shaders.Embed{
			Table: &table.Matrix, Rows: rows.All(), Norm: norm.All(), To: to, History: history.All(), Count: tokens, Context: tokens, Scale: scale,
		})
	}
	b.check = func(k *checker) {
		gotX, gotW, gotS := k.floats(x), k.floats(weighted), k.floats(squares)
		for _, t := range checked {
			at := func(name string) func(i int) string {
				return func(i int) string { return fmt.Sprintf("%s[token %d][%d]", name, t, i) }
			}
			want := reference.Embed(table.row(int(rows.values[t].Token)), scale)
			k.expect(want, gotX[t*cols:][:cols], at("x"))
			k.expect(want.Times(norm.values), gotW[t*cols:][:cols], at("weighted"))
			k.expect(want.Squares(shaders.TileRows), gotS[t*tiles(cols):][:tiles(cols)], at("squares"))
		}
		for t, id := range k.words(history) {
			k.equal(id, rows.values[t].Token, "history[%d]", t)
		}
	}
}

func planRMSNorm(b *bench) {
	dim, tokens := b.c.size("dim"), b.c.size("tokens")
	x, weight := input(b, "x", product(tokens, dim), b.normal(1)), input(b, "weight", int64(dim), b.normal(1))
	y := b.output("y", product(tokens, dim))
	b.outputs = product(tokens, dim)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.RMSNorm(c, label, shaders.RMSNorm{X: x.All(), Weight: weight.All(), Y: y.All(), Count: tokens, Dim: dim, Eps: eps})
	}
	b.check = func(k *checker) {
		out := k.floats(y)
		for _, t := range b.sample(tokens, int64(dim)) {
			want := reference.RMSNorm(x.values[t*dim:][:dim], weight.values, dim, eps)
			k.expect(want, out[t*dim:][:dim], func(i int) string { return fmt.Sprintf("y[token %d][%d]", t, i) })
		}
	}
}

func planGeGLU(b *bench) {
	dim, tokens := b.c.size("ffn_dim"), b.c.size("tokens")
	both := input(b, "gate_up", product(2, dim, tokens), b.normal(1))
	y := b.output("y", product(dim, tokens))
	b.outputs = product(dim, tokens)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.GeGLU(c, label, shaders.GeGLU{GateUp: both.All(), Y: y.All(), FFNDim: dim, Stride: 2 * dim, Count: tokens})
	}
	b.check = func(k *checker) {
		out := k.floats(y)
		const cost = 8 // of a tanh
		some := b.sample(dim*tokens, cost)
		g, u, got := make([]float32, len(some)), make([]float32, len(some)), make([]float32, len(some))
		for i, at := range some {
			t, d := at/dim, at%dim
			g[i], u[i], got[i] = both.values[2*dim*t+d], both.values[2*dim*t+dim+d], out[at]
		}
		k.expect(reference.GeGLU(g, u), got, func(i int) string { return fmt.Sprintf("y[%d]", some[i]) })
	}
}
