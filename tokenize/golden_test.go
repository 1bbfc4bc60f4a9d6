package tokenize

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	testdata = "../testdata/tokenize"
	shared   = "../../shared" // reference data beside the clone, where it exists
)

// vocabFile names a vocabulary and the reference made with it.
type vocabFile struct{ vocab, golden string }

// vocabFiles returns what can be tested here: always the small vocabulary, and
// all others where shared data lies beside the clone.
func vocabFiles(t testing.TB) []vocabFile {
	files := []vocabFile{{testdata + "/nano.model", testdata + "/tokenizer-nano.jsonl"}}
	if _, err := os.Stat(shared); err != nil {
		return files
	}
	nano, gemma := shared+"/golden/tokenizer-nano.jsonl", shared+"/golden/tokenizer-gemma.jsonl"
	files = append(files,
		vocabFile{shared + "/models/seallm-nano/hf/tokenizer.model", nano},
		vocabFile{shared + "/models/gemma-vocab/tokenizer.model", gemma},
		vocabFile{shared + "/models/gemma-vocab/gemma-vocab.gguf.gz", gemma})
	ggufs, err := filepath.Glob(shared + "/models/seallm-nano/gguf/seallm-nano-*.gguf")
	if err != nil || len(ggufs) == 0 {
		t.Fatalf("no GGUF files in %s: %v", shared, err)
	}
	return append(files, vocabFile{ggufs[0], nano}, vocabFile{ggufs[len(ggufs)-1], nano})
}

// load makes a tokenizer of a tokenizer.model or tokenizer.json, or of a GGUF,
// gzipped or not.
func load(t testing.TB, path string) *Tokenizer {
	t.Helper()
	if ext := filepath.Ext(path); ext == ".model" || ext == ".json" {
		tok, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	v, err := readGGUF(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	tok, err := New(v)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return tok
}

type goldenLine struct {
	N                  int
	Text               string
	IDs                []int32
	SPIDs              []int32 `json:"sp_ids"`
	SPReason           string  `json:"sp_reason"`
	IDsWithSpecial     []int32 `json:"ids_with_special"`
	Decoded            string
	DecodedSkipSpecial string `json:"decoded_skip_special"`
	Roundtrip          bool
}

func readGolden(t testing.TB, path string) []goldenLine {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []goldenLine
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		var l goldenLine
		if err := d.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%s: line %d: %v", path, len(lines)+1, err)
		}
		lines = append(lines, l)
	}
	if len(lines) < 50 {
		t.Fatalf("%s: only %d lines", path, len(lines))
	}
	return lines
}

// TestGoldenJSON encodes with tokenizer.json, which the reference values were
// made with, and with the vocabulary that would go from there into a GGUF file.
func TestGoldenJSON(t *testing.T) {
	files := []vocabFile{{testdata + "/nano.json", testdata + "/tokenizer-nano.jsonl"}}
	if _, err := os.Stat(shared); err == nil {
		files = append(files,
			vocabFile{shared + "/models/seallm-nano/hf", shared + "/golden/tokenizer-nano.jsonl"},
			vocabFile{unzip(t, shared+"/models/gemma-vocab/tokenizer.json.gz"), shared + "/golden/tokenizer-gemma.jsonl"})
	}
	for _, f := range files {
		t.Run(filepath.Base(f.vocab), func(t *testing.T) {
			tok, err := Load(f.vocab)
			if err != nil {
				t.Fatal(err)
			}
			if tok.BOS() != 2 || tok.EOS() != 1 || tok.UNK() != 3 {
				t.Errorf("bos %d, eos %d, unk %d, want 2, 1, 3", tok.BOS(), tok.EOS(), tok.UNK())
			}
			gguf := mustNew(t, tok.Vocab())
			for _, l := range readGolden(t, f.golden) {
				if got := gguf.Encode(nil, l.Text, true); !slices.Equal(got, l.IDs) {
					t.Errorf("line %d %q, by scores:\n got %v\nwant %v", l.N, l.Text, got, l.IDs)
				}
				if l.SPReason == "other" {
					l.SPReason = "" // what tokenizer.json tells is what we know here
				}
				checkGolden(t, tok, l)
			}
		})
	}
}

// unzip returns the path of a copy of a gzipped file.
func unzip(t testing.TB, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(path), ".gz"))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGolden(t *testing.T) {
	for _, f := range vocabFiles(t) {
		t.Run(filepath.Base(f.vocab), func(t *testing.T) {
			tok := load(t, f.vocab)
			for _, l := range readGolden(t, f.golden) {
				checkGolden(t, tok, l)
			}
		})
	}
}

