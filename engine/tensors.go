package engine

import (
	"fmt"
	"strings"

	"sealvk/engine/upload"
	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// tensors makes the device's matrices of a file's tensors and plans what to upload.
type tensors struct {
	m        *Model
	file     *weights.Model
	maxRange int64 // bytes of a tensor part, at most
	list     *upload.List
}

// all walks the model's tensors by their GGUF names.
func (t *tensors) all() (err error) {
	m := t.m
	do := func(e error) {
		if err == nil {
			err = e
		}
	}
	do(t.matrix("token_embd", &m.tokenEmbd))
	m.output = &m.tokenEmbd
	if !m.cfg.TiedHead {
		m.output = new(shaders.Matrix)
		do(t.matrix("output", m.output))
	}
	do(t.norm("output_norm", &m.outputNorm))
	m.layers = make([]layer, m.cfg.Layers)
	for i := range m.layers {
		l, blk := &m.layers[i], fmt.Sprintf("blk.%d.", i)
		do(t.norm(blk+"attn_norm", &l.AttnNorm))
		do(t.qkv(blk, &l.AttnQKV))
		do(t.matrix(blk+"attn_output", &l.AttnOutput))
		do(t.norm(blk+"ffn_norm", &l.FFNNorm))
		do(t.gateUp(blk, &l.FFNGateUp))
		do(t.matrix(blk+"ffn_down", &l.FFNDown))
	}
	return err
}

func (t *tensors) weight(name string) *weights.Tensor { return t.file.Tensor(name + ".weight") }

func (t *tensors) matrix(name string, to *shaders.Matrix) (err error) {
	w := t.weight(name)
	*to, err = t.make(name, w.Rows, upload.Plain([]*weights.Tensor{w}, 0, 0))
	return err
}

// qkv stacks those of q, k and v that follow each other and have one type.
func (t *tensors) qkv(blk string, to *[]stacked) error {
	names := []string{"q", "k", "v"}
	heads, row0 := t.m.heads, 0
	for first := 0; first < len(names); {
		end := first + 1
		for end < len(names) && t.weight(blk+"attn_"+names[end]).Type == t.weight(blk+"attn_"+names[first]).Type {
			end++
		}
		var from []*weights.Tensor
		rows, rope := 0, 0
		for _, n := range names[first:end] {
			w := t.weight(blk + "attn_" + n)
			from, rows = append(from, w), rows+w.Rows
			if n != "v" {
				rope += w.Rows
			}
		}
		name := "attn_" + strings.Join(names[first:end], "")
		if err := t.stack(to, blk, name, row0, rows, upload.Plain(from, rope, heads.HeadDim)); err != nil {
			return err
		}
		first, row0 = end, row0+rows
	}
	return nil
}

// gateUp puts gate and up into one matrix if they have one type.
func (t *tensors) gateUp(blk string, to *[]stacked) error {
	gate, up := t.weight(blk+"ffn_gate"), t.weight(blk+"ffn_up")
	if gate.Type == up.Type {
		return t.stack(to, blk, "ffn_gate_up", 0, gateUpRows(gate.Rows), upload.GateUp(gate, up))
	}
	if err := t.stack(to, blk, "ffn_gate", 0, gate.Rows, upload.Plain([]*weights.Tensor{gate}, 0, 0)); err != nil {
		return err
	}
	return t.stack(to, blk, "ffn_up", gate.Rows, up.Rows, upload.Plain([]*weights.Tensor{up}, 0, 0))
}

// gateUpRows is the rows of gate and up in one matrix: whole tiles.
func gateUpRows(ffn int) int {
	const pairs = shaders.TileRows / 2
	return shaders.TileRows * ((ffn + pairs - 1) / pairs)
}

func (t *tensors) stack(to *[]stacked, blk, name string, row0, rows int, from upload.Source) error {
	w, err := t.make(blk+name, rows, from)
	*to = append(*to, stacked{name, row0, w})
	return err
}

// make makes the buffers of a matrix, split by rows into ranges that the device can bind, and lists
// it for the upload.
func (t *tensors) make(name string, rows int, from upload.Source) (shaders.Matrix, error) {
	first := from.Tensors[0]
	w := shaders.Matrix{Type: first.Type, Rows: rows, Cols: first.Cols}
	perPart, err := shaders.PartRows(w.Type, w.Cols, t.maxRange)
	if err != nil {
		return w, fmt.Errorf("engine: %s: %w", name, err)
	}
	for first := 0; first < rows; first += perPart {
		n := min(perPart, rows-first)
		b, err := t.m.buffer(name, shaders.DeviceBytes(w.Type, n, w.Cols), vk.DeviceLocal)
		if err != nil {
			return w, err
		}
		w.Parts = append(w.Parts, shaders.Part{Data: b.All(), First: first, Rows: n})
	}
	t.list.Matrix(&w, from)
	return w, nil
}

// norm lists a vector as f32, whatever its type in the file.
func (t *tensors) norm(name string, to *vk.Range) error {
	w := t.weight(name)
	values := make([]float32, w.Rows*w.Cols)
	err := w.Guard(func() error {
		if err := w.CheckRows(0, w.Rows); err != nil {
			return fmt.Errorf("engine: %w", err)
		}
		if err := w.DequantizeRows(values, 0, w.Rows); err != nil {
			return fmt.Errorf("engine: %s: %w", w.Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	b, err := t.m.buffer(w.Name, int64(len(values))*4, vk.DeviceLocal)
	if err != nil {
		return err
	}
	*to = b.All()
	t.list.Values(*to, 4, func(at int64, dst []byte) { copy(dst, bytesOf(values...)[at:]) })
	return nil
}
