package tokenize

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// object is a part of a tokenizer.json that a test can change.
type object = map[string]any

// jsonFile returns a tokenizer.json of <unk>, <s>, </s>, the byte pieces (ids
// of byteVocab) and pieces, all of them merged as merges say.
func jsonFile(pieces []string, merges any, added ...object) object {
	vocab := object{}
	for i, p := range byteVocab().Pieces {
		vocab[p.Text] = i
	}
	for i, p := range pieces {
		vocab[p] = firstPiece + i
	}
	tokens := []object{addedObject("<unk>", 0, true), addedObject("<s>", 1, true), addedObject("</s>", 2, true)}
	return object{
		"version": "1.0", "truncation": nil, "padding": nil,
		"added_tokens":  append(tokens, added...),
		"normalizer":    object{"type": "Replace", "pattern": object{"String": " "}, "content": space},
		"pre_tokenizer": nil,
		"decoder": object{"type": "Sequence", "decoders": []object{
			{"type": "Replace", "pattern": object{"String": space}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
		}},
		"model": object{
			"type": "BPE", "dropout": nil, "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
			"vocab": vocab, "merges": merges,
		},
	}
}

const firstPiece = 259 // id of the first piece after byteVocab

func addedObject(text string, id int, special bool) object {
	return object{"id": id, "content": text, "special": special, "normalized": false,
		"lstrip": false, "rstrip": false, "single_word": false}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parseJSON(t testing.TB, file object) *Tokenizer {
	t.Helper()
	tok, err := parseTokenizerJSON(marshal(t, file), specialNames{"<s>", "</s>"}, 0, Marks{})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// change sets a field of file, named by a path with dots.
func change(file object, path string, value any) object {
	names := strings.Split(path, ".")
	o := file
	for _, n := range names[:len(names)-1] {
		o = o[n].(object)
	}
	o[names[len(names)-1]] = value
	return file
}

func TestTokenizerJSON(t *testing.T) {
	pieces := []string{"a", "b", "ab", "▁", "▁ab", "é", "\n", "\n\n"}
	lines := []string{"a b", "▁ ab", "\n \n"}
	lists := [][]string{{"a", "b"}, {"▁", "ab"}, {"\n", "\n"}}
	for name, file := range map[string]object{
		"strings":    jsonFile(pieces, lines),
		"lists":      jsonFile(pieces, lists),
		"comment":    jsonFile(pieces, append([]string{"#version: 0.2"}, lines...)),
		"split":      change(jsonFile(pieces, lines), "pre_tokenizer", object{"type": "Split", "pattern": object{"String": " "}, "behavior": "MergedWithPrevious", "invert": false}),
		"sequence":   change(jsonFile(pieces, lines), "normalizer", object{"type": "Sequence", "normalizers": []object{{"type": "Replace", "pattern": object{"String": " "}, "content": space}}}),
		"no dropout": change(jsonFile(pieces, lines), "model.dropout", 0.0),
		"nulls":      change(jsonFile(pieces, lines), "model.end_of_word_suffix", nil),
	} {
		tok := parseJSON(t, file)
		if got := spell(tok, tok.Encode(nil, "ab ab\n\n\néx<s>", true)); got != "ab|▁ab|\n\n|\n|é|<0x78>|<s>" {
			t.Errorf("%s: got %s", name, got)
		}
		if tok.BOS() != 1 || tok.EOS() != 2 || tok.UNK() != 0 {
			t.Errorf("%s: bos %d, eos %d, unk %d", name, tok.BOS(), tok.EOS(), tok.UNK())
		}
	}
}

func TestTokenizerJSONRefuses(t *testing.T) {
	pieces, merges := []string{"a", "b", "ab"}, []string{"a b"}
	replace := object{"type": "Replace", "pattern": object{"String": " "}, "content": space}
	for name, c := range map[string]struct {
		path  string
		value any
		want  string
	}{
		"no model":          {"model", nil, `"model" is missing`},
		"unigram":           {"model.type", "Unigram", "model.type"},
		"no byte fallback":  {"model.byte_fallback", false, "model.byte_fallback"},
		"ignore merges":     {"model.ignore_merges", true, "model.ignore_merges"},
		"dropout":           {"model.dropout", 0.1, "model.dropout"},
		"prefix":            {"model.continuing_subword_prefix", "##", `model.continuing_subword_prefix is "##"`},
		"suffix":            {"model.end_of_word_suffix", "</w>", "model.end_of_word_suffix"},
		"no unknown":        {"model.unk_token", nil, "model.unk_token"},
		"other unknown":     {"model.unk_token", "<?>", `model.unk_token "<?>"`},
		"no vocab":          {"model.vocab", nil, "model.vocab is not an object"},
		"vocab as list":     {"model.vocab", []string{"a"}, "model.vocab is not an object"},
		"id as text":        {"model.vocab.a", "7", `what "a" has is not an id`},
		"id as fraction":    {"model.vocab.a", 259.5, "is not an id"},
		"large id":          {"model.vocab.a", 1 << 40, "is not an id"},
		"hole":              {"model.vocab.ab", 900, `"ab" has the id 900`},
		"negative id":       {"model.vocab.ab", -1, `"ab" has the id -1`},
		"duplicate id":      {"model.vocab.b", 259, `"a" and "b" both have the id 259`},
		"empty piece":       {"model.vocab.", 262, "is empty"},
		"no merges":         {"model.merges", "a b", "model.merges is not a list"},
		"merge of nothing":  {"model.merges", []string{"a b", "a x"}, `model.merges[1] joins "a" and "x", but "x"`},
		"merge to nothing":  {"model.merges", []string{"b a"}, `"ba" is not in model.vocab`},
		"merge from added":  {"model.merges", []string{"a b", "a <new>"}, `"<new>" is not in`},
		"three parts":       {"model.merges", []string{"a b", "a b c"}, "model.merges[1]"},
		"one part":          {"model.merges", []string{"ab"}, "model.merges[0]"},
		"empty part":        {"model.merges", []string{" ab"}, "model.merges[0]"},
		"list of three":     {"model.merges", [][]string{{"a", "b", ""}}, "model.merges[0]"},
		"list of one":       {"model.merges", [][]string{{"a", "b"}, {"ab"}}, "model.merges[1]"},
		"list of numbers":   {"model.merges", [][]int{{1, 2}}, "model.merges[0]"},
		"merge as number":   {"model.merges", []int{1}, "model.merges[0]"},
		"no normalizer":     {"normalizer", nil, "normalizer is"},
		"other normalizer":  {"normalizer", object{"type": "NFKC"}, `normalizer is {"type":"NFKC"}`},
		"prepend":           {"normalizer", object{"type": "Sequence", "normalizers": []object{{"type": "Prepend", "prepend": space}, replace}}, "Prepend"},
		"other replacement": {"normalizer", object{"type": "Replace", "pattern": object{"String": " "}, "content": "_"}, "normalizer is"},
		"pattern":           {"normalizer", object{"type": "Replace", "pattern": object{"Regex": " +"}, "content": space}, "Regex"},
		"byte level":        {"pre_tokenizer", object{"type": "ByteLevel"}, "pre_tokenizer is"},
		"other split":       {"pre_tokenizer", object{"type": "Split", "pattern": object{"String": "a"}, "invert": false}, "pre_tokenizer is"},
		"inverted split":    {"pre_tokenizer", object{"type": "Split", "pattern": object{"String": " "}, "invert": true}, "pre_tokenizer is"},
		"no decoder":        {"decoder", nil, "decoder is"},
		"strip":             {"decoder", object{"type": "Sequence", "decoders": []object{{"type": "Strip", "content": " "}}}, "Strip"},
		"lstrip":            {"added_tokens", []object{{"id": 1, "content": "<s>", "lstrip": true}}, "has lstrip"},
		"rstrip":            {"added_tokens", []object{{"id": 1, "content": "<s>", "rstrip": true}}, "has rstrip"},
		"single word":       {"added_tokens", []object{{"id": 1, "content": "<s>", "single_word": true}}, "has single_word"},
		"added, other id":   {"added_tokens", []object{{"id": 5, "content": "<s>"}}, `added_tokens[0] ("<s>") has the id 5, by model.vocab it is 1`},
		"added, gap":        {"added_tokens", []object{{"id": 263, "content": "<x>"}}, "by model.vocab it is 262"},
		"added twice":       {"added_tokens", []object{addedObject("<s>", 1, true), addedObject("<s>", 1, false)}, "is there twice"},
		"added, empty":      {"added_tokens", []object{{"id": 262, "content": ""}}, "added_tokens[0] is empty"},
		"added, large id":   {"added_tokens", []object{{"id": 1 << 40, "content": "x"}}, "added_tokens"},
	} {
		file := change(jsonFile(pieces, merges, addedObject("<new>", 262, false)), c.path, c.value)
		_, err := parseTokenizerJSON(marshal(t, file), specialNames{}, 0, Marks{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	missing := jsonFile(pieces, merges)
	delete(missing["model"].(object)["vocab"].(object), "<0xAB>")
	for name, c := range map[string]struct{ data, want string }{
		"empty":         {"", "byte 0"},
		"cut":           {`{"model": {"vo`, "not JSON: byte 14"},
		"not UTF-8":     {"{\"model\": \"\xff\"}", "not UTF-8"},
		"no object":     {"[]", "not a tokenizer.json"},
		"twice":         {`{"model": {"vocab": {"a": 1, "a": 2}}}`, `model.vocab has "a" twice`},
		"nested deeply": {strings.Repeat("[", 100000), "not JSON"},
		"gap of bytes":  {string(marshal(t, missing)), "261"},
	} {
		_, err := parseTokenizerJSON([]byte(c.data), specialNames{}, 0, Marks{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// TestAddedTokens has tokens that are special or not, found before or after
// blanks became U+2581, by the rules of added_vocabulary.rs.
func TestAddedTokens(t *testing.T) {
	added := func(text string, id int, special, normalized bool) object {
		o := addedObject(text, id, special)
		o["normalized"] = normalized
		return o
	}
	tok := parseJSON(t, jsonFile([]string{"a", "b", "x", "▁", "ab", "<", ">", "s", "▁a"}, []string{"a b", "▁ a"},
		added("<x>", 268, false, false), added("<x>>", 269, true, false),
		added("a x", 270, false, false), added("b x", 271, false, true), added("▁s", 272, true, true),
		added("x>", 273, false, true), added("ab", 263, false, false)))
	for _, c := range []struct{ text, plain, special string }{
		{"<x>", "<x>", "<x>"},
		{"<x>>", "<x>|>", "<x>>"},
		{"a x", "a x", "a x"},
		{"a▁x", "a|▁|x", "a|▁|x"}, // not what the raw text says
		{"b x", "b x", "b x"},
		{"b▁x", "b x", "b x"},
		{" s", "▁|s", "▁s"},
		{"▁s", "▁|s", "▁s"},
		{"<s>", "<|s|>", "<s>"},
		{"aab", "a|ab", "a|ab"}, // an added piece of the model
		{"b x>", "b x|>", "b x|>"},
		{" <x>", "▁|<x>", "▁|<x>"},
		{"aa x", "a|a x", "a|a x"},
		{"x><x>", "x>|<x>", "x>|<x>"}, // those of the raw text go first
		{"<x><x>>", "<x>|<x>|>", "<x>|<x>>"},
		{"<unk>", "<|<0x75>|<0x6E>|<0x6B>|>", "<unk>"},
	} {
		if got := spell(tok, tok.Encode(nil, c.text, false)); got != c.plain {
			t.Errorf("%q plain: got %s, want %s", c.text, got, c.plain)
		}
		if got := spell(tok, tok.Encode(nil, c.text, true)); got != c.special {
			t.Errorf("%q with special pieces: got %s, want %s", c.text, got, c.special)
		}
	}
	for text, kind := range map[string]Kind{"<x>": UserDefined, "<x>>": Control, "▁s": Control, "ab": UserDefined, "a": Normal, "<0x41>": Byte, "<unk>": Unknown} {
		if id, ok := tok.ID(text); !ok || tok.Piece(id).Kind != kind {
			t.Errorf("piece %d %q: %v, want %v", id, text, tok.Piece(id).Kind, kind)
		}
	}
}

// TestMergesNeverForge has merges that end in control pieces.
func TestMergesNeverForge(t *testing.T) {
	file := jsonFile([]string{"<", "s", ">", "<s", "/", "</", "</s", "x", "<x"}, []string{"< s", "<s >", "< /", "</ s", "</s >", "< x"},
		addedObject("x", 266, true), addedObject("<x", 267, false))
	tok := parseJSON(t, file)
	for text, want := range map[string]string{"<s>": "<s|>", "a</s>": "<0x61>|</s|>", "x": "<0x78>", "<x": "<x"} {
		if got := spell(tok, tok.Encode(nil, text, false)); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestNamedBytes is about the tab, which transformers' converter writes out.
func TestNamedBytes(t *testing.T) {
	file := jsonFile([]string{"\t\t", "a", "\ta"}, []string{"\t \t", "\t a"})
	vocab := file["model"].(object)["vocab"].(object)
	vocab["\t"] = vocab["<0x09>"]
	delete(vocab, "<0x09>")
	tok := parseJSON(t, file)
	if id, ok := tok.ID("<0x09>"); !ok || id != 12 || tok.Piece(12) != (Piece{"<0x09>", 0, Byte}) {
		t.Errorf("piece 12 is %+v, <0x09> has the id %d", tok.Piece(12), id)
	}
	for text, want := range map[string]string{"\t": "<0x09>", "\t\t\t": "\t\t|<0x09>", "\ta": "\ta", "a\t": "a|<0x09>"} {
		ids := tok.Encode(nil, text, false)
		if got := spell(tok, ids); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if back, err := tok.Decode(ids); err != nil || back != text {
			t.Errorf("%q comes back as %q, %v", text, back, err)
		}
	}
}

func TestVocabFromJSON(t *testing.T) {
	tok := parseJSON(t, jsonFile([]string{"c", "abc", "ab", "b", "a", "<n>"}, []string{"a b", "ab c"}, addedObject("<n>", 264, false)))
	v := tok.Vocab()
	want := []Piece{{"c", -2, Normal}, {"abc", -1, Normal}, {"ab", 0, Normal}, {"b", -3, Normal}, {"a", -4, Normal}, {"<n>", 0, UserDefined}}
	if !slices.Equal(v.Pieces[firstPiece:], want) || v.BOS != 1 || v.EOS != 2 || v.UNK != 0 {
		t.Errorf("got %v, bos %d, eos %d, unk %d", v.Pieces[firstPiece:], v.BOS, v.EOS, v.UNK)
	}
	v.Pad(267)
	if len(v.Pieces) != 267 || v.Pieces[266] != (Piece{"[PAD266]", 0, Control}) {
		t.Errorf("%d pieces, the last is %+v", len(v.Pieces), v.Pieces[len(v.Pieces)-1])
	}
	if tok.Size() != 265 {
		t.Errorf("the tokenizer has %d pieces after padding a copy", tok.Size())
	}
	v.Pad(3)
	if padded := mustNew(t, v); padded.Size() != 267 || spell(padded, padded.Encode(nil, "abc<n>", false)) != "abc|<n>" {
		t.Errorf("padded: %d pieces", padded.Size())
	}
}

func TestLoadFolder(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "neither tokenizer.json nor tokenizer.model") {
		t.Errorf("empty folder: %v", err)
	}
	write("tokenizer.model", protoModel(with(Piece{"m", 0, Normal}).Pieces, gemmaTrainer, gemmaNormalizer))
	loads := func(what, piece string, bos, eos int32) {
		t.Helper()
		for _, p := range []string{dir, path("tokenizer.json")} {
			tok, err := Load(p)
			if piece == "m" && p != dir {
				continue // there is no tokenizer.json
			}
			if err != nil {
				t.Errorf("%s: %v", what, err)
			} else if _, ok := tok.ID(piece); !ok || tok.BOS() != bos || tok.EOS() != eos {
				t.Errorf("%s: %q there: %v, bos %d, eos %d, want %d, %d", what, piece, ok, tok.BOS(), tok.EOS(), bos, eos)
			}
		}
	}
	loads("tokenizer.model", "m", 1, 2)
	write("tokenizer.json", marshal(t, jsonFile([]string{"a", "<bos>"}, []string{})))
	loads("no config", "a", 260, -1)
	for config, want := range map[string][2]int32{
		`{}`: {260, -1},
		`{"bos_token": null, "eos_token": {"content": "</s>"}}`: {260, 2},
		`{"bos_token": "<s>", "eos_token": "</s>"}`:             {1, 2},
		"\ufeff" + `{"eos_token": "a"}`:                         {260, 259},
	} {
		write("tokenizer_config.json", []byte(config))
		loads(config, "a", want[0], want[1])
	}
	for config, want := range map[string]string{
		`{"eos_token": "<end>"}`: `eos_token "<end>"`,
		`{"eos_token": 5}`:       "tokenizer_config.json",
		`{"bos_token": "<unk>"}`: "bos id 0",
		`{`:                      "tokenizer_config.json",
	} {
		write("tokenizer_config.json", []byte(config))
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path("tokenizer.json")) {
			t.Errorf("%s: got %v, want %q", config, err, want)
		}
	}
}

func TestLoadSized(t *testing.T) {
	for _, path := range []string{testdata + "/nano.model", testdata + "/nano.json"} {
		tok, err := LoadSized(path, 2050, Marks{})
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := tok.ID("[PAD2049]"); tok.Size() != 2050 || !ok || id != 2049 || tok.Piece(2048) != (Piece{"[PAD2048]", 0, Control}) {
			t.Errorf("%s: %d pieces, [PAD2049] is %d, %v", path, tok.Size(), id, ok)
		}
		for _, l := range readGolden(t, testdata+"/tokenizer-nano.jsonl") {
			if got := tok.Encode(nil, l.Text, true); l.SPReason != "other" && !slices.Equal(got, l.IDs) {
				t.Errorf("%s: line %d: got %v, want %v", path, l.N, got, l.IDs)
			}
		}
		if _, err := LoadSized(path, 2047, Marks{}); err == nil || !strings.Contains(err.Error(), "2048 pieces") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: 2047 rows: %v", path, err)
		}
	}
}

func TestLoadTellsJSONFromModel(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"vocab":      {" \n{", "not JSON"},
		"x.json":     {"", "not JSON"},
		"plain":      {"", "not a SentencePiece model"},
		"other.json": {`{"architectures": []}`, `"model" is missing`},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("tokenize: %s: ", path)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
