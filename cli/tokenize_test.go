package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tokenizerGolden is a line of testdata/tokenize/tokenizer-nano.jsonl; sp_ids
// is the answer where it is there.
type tokenizerGolden struct {
	Text    string  `json:"text"`
	IDs     []int32 `json:"ids"`
	SPIDs   []int32 `json:"sp_ids"`
	Decoded string  `json:"decoded"`
}

func readLines[T any](t *testing.T, path string) []T {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []T
	for line := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n") {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		list = append(list, v)
	}
	return list
}

func jsonLine(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestTokenizeJSONLines(t *testing.T) {
	golden := readLines[tokenizerGolden](t, "../testdata/tokenize/tokenizer-nano.jsonl")
	var texts, arrays strings.Builder
	for i := range golden {
		if golden[i].SPIDs != nil {
			golden[i].IDs = golden[i].SPIDs
		}
		texts.WriteString(jsonLine(t, golden[i].Text))
		arrays.WriteString(jsonLine(t, golden[i].IDs))
	}
	for _, source := range [][]string{{"-m", "nano/seallm-nano-Q4_K_M.gguf"}, {"--tokenizer", "../testdata/tokenize/nano.model"},
		{"--tokenizer", "nano/seallm-nano-Q4_K_M.gguf"}, nil} {
		encoded := sealvk(texts.String(), append([]string{"tokenize", "--jsonl", "--no-bos"}, source...)...)
		decoded := sealvk(arrays.String(), append([]string{"tokenize", "--jsonl", "--decode"}, source...)...)
		if encoded.code != 0 || encoded.stdout != decoded.stdout {
			t.Fatalf("%q: exit codes %d and %d, --decode differs\n%s%s", source, encoded.code, decoded.code, encoded.stderr, decoded.stderr)
		}
		lines := strings.Split(strings.TrimSuffix(encoded.stdout, "\n"), "\n")
		if len(lines) != len(golden) {
			t.Fatalf("%q: %d lines, want %d", source, len(lines), len(golden))
		}
		for i, line := range lines {
			var fields map[string]json.RawMessage
			var got tokenizedLine
			if err := json.Unmarshal([]byte(line), &fields); err != nil || len(fields) != 2 {
				t.Fatalf("%q: line %q, error %v", source, line, err)
			}
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.IDs, golden[i].IDs) {
				t.Errorf("%q: line %d: ids %v, want %v", source, i+1, got.IDs, golden[i].IDs)
			}
			if golden[i].SPIDs == nil && got.Text != golden[i].Decoded {
				t.Errorf("%q: line %d: text %q, want %q", source, i+1, got.Text, golden[i].Decoded)
			}
		}
	}
}

func TestTokenizeFlags(t *testing.T) {
	const demo = "nano/seallm-nano-Q4_K_M.gguf"
	for _, c := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{`"a<eos>"` + "\n", []string{"--jsonl"}, `{"ids":[2,1376,1491,1378,1388,1381,1492],"text":"<bos>a<eos>"}` + "\n"},
		{`"a<eos>"`, []string{"--jsonl", "--parse-special", "--no-bos"}, `{"ids":[1376,1],"text":"a<eos>"}` + "\n"},
		{`""` + "\r\n", []string{"--jsonl", "--no-bos"}, `{"ids":[],"text":""}` + "\n"},
		{"[2, 437]\n[]\n", []string{"--decode"}, "<bos>You\n\n"},
		{"", []string{"--decode", "[437]"}, "You\n"},
		{"", []string{"You", "are"}, "      2  \"<bos>\"\n    437  \"You\"\n    446  \"▁are\"\n"},
		{"You\n", []string{"--no-bos"}, "    437  \"You\"\n      4  \"\\n\"\n"},
	} {
		o := sealvk(c.stdin, append([]string{"tokenize", "-m", demo}, c.args...)...)
		if o.code != 0 || o.stdout != c.want || o.stderr != "" {
			t.Errorf("%q %q: exit code %d, stdout %q, want %q; stderr %q", c.args, c.stdin, o.code, o.stdout, c.want, o.stderr)
		}
	}
}

