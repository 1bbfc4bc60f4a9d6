package weights

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealvk/weights/format"
)

// A sharded model, by whichever shard, becomes the file that the whole one becomes.
func TestQuantizeShards(t *testing.T) {
	whole := mustOpen(t, testdata+"bad-files/valid-tiny.gguf")
	for _, path := range glob(t, shardPattern) {
		got := mustOpen(t, quantizeTo(t, mustOpen(t, path), "Q8_0"))
		want := mustOpen(t, quantizeTo(t, whole, "Q8_0"))
		equalTensors(t, got, want)
		if len(got.Files) != 1 || got.Config != want.Config || len(got.Vocab.Pieces) != len(want.Vocab.Pieces) {
			t.Errorf("%s: %d files, config %+v, %d pieces", path, len(got.Files), got.Config, len(got.Vocab.Pieces))
		}
		for _, e := range got.Metadata {
			if strings.HasPrefix(e.Key, "split.") {
				t.Errorf("%s: %s is still there", path, e.Key)
			}
		}
	}
}

// The output may lie among the shards, but replace none.
func TestQuantizeBesideItsInput(t *testing.T) {
	dir := writeFiles(t, readFiles(t, shardPattern))
	m := mustOpen(t, filepath.Join(dir, "tiny-00002-of-00004.gguf"))
	for _, name := range m.Files {
		if err := Quantize(context.Background(), name, m, 7, nil, nil); err == nil || !strings.Contains(err.Error(), "same file as the input") {
			t.Errorf("%s: %v", name, err)
		}
	}
	out := filepath.Join(dir, "tiny.Q8_0.gguf")
	if err := Quantize(context.Background(), out, m, 7, nil, nil); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, out)
}

func TestQuantizeMLX(t *testing.T) {
	for _, bits := range []int{4, 8} {
		m := mustOpen(t, writeFiles(t, newMLXFolder(bits, 64, format.F16).files()))
		path := filepath.Join(t.TempDir(), "x.gguf")
		vocab := &Vocab{Pieces: synthPieces(600)[:mlxVocab], BOS: 2, EOS: 1, UNK: 3, PAD: 0, AddBOS: true}
		if err := Quantize(context.Background(), path, m, 7, vocab, nil); err != nil {
			t.Fatal(err)
		}
		got := mustOpen(t, path)
		checkQuantized(t, m, got)
		if got.Tensor("blk.0.ffn_up.weight").Type != format.Q8_0 || got.FileType.String() != "Q8_0" {
			t.Errorf("%d bits: ffn_up is %v", bits, got.Tensor("blk.0.ffn_up.weight").Type)
		}
	}
}

// checkQuantized quantizes every tensor at once and compares.
func checkQuantized(t *testing.T, in, out *Model) {
	t.Helper()
	for _, x := range in.Tensors {
		values := make([]float32, x.Values())
		if err := x.DequantizeRows(values, 0, x.Rows); err != nil {
			t.Fatal(err)
		}
		y := out.Tensor(x.Name)
		want := make([]byte, y.Rows*y.RowBytes())
		if quantizers[y.Type](want, values); !bytes.Equal(y.Data, want) {
			t.Errorf("%s as %v differs", x.Name, y.Type)
		}
	}
}

// Tensors are written in pieces of about 1 MiB; the last of 5003 rows is another size.
func TestQuantizeInPieces(t *testing.T) {
	m := mustOpen(t, writeSynthModel(t, "seallm-nano:layers=1,dim=288,vocab=5003", "BF16", 1))
	checkQuantized(t, m, mustOpen(t, quantizeTo(t, m, "Q8_0")))
}

// A model that was read from memory has no file to go back to.
func TestQuantizeFromMemory(t *testing.T) {
	data, err := os.ReadFile(testdata + "bad-files/valid-tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse("no such file", data)
	if err != nil {
		t.Fatal(err)
	}
	sameFiles(t, quantizeTo(t, m, "Q8_0"), quantizeTo(t, mustOpen(t, testdata+"bad-files/valid-tiny.gguf"), "Q8_0"))
}

// Tensors and offsets past 2^32 bytes: a file with a hole of 6 GB.
func TestTensorsPast4GB(t *testing.T) {
	c := Config{Name: "large", Layers: 1, Dim: 32768, FFNDim: 32, Heads: 1, KVHeads: 1, HeadDim: 32, Vocab: 100000, Context: 8, RopeTheta: 10000, NormEps: 1e-6}
	tensors, size, err := planTensors(&c, 32)
	if err != nil {
		t.Fatal(err)
	}
	header := newHeader(&c, &Vocab{Pieces: synthPieces(c.Vocab), BOS: -1, EOS: -1, UNK: -1, PAD: -1}, "", 32, tensors)
	path := filepath.Join(t.TempDir(), "large.gguf")
	if err := os.WriteFile(path, header, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(header))+int64(size)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	put := func(name string, row int) {
		for i, x := range tensors {
			if x.Name == name {
				at := int64(len(header)) + int64(tensors[i].offset) + int64(row)*int64(x.RowBytes())
				if _, err := f.WriteAt(binary.LittleEndian.AppendUint16(nil, 0x3f80), at); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	put("token_embd.weight", c.Vocab-1)
	put("blk.0.ffn_up.weight", 3)
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for name, row := range map[string]int{"token_embd.weight": c.Vocab - 1, "blk.0.ffn_up.weight": 3} {
		var q quantizer
		x := m.Tensor(name)
		got, want := make([]byte, x.Cols/32*34), make([]byte, x.Cols/32*34)
		if err := q.rows(got, x, format.Q8_0, row, 1); err != nil {
			t.Fatal(err)
		}
		values := make([]float32, x.Cols)
		values[0] = 1
		if quantizeQ8_0(want, values); !bytes.Equal(got, want) {
			t.Errorf("%s: row %d is not what was written", name, row)
		}
		m.release(x, row, 1)
	}
	// Writing: the pieces cover every block once, in order.
	o := &output{tensors: tensors}
	pieces := make(chan piece)
	go func() {
		o.cut(context.Background(), func(i int) int { return tensors[i].Cols }, pieces)
		close(pieces)
	}()
	blocks := make([]int, len(tensors))
	for p := range pieces {
		if p.first != blocks[p.tensor] {
			t.Fatalf("tensor %d: piece at %d behind %d", p.tensor, p.first, blocks[p.tensor])
		}
		blocks[p.tensor] += p.blocks
	}
	for i, x := range tensors {
		if blocks[i] != x.Rows*x.Cols {
			t.Errorf("%s: %d blocks of %d", x.Name, blocks[i], x.Rows*x.Cols)
		}
	}
}
