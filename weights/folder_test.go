package weights

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealvk/weights/format"
)

// badFolders gives for every malformed folder the file its error names and what it says.
var badFolders = map[string][2]string{
	"st-empty":                  {"model.safetensors", `the file is empty`},
	"st-short":                  {"model.safetensors", `the file has 5 bytes, too few for the header's length`},
	"st-header-past-eof":        {"model.safetensors", `its header would have 1099511627776 bytes`},
	"st-header-length-overflow": {"model.safetensors", `its header would have 18446744073709551615 bytes`},
	"st-header-not-utf8":        {"model.safetensors", `header: not valid UTF-8 at byte 104`},
	"st-header-not-object":      {"model.safetensors", `header: begins with "[", want "{"`},
	"st-header-not-json":        {"model.safetensors", `header: JSON ends too early, behind byte 59`},
	"st-offsets-reversed":       {"model.safetensors", `the end`},
	"st-overlap":                {"model.safetensors", `overlaps`},
	"st-out-of-bounds":          {"model.safetensors", `past the end of the file`},
	"st-negative-offset":        {"model.safetensors", `is -64, want a whole number`},
	"st-unknown-dtype":          {"model.safetensors", `dtype "F99" at byte`},
	"st-dtype-size":             {"model.safetensors", `are not what shape [16 16] of F32 takes`},
	"st-integer-weight":         {"model.safetensors", `"model.layers.0.self_attn.q_proj.weight" has dtype I64; only BF16, F16 and F32`},
	"st-shape-mismatch":         {"model.safetensors", `want 16 × 16 by config.json`},
	"st-missing-tensor":         {"", `tensor "model.norm.weight" is missing`},
	"st-truncated-data":         {"model.safetensors", `past the end of the file`},
	"index-missing-shard":       {"", `model-00002-of-00002.safetensors is missing; fetch it`},
	"index-path-traversal":      {"model.safetensors.index.json", `"../../etc/passwd" of "model.embed_tokens.weight" at byte`},
	"index-wrong-shard":         {"model.safetensors.index.json", `the tensor "model.embed_tokens.weight" is in "model-00001-of-00002.safetensors", not in "model-00002-of-00002.safetensors"`},
	"index-not-a-map":           {"model.safetensors.index.json", `"weight_map" at byte 59 is a JSON array, want a JSON object`},
	"config-zero-heads":         {"config.json", `num_attention_heads is 0, want at least 1`},
	"config-not-json":           {"config.json", `not JSON behind byte 19: `},
	"config-other-model":        {"config.json", `"model_type" at byte 69 is "llama"; only "gemma"`},
}

func TestBadFoldersSayWhatIsWrong(t *testing.T) {
	folders := append(globMaybe(testdata+"bad-files/st-*"), append(globMaybe(testdata+"bad-files/index-*"), globMaybe(testdata+"bad-files/config-*")...)...)
	if len(folders) != len(badFolders) {
		t.Errorf("%d folders, %d expectations", len(folders), len(badFolders))
	}
	for _, kind := range []string{"st", "index", "config"} {
		folders = append(folders, globMaybe(shared+"golden/bad-files/"+kind+"-*")...)
	}
	for _, dir := range folders {
		m, err := openAll(dir)
		if err == nil {
			m.Close()
			t.Errorf("%s: no error", dir)
			continue
		}
		want := badFolders[filepath.Base(dir)]
		if msg := err.Error(); want[1] == "" || !strings.Contains(msg, want[1]) || !strings.HasPrefix(msg, "weights: "+filepath.Join(dir, want[0])+": ") {
			t.Errorf("%s: %q lacks %q", dir, msg, want)
		}
	}
}

// sameTensors compares two models value by value.
func sameTensors(t *testing.T, a, b *Model) {
	t.Helper()
	if len(a.Tensors) != len(b.Tensors) {
		t.Errorf("%s has %d tensors, %s has %d", a.Path, len(a.Tensors), b.Path, len(b.Tensors))
	}
	for _, x := range a.Tensors {
		y := b.Tensor(x.Name)
		if y == nil || x.Rows != y.Rows || x.Cols != y.Cols {
			t.Fatalf("%s: %s is %+v", b.Path, x.Name, y)
		}
		if vx, vy := values(t, x), values(t, y); !bytes.Equal(vx, vy) {
			t.Errorf("%s: %s differs from %s", b.Path, x.Name, a.Path)
		}
	}
}

