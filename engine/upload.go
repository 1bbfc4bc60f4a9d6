package engine

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

// piece is some rows of a tensor on their way to the device.
type piece struct {
	tensor      *weights.Tensor
	part        *shaders.Part
	first, rows int // of the part
}

// upload checks, repacks and writes all tensors, on all cores: while one piece
// is copied to the device the next ones are read and repacked.
func (m *Model) upload(ctx context.Context, file *weights.Model, progress func(done, total int64)) error {
	up, err := m.dev.NewUploader()
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer up.Free()

	var pieces []piece
	matrix := func(name string, to *shaders.Matrix) error {
		t := file.Tensor(name + ".weight")
		made, err := m.matrix(t)
		if err != nil {
			return err
		}
		*to = made
		pieces = append(pieces, cut(t, to.Parts, min(pieceBytes, up.MaxChunk()))...)
		return nil
	}
	norm := func(name string, to *vk.Range) error {
		t := file.Tensor(name + ".weight")
		return t.Guard(func() error { return m.uploadNorm(t, to) })
	}
	if err := m.eachTensor(file, matrix, norm); err != nil {
		return err
	}
	if err := uploadPieces(ctx, up, pieces, progress); err != nil {
		return fmt.Errorf("engine: %s: %w", file.Path, err)
	}
	return up.Flush()
}

// eachTensor walks the model's tensors by their GGUF names.
func (m *Model) eachTensor(file *weights.Model, matrix func(string, *shaders.Matrix) error, norm func(string, *vk.Range) error) (err error) {
	do := func(e error) {
		if err == nil {
			err = e
		}
	}
	do(matrix("token_embd", &m.tokenEmbd))
	m.output = &m.tokenEmbd
	if file.Tensor("output.weight") != nil {
		m.output = new(shaders.Matrix)
		do(matrix("output", m.output))
	}
	do(norm("output_norm", &m.outputNorm))
	for i := range m.layers {
		l, blk := &m.layers[i], fmt.Sprintf("blk.%d.", i)
		do(norm(blk+"attn_norm", &l.AttnNorm))
		do(matrix(blk+"attn_q", &l.AttnQ))
		do(matrix(blk+"attn_k", &l.AttnK))
		do(matrix(blk+"attn_v", &l.AttnV))
		do(matrix(blk+"attn_output", &l.AttnOutput))
		do(norm(blk+"ffn_norm", &l.FFNNorm))
		do(matrix(blk+"ffn_gate", &l.FFNGate))
		do(matrix(blk+"ffn_up", &l.FFNUp))
		do(matrix(blk+"ffn_down", &l.FFNDown))
	}
	return err
}

// matrix makes the buffers of a tensor, split by rows into ranges that the
// device can bind.
func (m *Model) matrix(t *weights.Tensor) (shaders.Matrix, error) {
	w := shaders.Matrix{Type: shaders.Type(t.Type), Rows: t.Rows, Cols: t.Cols}
	perPart, err := w.Type.PartRows(t.Cols, m.maxRange)
	if err != nil {
		return w, fmt.Errorf("engine: %s: %w", t.Name, err)
	}
	for first := 0; first < t.Rows; first += perPart {
		rows := min(perPart, t.Rows-first)
		b, err := m.buffer(t.Name, w.Type.DeviceBytes(rows, t.Cols), vk.DeviceLocal)
		if err != nil {
			return w, err
		}
		w.Parts = append(w.Parts, shaders.Part{Data: b.All(), First: first, Rows: rows})
	}
	return w, nil
}

// uploadNorm writes a vector as f32, whatever its type in the file.
func (m *Model) uploadNorm(t *weights.Tensor, to *vk.Range) error {
	if err := t.CheckRows(0, t.Rows); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	values := make([]float32, t.Rows*t.Cols)
	if err := t.DequantizeRows(values, 0, t.Rows); err != nil {
		return fmt.Errorf("engine: %s: %w", t.Name, err)
	}
	b, err := m.buffer(t.Name, int64(len(values))*4, vk.DeviceLocal)
	if err != nil {
		return err
	}
	*to = b.All()
	return m.dev.Write(*to, float32Bytes(values))
}

// cut divides the parts into pieces of at most limit bytes and an even number of rows.
func cut(t *weights.Tensor, parts []shaders.Part, limit int64) []piece {
	var pieces []piece
	typ := shaders.Type(t.Type)
	step := max(2, int(limit/typ.DeviceBytes(2, t.Cols))*2)
	for i := range parts {
		for first := 0; first < parts[i].Rows; first += step {
			pieces = append(pieces, piece{t, &parts[i], first, min(step, parts[i].Rows-first)})
		}
	}
	return pieces
}

func uploadPieces(ctx context.Context, up *vk.Uploader, pieces []piece, progress func(done, total int64)) error {
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
				if err := pieces[i].tensor.Guard(func() error { return pieces[i].write(up) }); err != nil {
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
	return context.Cause(ctx)
}

// row is the piece's first row of the tensor.
func (p *piece) row() int { return p.part.First + p.first }

// bytes is the size of the piece in the file.
func (p *piece) bytes() int64 {
	data, scales, biases := p.tensor.RowData(p.row(), p.rows)
	return int64(len(data) + len(scales) + len(biases))
}

func (p *piece) write(up *vk.Uploader) error {
	if err := p.tensor.CheckRows(p.row(), p.rows); err != nil {
		return err
	}
	t, cols := shaders.Type(p.tensor.Type), p.tensor.Cols
	data, scales, biases := p.tensor.RowData(p.row(), p.rows)
	toWords, toScales := p.part.Regions(t, cols, p.first, p.rows)
	err := up.Write(toWords, func(dst []byte) error {
		t.RepackWords(dst, data, p.rows, cols)
		return nil
	})
	if err != nil || toScales.Size == 0 {
		return err
	}
	return up.Write(toScales, func(dst []byte) error {
		t.RepackScales(dst, data, scales, biases, p.rows, cols)
		return nil
	})
}