// A byte order mark, as Windows' programs write it in front of UTF-8, is no part of a text.
func TestByteOrderMark(t *testing.T) {
	const chat = `[{"role":"user","content":"You"}]`
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	template := "{% for m in messages %}{{ m.content }}{% endfor %}"
	file, marked := write("chat.jsonl", chat), write("marked.jsonl", byteOrderMark+chat)
	for _, c := range []struct {
		stdin        string
		args, marked []string // nil: args, and the mark on standard input
	}{
		{"You", nil, nil},
		{`"You"`, []string{"--jsonl"}, nil},
		{"[437]", []string{"--decode"}, nil},
		{chat, []string{"--chat"}, nil},
		{"", []string{"--chat", file, file}, []string{"--chat", marked, marked}},
		{chat, []string{"--chat", "--template", write("a.jinja", template)}, []string{"--chat", "--template", write("b.jinja", byteOrderMark+template)}},
		{chat, []string{"--chat", "--template", write("a.json", jsonLine(t, map[string]string{"chat_template": template}))},
			[]string{"--chat", "--template", write("b.json", byteOrderMark+jsonLine(t, map[string]string{"chat_template": template}))}},
		{"You", []string{"--tokenizer", "../testdata/tokenize/nano.json"}, []string{"--tokenizer", write("tokenizer.json", byteOrderMark+read("../testdata/tokenize/nano.json"))}},
	} {
		want := sealvk(c.stdin, append([]string{"tokenize"}, c.args...)...)
		if c.marked == nil {
			c.stdin, c.marked = byteOrderMark+c.stdin, c.args
		}
		got := sealvk(c.stdin, append([]string{"tokenize"}, c.marked...)...)
		if want.code != 0 || got.code != 0 || got.stdout != want.stdout {
			t.Errorf("%q: %+v, without the mark %+v", c.marked, got, want)
		}
	}
}

// An error speaks of JSON, not of Go's types.
func TestTokenizeErrorsOfJSON(t *testing.T) {
	sealvk("[1.5]", "tokenize", "--decode").wantError(t, "line 1: want a JSON array of ids: unexpected number 1.5 behind byte 1")
	sealvk(`{"messages":5}`, "tokenize", "--chat").wantError(t, "line 1: messages is 5; want a list of messages")
	sealvk(`"a\ud800b"`, "tokenize", "--jsonl").wantError(t, "line 1: want a JSON string: invalid surrogate pair", "behind byte 2")
	sealvk("\"a\xffb\"", "tokenize", "--jsonl").wantError(t, "line 1: want a JSON string: not UTF-8")
	sealvk("", "tokenize", "--chat", t.TempDir()).wantError(t, "is a folder; want a file with one conversation a line")
}

func TestTokenizeBadLineKeepsWhatWasDone(t *testing.T) {
	for _, c := range []struct {
		flag, good, bad string
	}{
		{"--jsonl", `"You"`, `null`}, {"--jsonl", `"You"`, `"open`}, {"--jsonl", `"You"`, `["You"]`},
		{"--jsonl", `"You"`, "\"\xff\""}, {"--jsonl", `"You"`, `"a" "b"`},
		{"--decode", `[437]`, `[2048]`}, {"--decode", `[437]`, `[-1]`}, {"--decode", `[437]`, `null`}, {"--decode", `[437]`, `[1.5]`},
		{"--decode", `[437]`, `[99999999999]`}, {"--decode", `[437]`, `"You"`},
	} {
		o := sealvk(c.good+"\n"+c.bad+"\n"+c.good+"\n", "tokenize", c.flag)
		if o.code != 1 || strings.Count(o.stdout, "You") != 1 || !strings.Contains(o.stderr, "line 2: ") {
			t.Errorf("%s %s: exit code %d, stdout %q, stderr %q", c.flag, c.bad, o.code, o.stdout, o.stderr)
		}
	}
}
