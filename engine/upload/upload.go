// Package upload brings a model's weights from their file to the device: read, checked and
// repacked a piece at a time, on all cores.
package upload

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// pieceBytes is how much of a tensor is checked and repacked at a time: little enough
// to stay in a core's cache from one pass to the next.
const pieceBytes = 1 << 20

// readAhead is the pieces that are being read from the disk before they are repacked.
const readAhead = 64

// piece is what goes to the device at once: some tiles of a matrix, or some bytes of anything else.
type piece struct {
	to     []vk.Range
	fill   func(parts [][]byte) error // to's contents
	matrix *run                       // what it is of, or nil
}

// Source is where a matrix's rows come from.
type Source struct {
	Tensors []*weights.Tensor // of one type and as many columns
	row     func(d int) (tensor, row int)
}

// Plain is the rows of the tensors one behind the other, but that those of the first
// ropeRows rows are in the order of RoPERow.
func Plain(tensors []*weights.Tensor, ropeRows, headDim int) Source {
	return Source{tensors, func(d int) (int, int) {
		if d < ropeRows {
			d = shaders.RoPERow(d, headDim)
		}
		i := 0
		for d >= tensors[i].Rows {
			d -= tensors[i].Rows
			i++
		}
		return i, d
	}}
}

// GateUp is the rows of ffn_gate and ffn_up in the order of GateUpRow; those past the end
// are nowhere.
func GateUp(gate, up *weights.Tensor) Source {
	return Source{[]*weights.Tensor{gate, up}, func(d int) (int, int) {
		row, isUp := shaders.GateUpRow(d)
		if isUp {
			return 1, row
		}
		return 0, row
	}}
}

// List is what is to be uploaded.
type List struct {
	file   *weights.Model
	pieces []piece
	bytes  int64 // of matrices, on the device
}

// NewList lists what goes to the device of a file.
func NewList(file *weights.Model) *List { return &List{file: file} }

// Bytes is how much is listed of matrices, on the device.
func (l *List) Bytes() int64 { return l.bytes }

// Matrix lists a matrix, whose parts are allocated.
func (l *List) Matrix(w *shaders.Matrix, from Source) {
	step := max(1, int(pieceBytes/shaders.DeviceBytes(w.Type, shaders.TileRows, w.Cols)))
	for _, part := range w.Parts {
		tiles := (part.Rows + shaders.TileRows - 1) / shaders.TileRows
		for first := 0; first < tiles; first += step {
			t := &run{from: &from, typ: w.Type, cols: w.Cols, part: part, first: first, tiles: min(step, tiles-first)}
			p := piece{t.regions(), t.repack, t}
			l.pieces = append(l.pieces, p)
			l.bytes += p.bytes()
		}
	}
}

// Values lists what fill writes to a range, from byte at on: some of the rows, each of so many bytes, at a time.
func (l *List) Values(to vk.Range, row int64, fill func(at int64, dst []byte)) {
	step := max(row, pieceBytes/row*row)
	for at := int64(0); at < to.Size; at += step {
		part := func(parts [][]byte) error {
			fill(at, parts[0])
			return nil
		}
		l.pieces = append(l.pieces, piece{to: []vk.Range{to.Part(at, min(step, to.Size-at))}, fill: part})
	}
}

// Write checks, repacks and writes all that is listed, on all cores: while one is copied to the device
// the next ones are read and repacked. progress, unless nil, is called from several goroutines
// with the bytes of matrices done. The error names the file and what is wrong in it, or is ctx's.
func (l *List) Write(ctx context.Context, d *vk.Device, progress func(done, total int64)) error {
	if len(l.pieces) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var largest int64
	for _, p := range l.pieces {
		largest = max(largest, p.bytes())
	}
	cores := runtime.GOMAXPROCS(0)
	up, err := d.NewUploader(largest, 2*cores)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer up.Free()
	for i := range l.pieces[:min(readAhead, len(l.pieces))] {
		l.pieces[i].ahead(l.file)
	}
	var next, done atomic.Int64
	var workers sync.WaitGroup
	for range cores {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(l.pieces) {
					return
				}
				if i+readAhead < len(l.pieces) {
					l.pieces[i+readAhead].ahead(l.file)
				}
				p := &l.pieces[i]
				if err := p.guard(func() error { return up.Write(p.to, p.fill) }); err != nil {
					cancel(err)
					return
				}
				if progress != nil && p.matrix != nil {
					progress(done.Add(p.bytes()), l.bytes)
				}
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("engine: %s: %w", l.file.Path, err)
	}
	return up.Flush()
}

// bytes is the size of the piece on the device.
func (p *piece) bytes() (n int64) {
	for _, r := range p.to {
		n += r.Size
	}
	return n
}

// guard is Tensor.Guard of all the piece's tensors.
func (p *piece) guard(do func() error) error {
	if p.matrix == nil {
		return do()
	}
	for _, t := range p.matrix.from.Tensors {
		inner := do
		do = func() error { return t.Guard(inner) }
	}
	return do()
}

// ahead has the piece's rows read, so that they are there when their turn comes.
func (p *piece) ahead(file *weights.Model) {
	if p.matrix == nil {
		return
	}
	type span struct{ first, end int }
	spans := make([]span, len(p.matrix.from.Tensors))
	t := p.matrix
	for d := t.first * shaders.TileRows; d < min((t.first+t.tiles)*shaders.TileRows, t.part.Rows); d++ {
		i, row := t.from.row(t.part.First + d)
		s := &spans[i]
		if s.end == 0 {
			s.first = row
		}
		s.first, s.end = min(s.first, row), max(s.end, row+1)
	}
	for i, t := range p.matrix.from.Tensors {
		if s := spans[i]; min(s.end, t.Rows) > s.first {
			file.Ahead(t, s.first, min(s.end, t.Rows)-s.first)
		}
	}
}

// run is some tiles of a part of a matrix.
type run struct {
	from         *Source
	typ          shaders.Type
	cols         int
	part         shaders.Part
	first, tiles int // of the part
}

// regions is where they go.
func (t *run) regions() []vk.Range {
	first, second := t.part.Regions(t.typ, t.cols, t.first, t.tiles)
	if second.Size == 0 {
		return []vk.Range{first}
	}
	return []vk.Range{first, second}
}

// repack checks them and writes them to the memory of their regions.
func (t *run) repack(regions [][]byte) error {
	for i := range t.tiles {
		var tile shaders.Tile
		if err := t.gather(&tile, t.first+i); err != nil {
			return err
		}
		for j, repack := range []func(shaders.Type, []byte, *shaders.Tile, int){shaders.RepackFirst, shaders.RepackSecond}[:len(regions)] {
			n := len(regions[j]) / t.tiles
			repack(t.typ, regions[j][i*n:][:n], &tile, t.cols)
		}
	}
	return nil
}

// gather finds and checks the rows of a tile of the part.
func (t *run) gather(tile *shaders.Tile, number int) error {
	for r := range tile {
		d := number*shaders.TileRows + r
		if d >= t.part.Rows {
			return nil
		}
		i, row := t.from.row(t.part.First + d)
		tensor := t.from.Tensors[i]
		if row >= tensor.Rows {
			continue
		}
		if err := tensor.CheckRows(row, 1); err != nil {
			return err
		}
		tile[r].Data, tile[r].Scales, tile[r].Biases = tensor.RowData(row, 1)
	}
	return nil
}
