package weights

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealvk/weights/format"
)

const (
	testdata = "../testdata/weights/"
	shared   = "../../shared/" // more material, where there is some
)

// badFiles gives for every malformed file what its error has to say.
var badFiles = map[string]string{
	"alignment-zero":        `"general.alignment" is 0, want a power of two`,
	"big-endian":            `big-endian`,
	"dim-zero":              `tensor "blk.0.attn_q.weight" at byte 8662: dimension 2 of [32 0] is 0`,
	"dims-overflow":         `product of the dimensions [8589934592 8589934592] overflows`,
	"duplicate-piece":       `piece "O" appears twice, as 300 and 359`,
	"duplicate-tensor":      `tensor "blk.0.attn_q.weight" at byte 9137: appears twice`,
	"empty":                 `the file is empty`,
	"hparam-wrong-type":     `"gemma.embedding_length" at byte 216 is string, want an integer`,
	"huge-array-length":     `"general.tags" at byte 8501: 2305843009213693953 array elements at byte 8537 cannot fit`,
	"huge-kv-count":         `9223372036854775813 metadata entries at byte 24 cannot fit`,
	"huge-string-length":    `"general.description" at byte 8501: needs 4611686018427387904 bytes`,
	"huge-tensor-count":     `1152921504606846976 tensors at byte 16 cannot fit`,
	"inf-norm":              `tensor "output_norm.weight" (F32): the value of block 0 (row 0, from column 0) is +Inf`,
	"misaligned-offset":     `tensor "blk.0.attn_output.weight" at byte 8839: data offset 12868 is not a multiple of the alignment 32`,
	"missing-hparam":        `"gemma.attention.head_count" is missing`,
	"missing-tensor":        `tensor "blk.0.ffn_up.weight" is missing`,
	"nan-scale":             `tensor "blk.0.attn_q.weight" (Q8_0): the scale of block 5 (row 5, from column 0) is NaN`,
	"nine-dims":             `tensor "blk.0.attn_q.weight" at byte 8662: has 9 dimensions, want 1 to 4`,
	"no-data":               `tensor "token_embd.weight" at byte 8501: data of 6480 bytes`,
	"no-tensors":            `no tensors`,
	"offset-past-eof":       `tensor "blk.0.attn_q.weight" at byte 8662: data of 2048 bytes at offset 1099511627776`,
	"offset-wraps":          `tensor "blk.0.attn_k.weight" at byte 8721: data of 2048 bytes at offset 18446744073709551552`,
	"overlapping-tensors":   `tensor "blk.0.attn_v.weight": data at offset 10336 overlaps "blk.0.attn_k.weight"`,
	"removed-type-id":       `type id 4 (Q4_2) was removed from ggml; convert`,
	"shape-mismatch":        `tensor "blk.0.attn_q.weight" has shape 24 × 32, want 32 × 32`,
	"transposed-ffn-down":   `tensor "blk.0.ffn_down.weight" has shape 40 × 32, want 32 × 40`,
	"truncated-data":        `tensor "blk.0.ffn_down.weight" at byte 9076: data of 2560 bytes`,
	"truncated-header":      `header: 11 tensors at byte 16 cannot fit into the 4 bytes left`,
	"truncated-kv":          `"tokenizer.ggml.tokens" at byte 636: 360 array elements`,
	"truncated-magic":       `header: needs 4 bytes at byte 0, the file has 3 left`,
	"truncated-tensor-info": `description of tensor 3 of 11: needs 22 bytes at byte 8616, the file has 15 left`,
	"unknown-kv-type":       `"general.x" at byte 8501: unknown value type 42`,
	"unknown-type-id":       `tensor "blk.0.attn_q.weight" at byte 8662: unknown type id 250`,
	"version-1":             `version 1 is not supported`,
	"version-99":            `version 99 is not supported`,
	"vocab-rows":            `tensor "token_embd.weight" has 353 rows, but the vocabulary has 360 pieces`,
	"wrong-arch":            `"general.architecture" is "bert"`,
	"wrong-magic":           `begins with "GGML"`,
	"zero-heads":            `gemma.attention.head_count is 0`,
	"zero-layers":           `gemma.block_count is 0`,
}