func (t *Tensor) Values() int64 { return int64(t.Rows) * int64(t.Cols) }

func values(t *testing.T, x *Tensor) []byte {
	t.Helper()
	v := make([]float32, x.Values())
	if err := x.DequantizeRows(v, 0, x.Rows); err != nil {
		t.Fatal(err)
	}
	var b []byte
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

func TestFolderIsTheGGUFModel(t *testing.T) {
	for _, c := range []struct{ dir, gguf, name string }{
		{testdata + "hf-mqa-8x256", "../testdata/engine/random-arch/mqa-8x256/mqa-8x256-bf16.gguf", "hf-mqa-8x256"},
		{shared + "golden/random-arch/gqa-6x128-kv2/hf", shared + "golden/random-arch/gqa-6x128-kv2/gqa-6x128-kv2-bf16.gguf", "hf"},
		{shared + "golden/random-arch/odd-192-704/hf", shared + "golden/random-arch/odd-192-704/odd-192-704-bf16.gguf", "hf"},
		{shared + "models/seallm-nano/hf", shared + "models/seallm-nano/gguf/seallm-nano-bf16.gguf", "hf"},
		{shared + "models/seallm-nano/hf-sharded", shared + "models/seallm-nano/gguf/seallm-nano-bf16.gguf", "hf-sharded"},
	} {
		t.Run(c.dir, func(t *testing.T) {
			if strings.HasPrefix(c.dir, shared) {
				needsShared(t, c.dir)
			}
			folder, file := mustOpen(t, c.dir), mustOpen(t, c.gguf)
			sameTensors(t, folder, file)
			want := file.Config
			want.Name = c.name
			if folder.Config != want {
				t.Errorf("%s: config %+v, want %+v", c.dir, folder.Config, want)
			}
			if folder.Format != "safetensors" || folder.FileType.String() != "BF16" || folder.Tokenizer != filepath.Join(c.dir, "tokenizer.json") || folder.Vocab != nil {
				t.Errorf("%s: format %s, file type %v, tokenizer %s", c.dir, folder.Format, folder.FileType, folder.Tokenizer)
			}
			if folder.ChatTemplate != file.ChatTemplate {
				t.Errorf("%s: template %q, want %q", c.dir, folder.ChatTemplate, file.ChatTemplate)
			}
		})
	}
}

// tinyFolder is the model in testdata/bad-files/valid-tiny-hf.
var tinyFolder = Config{Arch: "gemma", Layers: 1, Dim: 16, FFNDim: 24, Heads: 2, KVHeads: 2, HeadDim: 8,
	Vocab: 360, Context: 64, RopeTheta: 10000, NormEps: 1e-6, Activation: "gelu_pytorch_tanh", NormOffset: 1,
	EmbedScale: 4, AttnScale: 0.35355338, RopeFactor: 1, TiedHead: true}

func TestTinyFolders(t *testing.T) {
	single, sharded := mustOpen(t, testdata+"bad-files/valid-tiny-hf"), mustOpen(t, testdata+"bad-files/valid-tiny-hf-sharded")
	want := tinyFolder
	want.Name = "valid-tiny-hf"
	if single.Config != want || len(sharded.Tensors) != 11 {
		t.Errorf("config %+v, want %+v; %d tensors in shards", single.Config, want, len(sharded.Tensors))
	}
	if single.Size != 17155 || sharded.Size != 13130+4016 || len(single.Files) != 1 || len(sharded.Files) != 2 ||
		filepath.Base(sharded.Files[1]) != "model-00002-of-00002.safetensors" {
		t.Errorf("%v has %d bytes, %v %d", single.Files, single.Size, sharded.Files, sharded.Size)
	}
	if len(single.Stops) != 1 || single.Stops[0] != 1 {
		t.Errorf("stops %v, want config.json's eos_token_id", single.Stops)
	}
	if got := [3]Entry{single.Metadata[0], single.Metadata[1], single.Metadata[2]}; got != [3]Entry{
		{"architectures", "array of 1", ""}, {"model_type", "string", "gemma"}, {"vocab_size", "number", "360"}} {
		t.Errorf("metadata %v", got)
	}
	if first, last := single.Tensors[0].Name, single.Tensors[10].Name; first != "token_embd.weight" || last != "blk.0.ffn_down.weight" {
		t.Errorf("tensors from %s to %s, want the file's order", first, last)
	}
	// Norms hold 1+w; the stored w are bf16 at byte 11520 of the data.
	data, err := os.ReadFile(testdata + "bad-files/valid-tiny-hf/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	norm := single.Tensor("output_norm.weight")
	if norm.Type != format.F32 || len(norm.Data) != 4*16 {
		t.Fatalf("norm is %v of %d bytes", norm.Type, len(norm.Data))
	}
	for i := range 16 {
		w := format.BFloat16(binary.LittleEndian.Uint16(data[8+1179+11520+2*i:]))
		if got := math.Float32frombits(binary.LittleEndian.Uint32(norm.Data[4*i:])); got != 1+w {
			t.Errorf("norm %d is %v, want 1 + %v", i, got, w)
		}
	}
	if err := single.Close(); err != nil {
		t.Fatal(err)
	}
	if single.Tensors[0].Data != nil || norm.Data != nil {
		t.Error("tensor data left after Close")
	}
}

// Every way to name a folder's model, and the ways in which there is none.
func TestOpenFindsTheModel(t *testing.T) {
	tiny := readFiles(t, testdata+"bad-files/valid-tiny-hf/*")
	gguf := readFiles(t, testdata+"bad-files/valid-tiny.gguf")["valid-tiny.gguf"]
	for _, c := range []struct {
		name  string
		files map[string][]byte
		open  string
		want  string // of the error, "" if there is none
	}{
		{"config.json", tiny, "config.json", ""},
		{"the tensors", tiny, "model.safetensors", ""},
		{"no index", map[string][]byte{"config.json": tiny["config.json"], "weights.00.safetensors": tiny["model.safetensors"]}, "", ""},
		{"GGUF", map[string][]byte{"a.gguf": gguf, "config.json": tiny["config.json"]}, "", ""},
		{"GGUF and safetensors", map[string][]byte{"a.gguf": gguf, "config.json": tiny["config.json"], "model.safetensors": tiny["model.safetensors"]}, "", ""},
		{"two GGUF", map[string][]byte{"a.gguf": gguf, "b.gguf": gguf}, "", "holds 2 models, name one of them: a.gguf, b.gguf"},
		{"nothing", nil, "", "it holds nothing"},
		{"PyTorch", map[string][]byte{"config.json": nil, "pytorch_model.bin": nil}, "", "it holds config.json, pytorch_model.bin"},
		{"many", map[string][]byte{"1": nil, "2": nil, "3": nil, "4": nil, "5": nil, "6": nil, "7": nil, "8": nil, "9": nil}, "", "7, 8 and 1 more"},
		{"no config", map[string][]byte{"model.safetensors": tiny["model.safetensors"]}, "", "config.json is missing beside model.safetensors"},
		{"twice the same", map[string][]byte{"config.json": tiny["config.json"], "model-1.safetensors": tiny["model.safetensors"], "model-2.safetensors": tiny["model.safetensors"]}, "",
			`tensor "model.embed_tokens.weight" is in `},
	} {
		dir := writeFiles(t, c.files)
		m, err := openAll(filepath.Join(dir, c.open))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "":
			if len(m.Tensors) != 11 || m.Path != filepath.Join(dir, c.open) {
				t.Errorf("%s: %d tensors, path %s", c.name, len(m.Tensors), m.Path)
			}
			m.Close()
		case err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "weights: "+dir):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// A Hugging Face cache holds links from snapshots/COMMIT to blobs.
func TestOpenFollowsTheCachesLinks(t *testing.T) {
	repo := filepath.Join(t.TempDir(), "models--SeaLLMs--SeaLLM-7B-v2.5")
	snapshot := filepath.Join(repo, "snapshots", "0123abcd")
	for _, dir := range []string{snapshot, filepath.Join(repo, "blobs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range readFiles(t, testdata+"bad-files/valid-tiny-hf-sharded/*") {
		if err := os.WriteFile(filepath.Join(repo, "blobs", "b-"+name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../blobs/b-"+name, filepath.Join(snapshot, name)); err != nil {
			t.Fatal(err)
		}
	}
	m := mustOpen(t, snapshot)
	if m.Config.Name != "SeaLLM-7B-v2.5" || len(m.Tensors) != 11 {
		t.Errorf("name %q, %d tensors", m.Config.Name, len(m.Tensors))
	}
}

func readFiles(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, path := range glob(t, pattern) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

// writeFiles puts files into a new folder.
func writeFiles(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
