package weights

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/weights/format"
)

func quantizeTo(t *testing.T, m *Model, mix string) string {
	t.Helper()
	f, err := ParseMix(mix)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), mix+".gguf")
	if err := Quantize(context.Background(), path, m, f, nil, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	a, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("%s (%d bytes) differs from %s (%d)", got, len(a), want, len(b))
	}
}

// llama-quantize made the files of the small model from its BF16 file.
func TestQuantizedFilesEqualTheReference(t *testing.T) {
	const dir = shared + "models/seallm-nano/gguf/seallm-nano-"
	needsShared(t, dir+"bf16.gguf")
	m := mustOpen(t, dir+"bf16.gguf")
	for _, mix := range []string{"Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "Q4_0"} {
		sameFiles(t, quantizeTo(t, m, mix), dir+mix+".gguf")
	}
	for _, folder := range []string{"hf", "hf-sharded"} { // made anew, so that the header differs
		want, in := mustOpen(t, dir+"Q8_0.gguf"), mustOpen(t, shared+"models/seallm-nano/"+folder)
		path := filepath.Join(t.TempDir(), "x.gguf")
		if err := Quantize(context.Background(), path, in, 7, want.Vocab, nil); err != nil {
			t.Fatal(err)
		}
		got := mustOpen(t, path)
		equalTensors(t, got, want)
		if got.Config.Name != folder || !slices.Equal(got.Vocab.Pieces, want.Vocab.Pieces) || got.ChatTemplate != want.ChatTemplate {
			t.Errorf("%s: name %q, %d pieces, template %q", folder, got.Config.Name, len(got.Vocab.Pieces), got.ChatTemplate)
		}
	}
	if types := mustOpen(t, shared+"models/seallm-nano/mlx").Requantized(15); len(types) != 1 || !strings.HasPrefix(types[0], "MLX") {
		t.Errorf("quantized again: %q", types)
	}
}

func equalTensors(t *testing.T, got, want *Model) {
	t.Helper()
	for i, w := range want.Tensors {
		if g := got.Tensors[i]; g.Name != w.Name || g.Type != w.Type || g.Rows != w.Rows || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("%s %v differs from %s %v", g.Name, g.Type, w.Name, w.Type)
		}
	}
}

func TestQuantizeKeepsWhatIsOfTheType(t *testing.T) {
	for _, mix := range mixes {
		path := writeSynthModel(t, small+",layers=4", mix, 1)
		m := mustOpen(t, path)
		f, _ := ParseMix(mix)
		if types := m.Requantized(f); types != nil {
			t.Errorf("%s: quantized again: %q", mix, types)
		}
		if types := m.Requantized(2); mix != "Q4_0" && (types != nil) != strings.HasPrefix(mix, "Q") {
			t.Errorf("%s to Q4_0: quantized again: %q", mix, types)
		}
		again := mustOpen(t, quantizeTo(t, m, mix))
		if again.FileType != f || again.Config != m.Config || len(again.Metadata) != len(m.Metadata) {
			t.Errorf("%s: file type %v, config %+v", mix, again.FileType, again.Config)
		}
		for _, tensor := range m.Tensors {
			if a := again.Tensor(tensor.Name); a.Type != tensor.Type || !bytes.Equal(a.Data, tensor.Data) {
				t.Errorf("%s: %s became %v", mix, tensor.Name, a.Type)
			}
		}
	}
}

// The layers in which useMoreBits says so keep attn_v and ffn_down in Q6_K, as in synth;
// rows that are not whole blocks get another type.
func TestQuantizeTypes(t *testing.T) {
	m := mustOpen(t, writeSynthModel(t, "seallm-7b-v2.5:layers=2,dim=288,ffn=48,heads=2,kv_heads=1,head_dim=128,vocab=1000", "BF16", 1))
	for _, c := range []struct {
		mix                   string
		embd, k, output, down format.Type // rows of 288, 288, 256 and 48
	}{
		{"Q4_K_M", format.Q8_0, format.Q5_0, format.Q4_K, format.F16}, {"Q5_K_M", format.Q8_0, format.Q5_1, format.Q5_K, format.F16}, {"Q6_K", format.Q8_0, format.Q8_0, format.Q6_K, format.F16},
		{"Q4_0", format.Q8_0, format.Q4_0, format.Q4_0, format.F16}, {"Q8_0", format.Q8_0, format.Q8_0, format.Q8_0, format.F16}, {"BF16", format.BF16, format.BF16, format.BF16, format.BF16}, {"F16", format.F16, format.F16, format.F16, format.F16},
	} {
		q := mustOpen(t, quantizeTo(t, m, c.mix))
		for name, want := range map[string]format.Type{
			"token_embd.weight": c.embd, "blk.0.attn_k.weight": c.k, "blk.0.attn_output.weight": c.output,
			"blk.0.ffn_down.weight": c.down, "blk.1.ffn_norm.weight": format.F32, "output_norm.weight": format.F32,
		} {
			if got := q.Tensor(name).Type; got != want {
				t.Errorf("%s: %s is %v, want %v", c.mix, name, got, want)
			}
		}
		if q.Tensors[0].Name != "output_norm.weight" || q.Tensors[2].Name != "blk.0.attn_k.weight" {
			t.Errorf("%s: begins with %s, %s, %s", c.mix, q.Tensors[0].Name, q.Tensors[1].Name, q.Tensors[2].Name)
		}
		if err := q.CheckFinite(); err != nil {
			t.Error(err)
		}
	}
	if typ := FileType(15).typeOf(shape{name: "token_embd.weight", layer: -1}, 28, false); typ != format.Q4_K {
		t.Errorf("token_embd beside an output.weight is %v, want Q4_K", typ)
	}
}

