package weights

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sealvk/weights/format"
)

var mixes = []string{"Q4_K_M", "Q5_K_M", "Q6_K", "Q4_0", "Q8_0", "BF16", "F16"}

// small is SeaLLM-7B's depth with little width: all mixes can store it.
const small = "seallm-7b-v2.5:dim=256,ffn=512,heads=2,kv_heads=1,head_dim=128,vocab=1000"

func writeSynthModel(t testing.TB, shape, mix string, seed uint64) string {
	t.Helper()
	c, err := ParseShape(shape)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseMix(mix)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "synth.gguf")
	if err := WriteSynth(context.Background(), path, c, f, seed, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSynthIsReadBack(t *testing.T) {
	for _, mix := range mixes {
		m := mustOpen(t, writeSynthModel(t, small+",layers=9,theta=5000,eps=1e-5,context=77", mix, 1))
		want := gemma(Config{Name: small + ",layers=9,theta=5000,eps=1e-5,context=77 (synthetic)", Layers: 9, Dim: 256, FFNDim: 512,
			Heads: 2, KVHeads: 1, HeadDim: 128, Vocab: 1000, Context: 77, RopeTheta: 5000, NormEps: 1e-5})
		if m.Config != want {
			t.Errorf("%s: config %+v, want %+v", mix, m.Config, want)
		}
		if m.FileType.String() != mix || len(m.Tensors) != 2+9*9 || !strings.Contains(m.ChatTemplate, "<|im_start|>") {
			t.Errorf("%s: file type %v, %d tensors, template %q", mix, m.FileType, len(m.Tensors), m.ChatTemplate)
		}
		if v := m.Vocab; v.BOS != 2 || v.EOS != 1 || v.UNK != 3 || v.PAD != 0 || !v.AddBOS || v.AddEOS {
			t.Errorf("%s: vocabulary %d %d %d %d", mix, v.BOS, v.EOS, v.UNK, v.PAD)
		}
	}
}

func TestSynthTypeMix(t *testing.T) {
	c, err := ParseShape("seallm-7b-v2.5")
	if err != nil {
		t.Fatal(err)
	}
	// The layers in which llama-quantize keeps attn_v and ffn_down in Q6_K, of 28.
	better := []int{0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 24, 25, 26, 27}
	for _, mix := range mixes {
		f, _ := ParseMix(mix)
		rest := map[string]format.Type{"Q4_K_M": format.Q4_K, "Q5_K_M": format.Q5_K, "Q6_K": format.Q6_K, "Q4_0": format.Q4_0, "Q8_0": format.Q8_0, "BF16": format.BF16, "F16": format.F16}[mix]
		embd := map[string]format.Type{"Q8_0": format.Q8_0, "BF16": format.BF16, "F16": format.F16}[mix]
		if embd == 0 {
			embd = format.Q6_K
		}
		tensors, size, err := planTensors(&c, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range tensors {
			want := rest
			layer := -1
			fmt.Sscanf(tensor.Name, "blk.%d.", &layer)
			switch {
			case strings.Contains(tensor.Name, "norm"):
				want = format.F32
			case layer < 0:
				want = embd
			case strings.HasSuffix(mix, "_K_M") && (strings.Contains(tensor.Name, "attn_v") || strings.Contains(tensor.Name, "ffn_down")) && slices.Contains(better, layer):
				want = format.Q6_K
			}
			if tensor.Type != want {
				t.Errorf("%s: %s is %v, want %v", mix, tensor.Name, tensor.Type, want)
			}
		}
		if mix == "Q4_K_M" && (size < 5.2e9 || size > 5.4e9) {
			t.Errorf("seallm-7b-v2.5 as Q4_K_M takes %d bytes, want about 5.3 GB", size)
		}
	}
}

// The real files of the small model have the same tensors in the same places.
func TestSynthLayoutEqualsRealFiles(t *testing.T) {
	c, err := ParseShape("seallm-nano")
	if err != nil {
		t.Fatal(err)
	}
	for _, mix := range mixes {
		f, _ := ParseMix(mix)
		plan, _, err := planTensors(&c, f)
		if err != nil {
			t.Fatal(err)
		}
		if mix == "BF16" || mix == "F16" {
			mix = strings.ToLower(mix)
		}
		t.Run(mix, func(t *testing.T) {
			path := shared + "models/seallm-nano/gguf/seallm-nano-" + mix + ".gguf"
			needsShared(t, path)
			for i, real := range mustOpen(t, path).Tensors {
				if p := plan[i]; p.Name != real.Name || p.Type != real.Type || p.offset != real.offset {
					t.Errorf("%s: tensor %d is %s %v at %d, want %s %v at %d", mix, i, p.Name, p.Type, p.offset, real.Name, real.Type, real.offset)
				}
			}
		})
	}
}

func TestSynthDependsOnTheSeedOnly(t *testing.T) {
	hash := func(seed uint64, cores int) [32]byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		data, err := os.ReadFile(writeSynthModel(t, small+",layers=2,ffn=8192", "Q4_K_M", seed))
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(data)
	}
	one := hash(1, 1)
	if hash(1, 1) != one || hash(1, 4) != one {
		t.Error("the same seed gave other bytes")
	}
	if hash(2, 4) == one {
		t.Error("another seed gave the same bytes")
	}
}

func TestSynthSpread(t *testing.T) {
	for _, typ := range plainTypes {
		for _, cols := range []int{256, 24576} {
			blocks := 1 << 19 / typ.BlockBytes()
			data, values := make([]byte, blocks*typ.BlockBytes()), make([]float32, blocks*typ.BlockValues())
			newSynth(&Tensor{Name: "x", Type: typ, Cols: cols}, 1).blocks(data, 0)
			if err := format.Dequantize(values, typ, data, nil, nil); err != nil {
				t.Fatal(err)
			}
			mean, square := 0.0, 0.0
			for _, v := range values {
				mean += float64(v) / float64(len(values))
				square += float64(v) * float64(v) / float64(len(values))
			}
			unit := 1 / math.Sqrt(float64(cols))
			if math.Abs(mean) > 0.01*unit || math.Abs(math.Sqrt(square)-unit) > 0.03*unit {
				t.Errorf("%v, %d columns: mean %g, deviation %g, want 0 and %g", typ, cols, mean, math.Sqrt(square), unit)
			}
		}
	}
}

func TestSynthVocabulary(t *testing.T) {
	least := len(specialPieces()) + plainPiecesLeast
	for _, n := range []int{least, 2048, 256000, len(specialPieces()) + plainPiecesMost} {
		ids := map[string]int{}
		pieces := synthPieces(n)
		if len(pieces) != n {
			t.Fatalf("%d pieces, want %d", len(pieces), n)
		}
		for id, p := range pieces {
			if first, twice := ids[p.Text]; twice {
				t.Fatalf("%q is piece %d and %d", p.Text, first, id)
			}
			ids[p.Text] = id
			if id > 473 && p.Score >= pieces[id-1].Score {
				t.Fatalf("score of piece %d does not descend", id)
			}
		}
		for c := rune(0x21); c < 0x7f; c++ {
			if id := ids[string(c)]; pieces[id].Kind != Normal {
				t.Errorf("no piece for %q", c)
			}
		}
		// Gemma's numbers.
		for text, want := range map[string]int{"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "<mask>": 4, "<unused98>": 105,
			"<start_of_turn>": 106, "<end_of_turn>": 107, "\n": 108, "▁▁": 139, "<table>": 169, "</code>": 216, "<0x00>": 217, "<0xFF>": 472, "▁": 473} {
			if ids[text] != want {
				t.Errorf("%q is piece %d, want %d", text, ids[text], want)
			}
		}
		if n == 256000 {
			for _, c := range "ñếướยังສະខ្ញုံမြ中文龍" {
				if ids[string(c)] == 0 {
					t.Errorf("no piece for %q", c)
				}
			}
			for id := 473; id < n; id++ { // every word merges from shorter ones
				text := []rune(pieces[id].Text)
				head, tail := string(text[:len(text)-1]), string(text[len(text)-1:])
				if len(text) > 1 && (ids[tail] == 0 || ids[head] == 0) && (ids[string(text[0])] == 0 || ids[string(text[1:])] == 0) {
					t.Fatalf("piece %d %q does not merge from pieces", id, pieces[id].Text)
				}
			}
		}
	}
}

func TestSynthErrorsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.gguf")
	write := func(ctx context.Context, path, shape, mix string, progress func(done, total int64)) error {
		c, err := ParseShape(shape)
		if err != nil {
			return err
		}
		f, err := ParseMix(mix)
		if err != nil {
			return err
		}
		return WriteSynth(ctx, path, c, f, 1, progress)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := write(ctx, path, small, "Q8_0", func(done, total int64) {
		if done > total/2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, c := range []struct{ path, shape, mix, want string }{
		{path, "seallm-70b", "Q8_0", `unknown model shape "seallm-70b"; want`},
		{path, "seallm-nano:rank=3", "Q8_0", `unknown dimension "rank"; want`},
		{path, "seallm-nano:dim=x", "Q8_0", `dim: "x", want a whole number`},
		{path, "seallm-nano:theta=nan", "Q8_0", `theta: "nan", want a positive number`},
		{path, "seallm-nano", "Q3_K", `unknown type mix "Q3_K"; want`},
		{path, "seallm-nano:dim=100", "Q4_K_M", `"token_embd.weight" has rows of 100 values, want a multiple of Q6_K's block of 256`},
		{path, "seallm-nano:vocab=100", "BF16", `a vocabulary of 100 pieces is not possible`},
		{path, "seallm-nano:vocab=10000000", "BF16", `a vocabulary of 10000000 pieces is not possible`},
		{path, "seallm-nano:layers=2000000000", "BF16", `layers are not supported`},
		{path, "seallm-nano:ffn=2000000000", "BF16", `widths above`},
		{path, "seallm-nano:heads=0", "BF16", `attention.head_count is 0`},
		{path, "seallm-nano:dim=1048576,ffn=1048576,layers=4096", "BF16", `MB free`},
		{dir, "seallm-nano", "BF16", `not a regular file`},
		{"/dev/null", "seallm-nano", "BF16", `not a regular file`},
		{filepath.Join(dir, "absent/x.gguf"), "seallm-nano", "BF16", `no such file`},
	} {
		err := write(context.Background(), c.path, c.shape, c.mix, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s as %s to %s: %v, want %q", c.shape, c.mix, c.path, err, c.want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSynthProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.gguf")
	c, err := ParseShape(small)
	if err != nil {
		t.Fatal(err)
	}
	var last, total int64
	err = WriteSynth(context.Background(), path, c, 7, 1, func(d, n int64) {
		if d < last || d > n {
			t.Errorf("%d of %d after %d", d, n, last)
		}
		last, total = d, n
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if last != total || total != info.Size() {
		t.Errorf("progress ended at %d of %d, the file has %d bytes", last, total, info.Size())
	}
}

func BenchmarkSynthBlocks(b *testing.B) {
	for _, typ := range plainTypes {
		b.Run(typ.String(), func(b *testing.B) {
			blocks := 1 << 20 / typ.BlockBytes()
			data := make([]byte, blocks*typ.BlockBytes())
			s := newSynth(&Tensor{Name: "x", Type: typ, Cols: 256}, 1)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				s.blocks(data, 0)
			}
		})
	}
}

func BenchmarkWriteSynth(b *testing.B) {
	c, err := ParseShape("seallm-7b-v2.5:layers=2,vocab=2000")
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "x.gguf")
	for b.Loop() {
		if err := WriteSynth(context.Background(), path, c, 15, 1, nil); err != nil {
			b.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
}

func TestFloat16RoundTrip(t *testing.T) {
	for h := range uint16(0x7c00) {
		if got := toFloat16(float64(format.Float16(h))); got != h {
			t.Fatalf("%#x comes back as %#x", h, got)
		}
	}
	if inf := float64(format.Float16(0x7c00)); !math.IsInf(inf, 1) {
		t.Errorf("0x7c00 is %v", inf)
	}
	if nan := format.Float16(0xfe00); nan == nan {
		t.Errorf("0xfe00 is %v", nan)
	}
}
