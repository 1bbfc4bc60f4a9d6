package main

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestUnescaped(t *testing.T) {
	for text, want := range map[string]string{
		`a`: "a", `\n`: "\n", `\r\n\t`: "\r\n\t", `a\\nb`: `a\nb`, `\"`: `"`, "ไทย\n": "ไทย\n",
		`\`: "", `a\`: "", `\d`: "", `\\\`: "", // errors
	} {
		got, err := unescaped(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	var stop stopTexts
	for _, text := range []string{`\n`, "a,b", `c\\`} {
		if err := stop.Set(text); err != nil {
			t.Error(err)
		}
	}
	if strings.Join(stop, "|") != "\n|a,b|c\\" {
		t.Errorf("%q", stop)
	}
}

// Decomposed text gets one notice, whatever a command reads it from; composed text gets none, in no script.
func TestDecomposed(t *testing.T) {
	const composed = "Hôm nay trời rất đẹp. ที่นี่ ขำ ខ្ញុំ မြန်မာ हिंदी क़ 한국어 é"
	text := norm.NFD.String("Hà Nội rất đẹp")
	const note = "sealvk: the text has decomposed letters (NFD)"
	for _, c := range []struct {
		stdin string
		args  []string
		notes int
	}{
		{"", []string{"tokenize", text}, 1},
		{"", []string{"tokenize", composed}, 0},
		{jsonLine(t, text) + jsonLine(t, composed) + jsonLine(t, text), []string{"tokenize", "--jsonl"}, 1},
		{jsonLine(t, []any{map[string]string{"role": "user", "content": text}}), []string{"tokenize", "--chat"}, 1},
		{jsonLine(t, []any{map[string]string{"role": "user", "content": text}}), []string{"tokenize", "--chat", "--loss-mask"}, 1},
		{jsonLine(t, text) + jsonLine(t, map[string]any{"messages": []any{map[string]string{"role": "user", "content": text}}}), []string{"batch", "--dry-run"}, 1},
		{"", []string{"generate", "-m", badFiles + "/gguf-empty.gguf", text}, 1},
	} {
		o := sealvk(c.stdin, c.args...)
		if strings.Count(o.stderr, note) != c.notes {
			t.Errorf("sealvk %q: %+v, want %d notices", c.args, o, c.notes)
		}
	}
}
