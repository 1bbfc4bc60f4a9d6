package weights

import (
	"fmt"

	"sealvk/weights/format"
)

// patternBytes is the least of a synthetic tensor that is generated, unless it is smaller.
const patternBytes = 2 << 20

// Synth makes a model of the shape c and the type mix in memory, for measurements: as by
// [WriteSynth], but the tensors repeat some random rows, so that it takes no room, and there
// is no vocabulary.
func Synth(c Config, mix FileType, seed uint64) (*Model, error) {
	tensors, _, err := planTensors(&c, mix)
	if err != nil {
		return nil, fmt.Errorf("weights: shape %s as %s: %w", c.Name, mix, err)
	}
	m := &Model{Path: c.Name, Format: "synthetic", FileType: mix, Config: c}
	type pattern struct {
		typ  format.Type
		cols int
		role string // embeddings have a spread of their own
	}
	rows := map[pattern][]byte{}
	for _, t := range tensors {
		p := pattern{t.Type, t.Cols, ""}
		if t.Name == "token_embd.weight" {
			p.role = t.Name
		}
		n := min(t.Rows, max(2, patternBytes/t.RowBytes()))
		if len(rows[p]) < n*t.RowBytes() {
			rows[p] = make([]byte, n*t.RowBytes())
			newSynth(t, seed).blocks(rows[p], 0)
		}
		t.Data, t.repeated = rows[p], t.Rows > n
		if !t.repeated {
			t.Data = t.Data[:n*t.RowBytes()]
		}
		m.Size += t.Bytes()
	}
	m.setTensors(tensors)
	return m, nil
}

// repeatedRows gives some rows of a tensor that repeats those in Data.
func (t *Tensor) repeatedRows(first, rows int) []byte {
	n := t.RowBytes()
	have := len(t.Data) / n
	if first %= have; first+rows <= have {
		return t.Data[first*n:][:rows*n]
	}
	if rows <= have {
		return t.Data[:rows*n]
	}
	data := make([]byte, 0, rows*n)
	for len(data) < rows*n {
		data = append(data, t.Data[:min(len(t.Data), rows*n-len(data))]...)
	}
	return data
}