// A model in memory and one in a mapped file, whose pages are released, give the same file.
func TestQuantizeReleasesOnlyMappedPages(t *testing.T) {
	path := writeSynthModel(t, small+",layers=2,ffn=4096", "BF16", 1)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(data)
	parsed, err := Parse(path, data)
	if err != nil {
		t.Fatal(err)
	}
	mapped := mustOpen(t, path)
	sameFiles(t, quantizeTo(t, parsed, "Q8_0"), quantizeTo(t, mapped, "Q8_0"))
	if !bytes.Equal(data, before) || !bytes.Equal(mapped.Tensor("blk.1.ffn_down.weight").Data, parsed.Tensor("blk.1.ffn_down.weight").Data) {
		t.Error("the input changed")
	}
}

func TestQuantizeFolder(t *testing.T) {
	m := mustOpen(t, "../testdata/weights/bad-files/valid-tiny-hf")
	path := filepath.Join(t.TempDir(), "x.gguf")
	quantize := func(v *Vocab) error { return Quantize(context.Background(), path, m, 7, v, nil) }
	if err := quantize(nil); err == nil || !strings.Contains(err.Error(), "has no vocabulary") {
		t.Errorf("without a vocabulary: %v", err)
	}
	v := &Vocab{Pieces: synthPieces(600)[:m.Config.Vocab], BOS: 2, EOS: 1, UNK: 3, PAD: -1, AddBOS: true}
	v.Pieces = v.Pieces[:len(v.Pieces)-2]
	if err := quantize(v); err != nil {
		t.Fatal(err)
	}
	got := mustOpen(t, path)
	if last := got.Vocab.Pieces[m.Config.Vocab-1]; last.Kind != Unused || !strings.HasPrefix(last.Text, "[PAD") {
		t.Errorf("padding: %+v", last)
	}
	want := m.Config
	if want.Name = "valid-tiny-hf"; got.Config != want || got.Vocab.PAD != -1 || got.Vocab.BOS != 2 {
		t.Errorf("config %+v, want %+v; vocabulary %+v", got.Config, want, *got.Vocab)
	}
	v.Pieces = synthPieces(600)
	if err := quantize(v); err == nil || !strings.Contains(err.Error(), "belong to different models") {
		t.Errorf("with a vocabulary too large: %v", err)
	}
}

func TestQuantizeFailsWithoutTrace(t *testing.T) {
	source := writeSynthModel(t, small+",layers=1,ffn=256", "BF16", 1)
	dir := t.TempDir()
	link, hard := filepath.Join(dir, "link.gguf"), filepath.Join(dir, "hard.gguf")
	if err := errors.Join(os.Symlink(source, link), os.Link(source, hard)); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(dir, "old.gguf")
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	// row 5 of attn_q gets a value
	broken := func(value float32) *Model {
		data, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(source, data)
		if err != nil {
			t.Fatal(err)
		}
		row, _, _ := m.Tensor("blk.0.attn_q.weight").RowData(5, 1)
		binary.LittleEndian.PutUint16(row[2*7:], uint16(math.Float32bits(value)>>16))
		return m
	}
	good := mustOpen(t, source)
	for _, c := range []struct {
		m         *Model
		mix, path string
		want      []string
	}{
		{good, "Q8_0", source, []string{"same file as the input", "another name"}},
		{good, "Q8_0", link, []string{"same file as the input"}},
		{good, "Q8_0", hard, []string{"same file as the input"}},
		{good, "Q8_0", dir, []string{"not a regular file"}},
		{good, "Q8_0", filepath.Join(dir, "absent/x.gguf"), []string{"no such file"}},
		{broken(float32(math.NaN())), "Q4_K_M", old, []string{`"blk.0.attn_q.weight"`, "row 5", "NaN"}},
		{broken(float32(math.Inf(-1))), "F16", old, []string{`"blk.0.attn_q.weight"`, "row 5", "-Inf"}},
		{broken(1e6), "F16", old, []string{`"blk.0.attn_q.weight"`, "row 5", "9.994e+05", "too large for F16", "--type BF16"}},
		{broken(-1e8), "Q8_0", old, []string{`"blk.0.attn_q.weight"`, "row 5", "9.961e+07", "too large for Q8_0"}},
		{broken(1e9), "Q4_K_M", old, []string{`"blk.0.attn_q.weight"`, "row 5", "too large for Q4_K"}},
		{broken(1e9), "Q6_K", old, []string{`"blk.0.attn_q.weight"`, "row 5", "too large for Q6_K"}},
		{broken(1e37), "Q6_K", old, []string{`"blk.0.attn_q.weight"`, "row 5", "too large for Q6_K"}},
	} {
		f, err := ParseMix(c.mix)
		if err != nil {
			t.Fatal(err)
		}
		err = Quantize(context.Background(), c.path, c.m, f, nil, nil)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s to %s: %v, want %q", c.mix, c.path, err, want)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := Quantize(ctx, old, good, 7, nil, func(int64, int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if data, err := os.ReadFile(old); string(data) != "old" {
		t.Errorf("the file that was there: %q, %v", data, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("left behind: %v", left)
	}
}

func TestQuantizeProgress(t *testing.T) {
	m := mustOpen(t, writeSynthModel(t, small+",layers=2", "BF16", 1))
	path := filepath.Join(t.TempDir(), "x.gguf")
	var last, total int64
	err := Quantize(context.Background(), path, m, 15, nil, func(d, n int64) {
		if d < last || d > n {
			t.Errorf("%d of %d after %d", d, n, last)
		}
		last, total = d, n
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || last != total || total != info.Size() {
		t.Errorf("progress ended at %d of %d; %v", last, total, err)
	}
}
