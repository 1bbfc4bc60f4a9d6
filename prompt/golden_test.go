package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"sealvk/tokenize"
)

const (
	testdata  = "../testdata/prompt/chat-template.jsonl"
	nanoModel = "../testdata/tokenize/nano.model"
	shared    = "../../shared" // reference data beside the clone, where it exists
)

type goldenLine struct {
	N                   int
	Messages            []Message
	AddGenerationPrompt bool `json:"add_generation_prompt"`
	Text                string
	NanoIDs             []int32 `json:"nano_ids"`
	NanoTrain           masked  `json:"nano_train"`
	GemmaTrain          masked  `json:"gemma_train"`
	GemmaIDs            []int32 `json:"gemma_ids"`
	PromptIDs           []int32 `json:"prompt_ids"`
}

// masked is what the model card's function gives for training.
type masked struct {
	IDs  []int32 `json:"input_ids"`
	Mask []int   `json:"token_type_ids"`
}

func readGolden(t *testing.T, path string) []goldenLine {
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
	if len(lines) < 10 {
		t.Fatalf("%s: only %d lines", path, len(lines))
	}
	return lines
}

func load(t testing.TB, path string) *tokenize.Tokenizer {
	t.Helper()
	tok, err := tokenize.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestGoldenSeaLLM(t *testing.T) {
	nano := load(t, nanoModel)
	for _, l := range readGolden(t, testdata) {
		checkGolden(t, nano, l, l.NanoIDs)
	}
	path := shared + "/golden/chat-template.jsonl"
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return
	}
	gemma := load(t, shared+"/models/gemma-vocab/tokenizer.model")
	for _, l := range readGolden(t, path) {
		checkGolden(t, nano, l, l.NanoIDs)
		checkGolden(t, gemma, l, l.GemmaIDs)
	}
	for _, l := range readGolden(t, shared+"/golden/greedy-nano.jsonl") {
		if got, err := published(t).Encode(nano, l.Messages, true); err != nil || !slices.Equal(got, l.PromptIDs) {
			t.Errorf("greedy line %d:\n got %v, %v\nwant %v", l.N, got, err, l.PromptIDs)
		}
	}
}

// checkGolden compares the built-in template and the same in Jinja.
func checkGolden(t *testing.T, tok *tokenize.Tokenizer, l goldenLine, want []int32) {
	t.Helper()
	for _, template := range []Template{SeaLLM, published(t)} {
		checkGoldenOf(t, template, tok, l, want)
	}
	checkSame(t, SeaLLM, published(t), tok, l.Messages)
}

func checkGoldenOf(t *testing.T, template Template, tok *tokenize.Tokenizer, l goldenLine, want []int32) {
	t.Helper()
	text, err := template.Text(tok, l.Messages, l.AddGenerationPrompt)
	if err != nil || text != l.Text {
		t.Errorf("%v, line %d: text %q, %v, want %q", template, l.N, text, err, l.Text)
	}
	// The reference parses control pieces wherever they stand.
	got, err := template.EncodeSpecial(tok, l.Messages, l.AddGenerationPrompt)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, line %d, special pieces parsed:\n got %v, %v\nwant %v", template, l.N, got, err, want)
	}
	if raw := Raw(tok, l.Text, true); !slices.Equal(raw, want) {
		t.Errorf("%v, line %d, the rendered text encoded raw:\n got %v\nwant %v", template, l.N, raw, want)
	}
	got, err = template.Encode(tok, l.Messages, l.AddGenerationPrompt)
	if err != nil {
		t.Errorf("%v, line %d: %v", template, l.N, err)
	}
	if specials(tok, want) == 1+len(l.Messages) {
		if !slices.Equal(got, want) {
			t.Errorf("%v, line %d:\n got %v\nwant %v", template, l.N, got, want)
		}
	} else if n := specials(tok, got); n != 1+len(l.Messages) {
		// A message holds <bos> or <eos>: it must not become that piece.
		t.Errorf("%v, line %d: %d control pieces, want %d: %v", template, l.N, n, 1+len(l.Messages), got)
	}
	if decoded, err := tok.Decode(got); err != nil || decoded != l.Text {
		t.Errorf("%v, line %d: decodes to %q, %v, want %q", template, l.N, decoded, err, l.Text)
	}
}

// specials counts the ids of control and unknown pieces.
func specials(tok *tokenize.Tokenizer, ids []int32) (n int) {
	for _, id := range ids {
		if k := tok.Piece(id).Kind; k == tokenize.Control || k == tokenize.Unknown {
			n++
		}
	}
	return n
}