// openAll opens a file and looks at its values.
func openAll(path string) (*Model, error) {
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	if err := m.CheckFinite(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func mustOpen(t testing.TB, path string) *Model {
	t.Helper()
	m, err := openAll(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestBadFilesSayWhatIsWrong(t *testing.T) {
	files := glob(t, testdata+"bad-files/gguf-*.gguf")
	if len(files) != len(badFiles) {
		t.Errorf("%d files, %d expectations", len(files), len(badFiles))
	}
	for _, path := range append(files, globMaybe(shared+"golden/bad-files/gguf-*.gguf")...) {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "gguf-"), ".gguf")
		m, err := openAll(path)
		if err == nil {
			m.Close()
			t.Errorf("%s: no error", path)
			continue
		}
		want := badFiles[name]
		if msg := err.Error(); want == "" || !strings.Contains(msg, want) || !strings.HasPrefix(msg, "weights: "+path+": ") {
			t.Errorf("%s: %q lacks the file or %q", name, msg, want)
		}
	}
}

func TestOpenErrorsNameThePath(t *testing.T) {
	for path, want := range map[string]string{
		testdata + "absent.gguf": "no such file",
		os.DevNull:               "not a regular file",
	} {
		for _, err := range []error{second(Open(path)), third(OpenVocab(path))} {
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", path, err, want)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }

func TestTinyFile(t *testing.T) {
	m := mustOpen(t, testdata+"bad-files/valid-tiny.gguf")
	want := Config{Arch: "gemma", Name: "tiny", Layers: 1, Dim: 32, FFNDim: 40, Heads: 2, KVHeads: 2, HeadDim: 16,
		Vocab: 360, Context: 64, RopeTheta: 10000, NormEps: 1e-6, Activation: "gelu_pytorch_tanh", NormOffset: 1,
		EmbedScale: 5.656854, AttnScale: 0.25, RopeFactor: 1, TiedHead: true}
	if m.Config != want {
		t.Errorf("config %+v, want %+v", m.Config, want)
	}
	if m.Format != "GGUF version 3" || m.Size != 31904 || m.FileType.String() != "F16" || m.ChatTemplate != "" || len(m.Tensors) != 11 {
		t.Errorf("format %s, size %d, file type %v, template %q, %d tensors", m.Format, m.Size, m.FileType, m.ChatTemplate, len(m.Tensors))
	}
	e := m.Tensor("token_embd.weight")
	if e.Type != format.Q4_0 || e.Rows != 360 || e.Cols != 32 || len(e.Data) != 360*18 || e.RowBytes() != 18 || e.Values() != 360*32 {
		t.Errorf("token_embd: %v %d × %d, %d bytes", e.Type, e.Rows, e.Cols, len(e.Data))
	}
	if n := m.Tensor("output_norm.weight"); n.Type != format.F32 || n.Rows != 1 || n.Cols != 32 {
		t.Errorf("output_norm: %v %d × %d", n.Type, n.Rows, n.Cols)
	}
	if m.Tensor("output.weight") != nil {
		t.Error("a tensor that is not there")
	}
	v := m.Vocab
	if v.BOS != 2 || v.EOS != 1 || v.UNK != 3 || v.PAD != 0 || !v.AddBOS || v.AddEOS {
		t.Errorf("specials %d %d %d %d, add %v %v", v.BOS, v.EOS, v.UNK, v.PAD, v.AddBOS, v.AddEOS)
	}
	for id, want := range map[int]Piece{0: {"<pad>", 0, Control}, 3: {"<unk>", 0, Unknown}, 4: {"\n", 0, UserDefined}, 8: {"<0x00>", 0, Byte}} {
		if v.Pieces[id] != want {
			t.Errorf("piece %d is %+v, want %+v", id, v.Pieces[id], want)
		}
	}
	if e := m.Metadata[3]; e != (Entry{"gemma.context_length", "uint32", "64"}) {
		t.Errorf("metadata entry %+v", e)
	}
}

func TestPiecesOutliveTheModel(t *testing.T) {
	m, err := Open(testdata + "bad-files/valid-tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if m.Tensors[0].Data != nil {
		t.Error("tensor data left after Close")
	}
	if p := m.Vocab.Pieces[1].Text; p != "<eos>" {
		t.Errorf("piece 1 is %q", p)
	}
}

func TestOpenVocab(t *testing.T) {
	v, _, err := OpenVocab(testdata + "bad-files/gguf-no-tensors.gguf") // metadata only
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Pieces) != 360 || v.Pieces[2].Text != "<bos>" {
		t.Errorf("%d pieces, piece 2 %q", len(v.Pieces), v.Pieces[2].Text)
	}
	if _, _, err := OpenVocab(testdata + "bad-files/gguf-duplicate-piece.gguf"); err == nil {
		t.Error("no error for a piece that is there twice")
	}
}

// A file that is cut anywhere is an error, never a panic.
func TestTruncatedAnywhere(t *testing.T) {
	data, err := os.ReadFile(testdata + "bad-files/valid-tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Parse("whole", data)
	if err != nil {
		t.Fatal(err)
	}
	last := whole.Tensors[len(whole.Tensors)-1]
	start := len(data) - int(last.offset+last.size) // of the data, where a cut every 101 bytes will do
	for n := 0; n < len(data); n += map[bool]int{true: 1, false: 101}[n < start+100] {
		if _, err := Parse("cut", data[:n]); err == nil {
			t.Fatalf("no error with %d of %d bytes", n, len(data))
		}
	}
}

func TestSharedModels(t *testing.T) {
	nano := gemma(Config{Name: "seallm-nano", Layers: 4, Dim: 256, FFNDim: 1024, Heads: 4, KVHeads: 4, HeadDim: 64,
		Vocab: 2048, Context: 1024, RopeTheta: 10000, NormEps: 1e-6})
	random := func(name string, layers, dim, ffn, heads, kvHeads, headDim, vocab int, theta, eps float32) Config {
		return gemma(Config{Name: "random-" + name, Layers: layers, Dim: dim, FFNDim: ffn, Heads: heads, KVHeads: kvHeads, HeadDim: headDim,
			Vocab: vocab, Context: 512, RopeTheta: theta, NormEps: eps})
	}
	for _, c := range []struct {
		path  string
		want  Config
		types map[format.Type]int // tensors of each
	}{
		{"models/seallm-nano/gguf/seallm-nano-bf16.gguf", nano, map[format.Type]int{format.F32: 9, format.BF16: 29}},
		{"models/seallm-nano/gguf/seallm-nano-f16.gguf", nano, map[format.Type]int{format.F32: 9, format.F16: 29}},
		{"models/seallm-nano/gguf/seallm-nano-Q8_0.gguf", nano, map[format.Type]int{format.F32: 9, format.Q8_0: 29}},
		{"models/seallm-nano/gguf/seallm-nano-Q6_K.gguf", nano, map[format.Type]int{format.F32: 9, format.Q6_K: 29}},
		{"models/seallm-nano/gguf/seallm-nano-Q4_0.gguf", nano, map[format.Type]int{format.F32: 9, format.Q6_K: 1, format.Q4_0: 28}},
		{"models/seallm-nano/gguf/seallm-nano-Q4_1.gguf", nano, map[format.Type]int{format.F32: 9, format.Q6_K: 1, format.Q4_1: 28}},
		{"models/seallm-nano/gguf/seallm-nano-Q5_K_M.gguf", nano, map[format.Type]int{format.F32: 9, format.Q6_K: 5, format.Q5_K: 24}},
		{"models/seallm-nano/gguf/seallm-nano-Q4_K_M.gguf", nano, map[format.Type]int{format.F32: 9, format.Q6_K: 5, format.Q4_K: 24}},
		{"models/seallm-nano/gguf/seallm-nano-chatml.Q4_K_M.gguf", nano, map[format.Type]int{format.F32: 9, format.Q6_K: 5, format.Q4_K: 24}},
		{"golden/random-arch/mqa-8x256/mqa-8x256-bf16.gguf", random("mqa-8x256", 2, 48, 160, 8, 1, 256, 384, 10000, 1e-6), map[format.Type]int{format.F32: 5, format.BF16: 15}},
		{"golden/random-arch/gqa-6x128-kv2/gqa-6x128-kv2-bf16.gguf", random("gqa-6x128-kv2", 3, 96, 320, 6, 2, 128, 400, 50000, 1e-5), nil},
		{"golden/random-arch/odd-192-704/odd-192-704-bf16.gguf", random("odd-192-704", 2, 192, 704, 3, 3, 64, 384, 10000, 1e-6), nil},
	} {
		t.Run(c.path, func(t *testing.T) {
			needsShared(t, shared+c.path)
			m := mustOpen(t, shared+c.path)
			c.want.Layers = m.Config.Layers
			if m.Config != c.want {
				t.Errorf("%s: config %+v, want %+v", c.path, m.Config, c.want)
			}
			types := map[format.Type]int{}
			for _, tensor := range m.Tensors {
				types[tensor.Type]++
			}
			for typ, n := range c.types {
				if types[typ] != n {
					t.Errorf("%s: types %v, want %v", c.path, types, c.types)
					break
				}
			}
		})
	}
}

func TestUnsupportedTypeIsNamed(t *testing.T) {
	f := readTiny(t)
	f.tensors[3].Type = 20
	_, err := Parse("tiny", f.bytes())
	for _, want := range []string{`tensor "blk.0.attn_q.weight"`, "IQ4_NL is not supported", "llama-quantize", "Q4_K Q5_K Q6_K BF16"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	f.tensors[3].Type = format.MLX(4, 32, format.F16) // has no number in GGUF
	if _, err := Parse("tiny", f.bytes()); err == nil || !strings.Contains(err.Error(), "unknown type id 132128") {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range glob(f, testdata+"bad-files/*.gguf") {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := readPart("fuzz", data); err == nil {
			readVocab(p.md)
		}
		m, err := Parse("fuzz", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "weights: fuzz: ") {
				t.Errorf("error without the file's name: %v", err)
			}
			return
		}
		checkModel(t, m)
	})
}

// tiny is valid-tiny.gguf taken apart, to be changed and put together again.
type tiny struct {
	version uint32
	keys    []string
	values  map[string]value
	tensors []*Tensor

	alignment int // of the data as written
}

func readTiny(t testing.TB) *tiny {
	t.Helper()
	data, err := os.ReadFile(testdata + "bad-files/valid-tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse("tiny", data)
	if err != nil {
		t.Fatal(err)
	}
	p, err := readPart("tiny", data)
	if err != nil {
		t.Fatal(err)
	}
	return &tiny{3, p.md.keys, p.md.values, m.Tensors, 32}
}

// set replaces or adds a key.
func (f *tiny) set(key string, v value) {
	if _, ok := f.values[key]; !ok {
		f.keys = append(f.keys, key)
	}
	f.values[key] = v
}

func (f *tiny) remove(key string) {
	for i, k := range f.keys {
		if k == key {
			f.keys = append(f.keys[:i], f.keys[i+1:]...)
			return
		}
	}
}

func (f *tiny) tensor(name string) *Tensor {
	for _, t := range f.tensors {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (f *tiny) bytes() []byte {
	w := &ggufWriter{b: []byte("GGUF")}
	w.u32(f.version)
	w.u64(uint64(len(f.tensors)))
	w.u64(uint64(len(f.keys)))
	for _, key := range f.keys {
		switch v := f.values[key]; {
		case v.array:
			w.array(key, v.typ, int(v.count))
			w.b = append(w.b, v.data...)
		case v.typ == typeString:
			w.text(key, string(v.data))
		default:
			w.key(key, v.typ)
			w.b = append(w.b, v.data...)
		}
	}
	offset := uint64(0)
	for _, t := range f.tensors {
		w.str(t.Name)
		w.u32(uint32(len(t.dims)))
		for _, d := range t.dims {
			w.u64(d)
		}
		w.u32(uint32(t.Type))
		w.u64(offset)
		offset = align(offset + uint64(len(t.Data)))
	}
	w.b = append(w.b, make([]byte, -len(w.b)&(f.alignment-1))...)
	for i, t := range f.tensors {
		w.b = append(w.b, t.Data...)
		if i < len(f.tensors)-1 {
			w.b = append(w.b, make([]byte, -len(t.Data)&31)...)
		}
	}
	return w.b
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	files := globMaybe(pattern)
	if len(files) == 0 {
		t.Fatalf("no files %s", pattern)
	}
	return files
}

func globMaybe(pattern string) []string {
	files, _ := filepath.Glob(pattern)
	return files
}

// needsShared skips what takes files beside the clone, where there are none.
func needsShared(t *testing.T, path string) {
	t.Helper()
	if len(globMaybe(path)) == 0 {
		t.Skip(path, "is not there")
	}
}

func scalar32(typ valueType, bits uint32) value {
	return value{typ: typ, count: 1, data: binary.LittleEndian.AppendUint32(nil, bits)}
}

func textValue(s string) value { return value{typ: typeString, count: 1, data: []byte(s)} }
