package weights

import (
	"context"
	"path/filepath"
	"testing"

	"sealvk/weights/format"
)

// A synthetic model has the tensors of the file that WriteSynth writes, all rows of them.
func TestSynthHasTheFilesTensors(t *testing.T) {
	shape, err := ParseShape("seallm-nano:layers=2,dim=512,vocab=4000")
	if err != nil {
		t.Fatal(err)
	}
	mix, err := ParseMix("Q4_K_M")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Synth(shape, mix, 1)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "synth.gguf")
	if err := WriteSynth(context.Background(), path, shape, mix, 1, nil); err != nil {
		t.Fatal(err)
	}
	file, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if len(m.Tensors) != len(file.Tensors) {
		t.Fatalf("%d tensors, the file has %d", len(m.Tensors), len(file.Tensors))
	}
	var bytes int64
	for i, want := range file.Tensors {
		got := m.Tensors[i]
		if got.Name != want.Name || got.Type != want.Type || got.Rows != want.Rows || got.Cols != want.Cols || got.Bytes() != want.Bytes() {
			t.Errorf("%s: %v %d × %d, the file has %s: %v %d × %d", got.Name, got.Type, got.Rows, got.Cols, want.Name, want.Type, want.Rows, want.Cols)
		}
		bytes += got.Bytes()
		if err := got.CheckRows(0, got.Rows); err != nil {
			t.Error(err)
		}
	}
	if m.Size != bytes {
		t.Errorf("size %d, the tensors have %d bytes", m.Size, bytes)
	}
}

func TestRepeatedRows(t *testing.T) {
	tensor := &Tensor{Type: format.F32, Rows: 10, Cols: 1, Data: []byte{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2}, repeated: true}
	for _, c := range []struct{ first, rows int }{{0, 1}, {2, 1}, {2, 2}, {9, 1}, {0, 3}, {0, 10}, {5, 5}} {
		data, _, _ := tensor.RowData(c.first, c.rows)
		if len(data) != 4*c.rows {
			t.Errorf("%d rows from %d: %d bytes", c.rows, c.first, len(data))
		}
	}
	if n := tensor.Bytes(); n != 40 {
		t.Errorf("%d bytes, want 40", n)
	}
}
