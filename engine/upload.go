package engine

import (
	"context"
	"errors"
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
	source      *source
	matrix      shaders.Matrix
	part        *shaders.Part
	tile, tiles int // first one of the part, and how many
}

// source is where a matrix's rows come from.
type source struct {
	tensors []*weights.Tensor // of one type and as many columns
	row     func(d int) (tensor, row int)
}

// plain is the rows of the tensors one behind the other, but that those of the first
// heads heads are in the order of RoPERow.
func plain(tensors []*weights.Tensor, ropeRows, headDim int) source {
	return source{tensors, func(d int) (int, int) {
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

// gateUp is the rows of ffn_gate and ffn_up in the order of GateUpRow; those past the end
// are nowhere.
func gateUp(gate, up *weights.Tensor) source {
	return source{[]*weights.Tensor{gate, up}, func(d int) (int, int) {
		row, isUp := shaders.GateUpRow(d)
		if isUp {
			return 1, row
		}
		return 0, row
	}}
}

// upload checks, repacks and writes all pieces of a file, on all cores: while one
// is copied to the device the next ones are read and repacked.
func upload(ctx context.Context, up *vk.Uploader, path string, pieces []piece, progress func(done, total int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var total int64
	for _, p := range pieces {
		total += p.bytes()
	}
	var next, done atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(pieces) {
					return
				}
				if err := pieces[i].guard(func() error { return pieces[i].write(up) }); err != nil {
					cancel(err)
					return
				}
				if n := done.Add(pieces[i].bytes()); progress != nil {
					progress(n, total)
				}
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("engine: %s: %w", path, err)
	}
	return up.Flush()
}

// bytes is the size of the piece on the device.
func (p *piece) bytes() int64 {
	return shaders.DeviceBytes(p.matrix.Type, p.tiles*shaders.TileRows, p.matrix.Cols)
}

// guard is Tensor.Guard of all the piece's tensors.
func (p *piece) guard(do func() error) error {
	for _, t := range p.source.tensors {
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
	toFirst, toSecond := p.part.Regions(typ, cols, p.tile, p.tiles)
	each := func(to vk.Range, repack func(dst []byte, tile *shaders.Tile)) error {
		if to.Size == 0 {
			return nil
		}
		return up.Write(to, func(dst []byte) error {
			n := len(dst) / p.tiles
			for i := range tiles {
				repack(dst[i*n:][:n], &tiles[i])
			}
			return nil
		})
	}
	return errors.Join(
		each(toFirst, func(dst []byte, tile *shaders.Tile) { shaders.RepackFirst(typ, dst, tile, cols) }),
		each(toSecond, func(dst []byte, tile *shaders.Tile) { shaders.RepackSecond(typ, dst, tile, cols) }))
}

// gather finds and checks the rows of a tile of the part.
func (p *piece) gather(tile *shaders.Tile, number int) error {
	for r := range tile {
		d := number*shaders.TileRows + r
		if d >= p.part.Rows {
			return nil
		}
		i, row := p.source.row(p.part.First + d)
		t := p.source.tensors[i]
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
