package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/tokenize"
	"sealvk/weights"
)

// Value types of GGUF's metadata.
const (
	ggufUint32 = 4
	ggufInt32  = 5
	ggufBool   = 7
	ggufString = 8
	ggufArray  = 9
)

// entry is a metadata entry as GGUF stores it.
func entry(key string, typ uint32, value []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(text(key), typ), value...)
}

func text(s string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
}

func number(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func list(typ uint32, n int, data []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(number(typ), uint64(n)), data...)
}

// changedNano is the demo's file with some keys renamed, so that nothing finds them, and entries in
// front of its others.
func changedNano(t *testing.T, renamed []string, entries ...[]byte) []byte {
	t.Helper()
	const keys = 24 // where they begin, behind their number
	file := slices.Clone(nanoGGUF)
	for _, key := range renamed {
		at := strings.Index(string(file[:1<<17]), string(text(key)))
		if at < 0 {
			t.Fatalf("no key %s", key)
		}
		file[at+8] = 'T'
	}
	added := slices.Concat(entries...)
	last := entry("sealvk.test.padding", ggufString, text(""))
	fill := -(len(added) + len(last)) & 31 // the tensors' data stay aligned
	last = entry("sealvk.test.padding", ggufString, text(strings.Repeat(" ", fill)))
	binary.LittleEndian.PutUint64(file[16:], binary.LittleEndian.Uint64(file[16:])+uint64(len(entries))+1)
	return slices.Concat(file[:keys], added, last, file[keys:])
}

// vocabulary gives the entries of pieces.
func vocabulary(pieces []weights.Piece) (entries [][]byte) {
	var texts, kinds []byte
	for _, p := range pieces {
		texts = append(texts, text(p.Text)...)
		kinds = append(kinds, number(uint32(p.Kind))...)
	}
	return [][]byte{
		entry("tokenizer.ggml.tokens", ggufArray, list(ggufString, len(pieces), texts)),
		entry("tokenizer.ggml.token_type", ggufArray, list(ggufInt32, len(pieces), kinds)),
	}
}

func nanoPieces(t *testing.T) []weights.Piece {
	t.Helper()
	m, err := weights.Parse(nanoName, nanoGGUF)
	if err != nil {
		t.Fatal(err)
	}
	return m.Vocab.Pieces
}

// oddNano is the demo with all that is odd and changes no answer: no ids of bos, eos and unknown, <eos> typed as text, a piece without text
// and one twice, and odd metadata. A piece end ends turns.
func oddNano(t *testing.T, end int32) []byte {
	pieces := nanoPieces(t)
	last := len(pieces) - 1
	pieces[1].Kind = weights.Normal
	pieces[last].Text = ""
	pieces[last-1] = weights.Piece{Text: "<pad>", Kind: weights.Control}
	renamed := []string{"tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
		"tokenizer.ggml.unknown_token_id", "general.name"}
	return changedNano(t, renamed, append(vocabulary(pieces),
		entry("", ggufUint32, number(1)),
		entry("general.name", ggufString, text("nano \xff\x1b[31m")),
		entry("x.nested", ggufArray, list(ggufArray, 1, list(ggufUint32, 1, number(7)))),
		entry("x.bool", ggufBool, []byte{2}),
		entry("x.unknown", ggufUint32, number(5)),
		entry("tokenizer.ggml.eot_token_id", ggufUint32, number(uint32(end))))...)
}

var oddWarnings = []string{
	`metadata key "" at byte `, `metadata key "x.nested" at byte `, `metadata key "x.bool" at byte `, `metadata key "general.name" at byte `,
	"piece 2047 of the vocabulary is empty", `piece "<pad>" of the vocabulary appears twice, as 0 and 2046`, `piece 1, "<eos>", is typed as text`,
	`it is taken to be 2, piece "<bos>"`, `it is taken to be 1, piece "<eos>"`, `it is taken to be 3, piece "<unk>"`,
}

