package weights

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"sealvk/weights/format"
)

// Quantize writes m as a GGUF file whose tensors have the types that llama-quantize
// chooses for the mix. What has its type already is copied; the rest becomes float32 and
// is quantized without importance matrix. The metadata of a GGUF model is carried over;
// that of a folder is made from Config, ChatTemplate and vocab, which only folders need
// and which may have fewer pieces than token_embd has rows. NaN, Inf and values that are
// too large for the type are an error. The file appears under its name only when it is
// complete. progress, if not nil, is called from one goroutine at a time with the bytes
// written so far and in all. Memory: some MiB a core beside the header.
func Quantize(ctx context.Context, path string, m *Model, mix FileType, vocab *Vocab, progress func(done, total int64)) error {
	if err := m.checkNotAmongFiles(path); err != nil {
		return err
	}
	in, tensors := m.planQuantize(mix)
	size := layOut(tensors)
	header, err := m.quantizedHeader(mix, vocab, tensors)
	if err != nil {
		return fmt.Errorf("weights: %s: %w", m.Path, err)
	}
	o := &output{path, header, tensors, int64(len(header)) + int64(size), progress}
	perRow := func(i int) int { return tensors[i].Cols / tensors[i].Type.BlockValues() }
	return o.write(ctx, perRow, func() filler {
		var q quantizer
		return func(dst []byte, i, first int) error {
			rows := len(dst) / tensors[i].RowBytes()
			first /= perRow(i)
			defer m.release(in[i], first, rows)
			return in[i].Guard(func() error { return q.rows(dst, in[i], tensors[i].Type, first, rows) })
		}
	})
}

// Requantized names the types of the tensors whose values are rounded a second time when m
// is quantized to the mix, which costs quality; nil if there are none.
func (m *Model) Requantized(mix FileType) (types []string) {
	in, out := m.planQuantize(mix)
	for i, t := range in {
		coarse := t.Type.BlockValues() > 1 && out[i].Type.BlockValues() > 1
		if coarse && t.Type != out[i].Type && !slices.Contains(types, t.Type.String()) {
			types = append(types, t.Type.String())
		}
	}
	return types
}

// checkNotAmongFiles refuses to replace what m is read from, through links too.
func (m *Model) checkNotAmongFiles(path string) error {
	out, err := os.Stat(path)
	if err != nil {
		return nil // nothing there that could be replaced
	}
	for _, name := range append(slices.Clone(m.Files), m.Tokenizer) {
		if in, err := os.Stat(name); err == nil && os.SameFile(in, out) {
			return fmt.Errorf("weights: writing %s: it is the same file as the input %s; choose another name", path, name)
		}
	}
	return nil
}

// planQuantize gives the tensors in the order in which llama-quantize writes them, and what
// they become.
func (m *Model) planQuantize(mix FileType) (in, out []*Tensor) {
	shapes, head := slices.Collect(m.Config.shapes), "token_embd.weight"
	if !m.Config.TiedHead {
		shapes = append([]shape{m.Config.head()}, shapes...)
		head = shapes[0].name
	}
	for _, s := range shapes {
		typ := fitting(mix.typeOf(s, m.Config.Layers, s.name == head), s.cols)
		in = append(in, m.index[s.name])
		out = append(out, &Tensor{Name: s.name, Type: typ, Rows: s.rows, Cols: s.cols})
	}
	return in, out
}

// quantizer turns rows into another type; values is its memory.
type quantizer struct{ values []float32 }

// tooLarge is past all values that a quantized type can store (2.6e8 in Q6_K), and small enough
// that no product in the search for scales overflows.
const tooLarge = 1 << 33

func (q *quantizer) rows(dst []byte, in *Tensor, typ format.Type, first, rows int) error {
	if err := in.CheckRows(first, rows); err != nil {
		return err
	}
	if in.Type == typ {
		data, _, _ := in.RowData(first, rows)
		copy(dst, data)
		return nil
	}
	if n := rows * in.Cols; len(q.values) < n {
		q.values = make([]float32, n)
	}
	values := q.values[:rows*in.Cols]
	if err := in.DequantizeRows(values, first, rows); err != nil {
		return err
	}
	if typ.BlockValues() > 1 {
		for i, v := range values {
			if abs(v) >= tooLarge {
				return in.tooLarge(typ, first+i/in.Cols)
			}
		}
	}
	quantizers[typ](dst, values)
	if block, _ := typ.NonFinite(dst); block >= 0 {
		return in.tooLarge(typ, first+block*typ.BlockValues()/in.Cols)
	}
	return nil
}

func (t *Tensor) tooLarge(typ format.Type, row int) error {
	values, largest := make([]float32, t.Cols), float32(0)
	if err := t.DequantizeRows(values, row, 1); err != nil {
		return err
	}
	for _, v := range values {
		largest = max(largest, abs(v))
	}
	err := errors.New("take --type BF16, or check the model")
	if typ == format.BF16 {
		err = errors.New("check the model")
	}
	return fmt.Errorf("weights: %s: tensor %q (%s): row %d has a value of magnitude %.4g, too large for %s: %w",
		t.path, t.Name, t.Type, row, largest, typ, err)
}
