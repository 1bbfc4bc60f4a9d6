package cases

import (
	"fmt"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// matrix is random weights on the device.
type matrix struct {
	shaders.Matrix
	partRows int       // at most; 0: as many as the device binds
	rows     []int     // whose values the reference wants
	values   []float32 // of those
}

// matrix plans random weights; wanted tells, in order, the rows that the reference wants. Odd ones
// have parts of some tiles.
func (b *Bench) matrix(rows, cols int, wanted func() []int) *matrix {
	t := b.Type
	m := &matrix{Matrix: shaders.Matrix{Type: t, Rows: rows, Cols: cols}}
	if b.Odd != 0 {
		m.partRows = shaders.TileRows * (1 + b.odd(3))
	}
	tile := shaders.DeviceBytes(t, shaders.TileRows, cols)
	b.items = append(b.items, item{name: "weights", device: product(tiles(rows), int(tile)), binding: tile, make: func() error {
		m.rows = wanted()
		perPart, err := shaders.PartRows(t, cols, bindable(b.d.Caps()))
		if m.partRows > 0 {
			perPart = min(perPart, m.partRows)
		}
		for first := 0; first < rows && err == nil; first += perPart {
			n := min(perPart, rows-first)
			var data *guarded.Buffer
			if data, err = b.buffers.Unfilled(fmt.Sprintf("weights from row %d", first), shaders.DeviceBytes(t, n, cols)); err == nil {
				m.Parts = append(m.Parts, shaders.Part{Data: data.Range, First: first, Rows: n})
				err = b.fillPart(m, &m.Parts[len(m.Parts)-1])
			}
			const small = 1 << 20 // enough to read back in every check
			if err == nil && data.Size <= small {
				err = data.Seal()
			}
		}
		return err
	}})
	return m
}

// groups plans a matrix and what is checked of its product: tokens, and groups of so many rows
// that follow each other.
func (b *Bench) groups(rows, cols, each int) (m *matrix, tokens, groups *[]int) {
	tokens, groups = new([]int), new([]int)
	room := 4 // groups of each token, at least
	if each == 1 {
		room = 256
	}
	m = b.matrix(rows, cols, func() (wanted []int) {
		n := ceilDiv(rows, each)
		*tokens = b.sample(b.Size("tokens"), product(cols, each, min(n, room)))
		*groups = b.sample(n, product(cols, each, len(*tokens)))
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

// fillPart makes the weights piece by piece, so that little of them is ever on the host.
func (b *Bench) fillPart(m *matrix, p *shaders.Part) error {
	const pieceBytes = 4 << 20
	t, cols := m.Type, m.Cols
	step := shaders.TileRows * max(1, int(pieceBytes/shaders.DeviceBytes(t, shaders.TileRows, cols)))
	for first := 0; first < p.Rows; first += step {
		rows := min(step, p.Rows-first)
		data, scales, biases := reference.Weights(b.rng, t, rows, cols)
		if err := writeTiles(b.d, m, p, first/shaders.TileRows, rows, data, scales, biases); err != nil {
			return err
		}
		row := p.First + first
		from, _ := slices.BinarySearch(m.rows, row)
		to, _ := slices.BinarySearch(m.rows, row+rows)
		if from == to {
			continue
		}
		values := make([]float32, rows*cols)
		if err := format.Dequantize(values, t, data, scales, biases); err != nil { // which shares no code with the kernels
			return err
		}
		for _, r := range m.rows[from:to] {
			m.values = append(m.values, values[(r-row)*cols:][:cols]...)
		}
	}
	return nil
}

// writeTiles writes so many rows from a tile of the part on.
func writeTiles(d *vk.Device, m *matrix, p *shaders.Part, tile, rows int, data, scales, biases []byte) error {
	row := func(all []byte, r int) []byte {
		n := len(all) / rows
		return all[r*n:][:n]
	}
	list := make([]shaders.Tile, tiles(rows))
	for r := range rows {
		list[r/shaders.TileRows][r%shaders.TileRows] = shaders.Source{Data: row(data, r), Scales: row(scales, r), Biases: row(biases, r)}
	}
	first, second := p.Regions(m.Type, m.Cols, tile, len(list))
	a, c := make([]byte, first.Size), make([]byte, second.Size)
	for i := range list {
		na, nc := len(a)/len(list), len(c)/len(list)
		shaders.RepackFirst(m.Type, a[i*na:][:na], &list[i], m.Cols)
		shaders.RepackSecond(m.Type, c[i*nc:][:nc], &list[i], m.Cols)
	}
	if err := d.Write(first, a); err != nil || second.Size == 0 {
		return err
	}
	return d.Write(second, c)
}