// wantNotes wants lines "sealvk: NAME: …" that hold each of parts, in this order, and no others.
func wantNotes(t *testing.T, stderr, name string, parts []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	if !slices.EqualFunc(lines, parts, func(line, part string) bool {
		return strings.HasPrefix(line, "sealvk: "+name+": ") && strings.Contains(line, part) && !strings.Contains(line, "\x1b")
	}) {
		t.Errorf("standard error\n%s\nwant of %s %q", stderr, name, parts)
	}
}

func writeModel(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// putOllama makes a model of Ollama's of the file, whose manifest has that path, and sets where Ollama's models are. The
// result is the path of the file.
func putOllama(t *testing.T, manifest string, file []byte, texts map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("OLLAMA_MODELS", folder)
	var path string
	var layers []map[string]any
	put := func(kind string, data []byte) {
		hash := fmt.Sprintf("%x", sha256.Sum256(data))
		path = writeModel(t, filepath.Join(folder, "blobs", "sha256-"+hash), data)
		layers = append(layers, map[string]any{"mediaType": "application/vnd.ollama.image." + kind, "digest": "sha256:" + hash, "size": len(data)})
	}
	for kind, text := range texts {
		put(kind, []byte(text))
	}
	put("model", file)
	content, err := json.Marshal(map[string]any{"schemaVersion": 2, "layers": layers})
	if err != nil {
		t.Fatal(err)
	}
	writeModel(t, filepath.Join(folder, "manifests", filepath.FromSlash(manifest)), content)
	return path
}

// A file that is odd in all ways that change no answer, here as one of Ollama's, answers as the file that it was made of, up
// to its own end of turn, and every oddity is told once.
func TestOddFilesAnswer(t *testing.T) {
	g := readGreedy(t)[2]
	const at = 13
	end := g.Q4KM.IDs[at]
	if slices.Index(g.Q4KM.IDs, end) != at {
		t.Fatalf("%d comes before %d in %v", end, at, g.Q4KM.IDs)
	}
	path := putOllama(t, "registry.ollama.ai/library/nano/latest", oddNano(t, end), map[string]string{
		"template": "<|im_start|>{{ .Prompt }}<eos>", "params": "{\"temperature\": 0.3,\n\"stop\": [\"x\"]}", "adapter": "GGUF"})
	o := onDevice(t, "", "generate", "--json", "--temp", "0", g.Messages[0].Content, "-m", "ollama:nano")
	if a := parseGenerated(t, o.stdout); !slices.Equal(a.Tokens, g.Q4KM.IDs[:at+1]) || a.FinishReason != "stop" || a.PromptTokens != len(g.Prompt) {
		t.Errorf("%+v, want to stop at %d of %v after %d tokens", a, end, g.Q4KM.IDs, len(g.Prompt))
	}
	wantNotes(t, o.stderr, "ollama:nano", append(slices.Clone(oddWarnings), "an adapter (LoRA) to it, which is not applied",
		`not applied: Ollama's template, parameters {"temperature":0.3,"stop":["x"]}; chats are written by the file's own chat template`))

	o = sealvk("", "list")
	if want := "\n  ollama:nano:latest "; o.code != 0 || !strings.Contains(o.stdout, want) || !strings.Contains(o.stdout, path) {
		t.Errorf("%+v, want %q and %s", o, want, path)
	}
	var in inspection
	o = sealvk("", "inspect", "--json", path) // an Ollama blob by its path
	if err := json.Unmarshal([]byte(o.stdout), &in); err != nil || len(in.Warnings) != len(oddWarnings) || !slices.Equal(in.Stops, []int32{end}) ||
		in.Config.Name != "nano \\xff\x1b[31m" {
		t.Errorf("%v: name %q, stops %v, warnings %q", err, in.Config.Name, in.Stops, in.Warnings)
	}
	wantNotes(t, o.stderr, path, oddWarnings)
	if o, want := sealvk("", "inspect", path), fmt.Sprintf("end at %d too", end); !strings.Contains(o.stdout, want) || strings.Contains(o.stdout, "\x1b") {
		t.Errorf("%+v, want %s", o, want)
	}
}

// A file whose marks nobody can tell names the flags that do; the marks they name are those of the file that it was made of.
func TestMarksByFlags(t *testing.T) {
	pieces := nanoPieces(t)
	pieces[1] = weights.Piece{Text: "<|stop|>", Kind: weights.Normal}
	pieces[2] = weights.Piece{Text: "<|go|>", Kind: weights.Control}
	renamed := []string{"tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"}
	path := writeModel(t, filepath.Join(t.TempDir(), "marks.gguf"), changedNano(t, renamed, vocabulary(pieces)...))
	sealvk("", "generate", "hi", "-m", path).wantError(t, path, "begins a conversation", "--bos PIECE")
	sealvk("", "generate", "hi", "-m", path, "--bos", "<|go|>").wantError(t, path, "ends an answer", "--eos PIECE")
	sealvk("", "generate", "hi", "-m", path, "--bos", "2048").wantError(t, path, "2048 pieces")
	sealvk("", "generate", "hi", "-m", path, "--bos", "<|no|>").wantError(t, path, `"<|no|>", but no piece has that text`)
	want := strings.Replace(sealvk("", "tokenize", "Xin chào").stdout, "<bos>", "<|go|>", 1)
	for _, marks := range [][]string{{"--bos", "<|go|>", "--eos", "<|stop|>"}, {"--bos", "2", "--eos", "1"}} {
		if o := sealvk("", append([]string{"tokenize", "Xin chào", "-m", path}, marks...)...); o.code != 0 || o.stdout != want || o.stderr != "" {
			t.Errorf("%v: %+v, want %s", marks, o, want)
		}
	}
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tok, err := tokenizerOf(file, tokenize.Marks{BOS: "2", EOS: "<|stop|>"})
	if err != nil || tok.BOS() != 2 || tok.EOS() != 1 || tok.Piece(1).Kind != tokenize.Control {
		t.Errorf("%v", err)
	}
}

// Ollama's models that cannot be opened say what to do.
func TestOllamaErrors(t *testing.T) {
	putOllama(t, "registry.ollama.ai/library/broken/latest", []byte("GGUF"), nil)
	sealvk("", "inspect", "ollama:nowhere").wantError(t, `no model "nowhere"`, "there are broken:latest")
	sealvk("", "inspect", "ollama:broken").wantError(t, "header")
	t.Setenv("OLLAMA_MODELS", t.TempDir())
	sealvk("", "inspect", "ollama:nowhere").wantError(t, "hold no model", os.Getenv("OLLAMA_MODELS"))
}

// A file of Ollama's without a chat template takes the format that Ollama's template shows.
func TestOllamaTemplates(t *testing.T) {
	t.Setenv("HF_HOME", t.TempDir())
	plain := changedNano(t, []string{"tokenizer.chat_template"})
	for template, want := range map[string]string{
		"<start_of_turn>user\n{{ .Prompt }}<end_of_turn>": "chats are written in the format gemma",
		"<|im_start|>user\n{{ .Prompt }}<|im_end|>":       "chats are written in the format chatml",
		"### Instruction: {{ .Prompt }}":                  "choose one with --template",
	} {
		putOllama(t, "hf.co/org/plain-GGUF/Q4_K_M", plain, map[string]string{"template": template})
		for _, name := range []string{"hf.co/org/plain-GGUF:Q4_K_M", "ollama:hf.co/org/plain-GGUF:q4_k_m"} {
			wantNotes(t, sealvk("", "tokenize", "-m", name, "x").stderr, name, []string{want})
		}
		putOllama(t, "registry.ollama.ai/org/plain/latest", plain, nil) // another's than org/plain of the Hub
		sealvk("", "tokenize", "-m", "org/plain", "x").wantError(t, "org/plain is not in the cache")
	}
}
