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

// piece is some tiles of a matrix on their way to the device.
type piece struct {
	source      *Source
	matrix      shaders.Matrix
	part        *shaders.Part
	tile, tiles int // first one of the part, and how many
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

// List is the pieces of matrices that are to be uploaded.
type List struct {
	path   string // of the file, for errors
	pieces []piece
}

// NewList lists what goes to the device of the file that errors name.
func NewList(path string) *List { return &List{path: path} }

// Add lists a matrix, whose parts are allocated.
func (l *List) Add(w *shaders.Matrix, from Source) {
	step := max(1, int(pieceBytes/shaders.DeviceBytes(w.Type, shaders.TileRows, w.Cols)))
	for i := range w.Parts {
		tiles := (w.Parts[i].Rows + shaders.TileRows - 1) / shaders.TileRows
		for tile := 0; tile < tiles; tile += step {
			l.pieces = append(l.pieces, piece{source: &from, matrix: *w, part: &w.Parts[i], tile: tile, tiles: min(step, tiles-tile)})
		}
	}
}

// Write checks, repacks and writes all pieces, on all cores: while one is copied to the device
// the next ones are read and repacked. progress, unless nil, is called from several goroutines
// with the bytes done. The error names the file and what is wrong in it, or is ctx's.
func (l *List) Write(ctx context.Context, d *vk.Device, progress func(done, total int64)) error {
	if len(l.pieces) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var total, largest int64
	for _, p := range l.pieces {
		total += p.bytes()
		largest = max(largest, p.bytes())
	}
	cores := runtime.GOMAXPROCS(0)
	up, err := d.NewUploader(largest, 2*cores)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer up.Free()
	var next, done atomic.Int64
	var workers sync.WaitGroup
	for range cores {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(l.pieces) {
					return
				}
				p := &l.pieces[i]
				if err := p.guard(func() error { return p.write(up) }); err != nil {
					cancel(err)
					return
				}
				if n := done.Add(p.bytes()); progress != nil {
					progress(n, total)
				}
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("engine: %s: %w", l.path, err)
	}
	return up.Flush()
}

// bytes is the size of the piece on the device.
func (p *piece) bytes() int64 {
	return shaders.DeviceBytes(p.matrix.Type, p.tiles*shaders.TileRows, p.matrix.Cols)
}

// guard is Tensor.Guard of all the piece's tensors.
func (p *piece) guard(do func() error) error {
	for _, t := range p.source.Tensors {
		inner := do
		do = func() error { return t.Guard(inner) }
	}
	return do()
}

func (p *piece) write(up *vk.Uploader) error {
	typ, cols := p.matrix.Type, p.matrix.Cols
	tiles := make([]shaders.Tile, p.tiles)
	for i := range tiles {
		if err := p.gather(&tiles[i], p.tile+i); err != nil {
			return err
		}
	}
	first, second := p.part.Regions(typ, cols, p.tile, p.tiles)
	to := []vk.Range{first, second}
	if second.Size == 0 {
		to = to[:1]
	}
	return up.Write(to, func(parts [][]byte) error {
		for region, dst := range parts {
			n, repack := len(dst)/p.tiles, shaders.RepackFirst
			if region == 1 {
				repack = shaders.RepackSecond
			}
			for i := range tiles {
				repack(typ, dst[i*n:][:n], &tiles[i], cols)
			}
		}
		return nil
	})
}

// gather finds and checks the rows of a tile of the part.
func (p *piece) gather(tile *shaders.Tile, number int) error {
	for r := range tile {
		d := number*shaders.TileRows + r
		if d >= p.part.Rows {
			return nil
		}
		i, row := p.source.row(p.part.First + d)
		t := p.source.Tensors[i]
		if row >= t.Rows {
			continue
		}
		if err := t.CheckRows(row, 1); err != nil {
			return err
		}
		tile[r].Data, tile[r].Scales, tile[r].Biases = t.RowData(row, 1)
	}
	return nil
}