func checkGolden(t *testing.T, tok *Tokenizer, l goldenLine) {
	t.Helper()
	want := l.IDs
	if l.SPReason != "" {
		want = l.SPIDs
	}
	if got := tok.Encode(nil, l.Text, false); !slices.Equal(got, want) {
		t.Errorf("line %d %q:\n got %v\nwant %v", l.N, l.Text, got, want)
	}
	// Of what the reference parses from text, "other" lines hold what only its
	// tokenizer.json tells (see the reference's notes).
	if l.SPReason != "other" {
		if got := tok.Encode(nil, l.Text, true); !slices.Equal(got, l.IDs) {
			t.Errorf("line %d %q, special pieces parsed:\n got %v\nwant %v", l.N, l.Text, got, l.IDs)
		}
		if got := tok.Encode([]int32{tok.BOS()}, l.Text, true); !slices.Equal(got, l.IDsWithSpecial) {
			t.Errorf("line %d %q, appended to bos:\n got %v\nwant %v", l.N, l.Text, got, l.IDsWithSpecial)
		}
	}
	decodes(t, tok, l.N, l.IDs, l.Decoded)
	decodes(t, tok, l.N, want, l.Decoded)
	decodes(t, tok, l.N, slices.DeleteFunc(slices.Clone(l.IDsWithSpecial), func(id int32) bool {
		k := tok.Piece(id).Kind
		return k == Control || k == Unknown
	}), l.DecodedSkipSpecial)
	if (l.Text == l.Decoded) != l.Roundtrip {
		t.Errorf("line %d: the reference contradicts itself", l.N)
	}
}

func decodes(t *testing.T, tok *Tokenizer, n int, ids []int32, want string) {
	t.Helper()
	got, err := tok.Decode(ids)
	if err != nil || got != want {
		t.Errorf("line %d, decoding %v:\n got %q, %v\nwant %q", n, ids, got, err, want)
	}
}

// readGGUF reads just the vocabulary of a well-formed GGUF v3 file.
func readGGUF(path string) (v Vocab, err error) {
	file, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer file.Close()
	var r io.Reader = file
	if filepath.Ext(path) == ".gz" {
		if r, err = gzip.NewReader(file); err != nil {
			return v, err
		}
	}
	g := ggufReader{r: bufio.NewReaderSize(r, 1<<20)}
	g.read(16) // magic, version, tensors
	values := map[string]any{}
	for range g.u64() {
		key := g.value(8).(string)
		values[key] = g.value(uint32(g.num(4)))
	}
	if g.err != nil {
		return v, g.err
	}
	tokens, _ := values["tokenizer.ggml.tokens"].([]any)
	scores, _ := values["tokenizer.ggml.scores"].([]any)
	kinds, _ := values["tokenizer.ggml.token_type"].([]any)
	if len(tokens) == 0 || len(tokens) != len(scores) || len(tokens) != len(kinds) {
		return v, fmt.Errorf("%d tokens, %d scores, %d types", len(tokens), len(scores), len(kinds))
	}
	for i := range tokens {
		v.Pieces = append(v.Pieces, Piece{
			Text:  tokens[i].(string),
			Score: math.Float32frombits(uint32(scores[i].(uint64))),
			Kind:  Kind(kinds[i].(uint64)),
		})
	}
	v.BOS = int32(values["tokenizer.ggml.bos_token_id"].(uint64))
	v.EOS = int32(values["tokenizer.ggml.eos_token_id"].(uint64))
	v.UNK = int32(values["tokenizer.ggml.unknown_token_id"].(uint64))
	return v, nil
}

type ggufReader struct {
	r   io.Reader
	buf []byte
	err error
}

func (g *ggufReader) read(n int) []byte {
	g.buf = slices.Grow(g.buf[:0], n)[:n]
	if _, err := io.ReadFull(g.r, g.buf); err != nil && g.err == nil {
		g.err = err
	}
	return g.buf
}

// num reads n bytes as an unsigned integer.
func (g *ggufReader) num(n int) uint64 {
	var b [8]byte
	copy(b[:], g.read(n))
	return binary.LittleEndian.Uint64(b[:])
}

func (g *ggufReader) u64() uint64 { return g.num(8) }

// value reads a string, an array, or the bits of a number.
func (g *ggufReader) value(kind uint32) any {
	switch kind {
	case 8:
		return string(g.read(int(g.u64())))
	case 9:
		elem := uint32(g.num(4))
		var list []any
		for range g.u64() {
			list = append(list, g.value(elem))
		}
		return list
	}
	return g.num([]int{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}[kind])
}
