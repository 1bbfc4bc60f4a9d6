package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/cli/openai"
	"sealvk/prompt"
	"sealvk/tokenize"
)

// chatGolden is a line of testdata/prompt/chat-template.jsonl.
type chatGolden struct {
	Messages []prompt.Message `json:"messages"`
	Head     bool             `json:"add_generation_prompt"`
	IDs      []int32          `json:"nano_ids"`
	Train    maskedLine       `json:"nano_train"`
}

type maskedLine struct {
	IDs  []int32 `json:"input_ids"`
	Mask []int   `json:"token_type_ids,omitempty"`
}

func readChats(t *testing.T) (with, without []chatGolden) {
	t.Helper()
	for _, g := range readLines[chatGolden](t, "../testdata/prompt/chat-template.jsonl") {
		if g.Head {
			with = append(with, g)
		} else {
			without = append(without, g)
		}
	}
	if len(with) < 5 || len(without) < 5 {
		t.Fatalf("%d and %d conversations", len(with), len(without))
	}
	return with, without
}

// conversations are chats as input, in one of the forms that there are.
func conversations(t *testing.T, chats []chatGolden, form int) string {
	var b strings.Builder
	for _, g := range chats {
		var messages []any
		for _, m := range g.Messages {
			switch form {
			case 2:
				messages = append(messages, map[string]any{"role": m.Role, "name": "x", "content": []any{
					map[string]string{"type": "text", "text": m.Content}}})
			default:
				messages = append(messages, m)
			}
		}
		if form == 1 {
			b.WriteString(" " + jsonLine(t, messages))
		} else {
			b.WriteString(jsonLine(t, map[string]any{"model": "m", "messages": messages, "n": 1}))
		}
	}
	return b.String()
}

func TestTokenizeChats(t *testing.T) {
	with, without := readChats(t)
	for i, chats := range [][]chatGolden{with, without} {
		head := []string{"--generation-prompt"}[:1-i]
		var ids, train strings.Builder
		for _, g := range chats {
			ids.WriteString(jsonLine(t, maskedLine{IDs: g.IDs}))
			train.WriteString(jsonLine(t, g.Train))
		}
		for form := range 3 {
			input := conversations(t, chats, form)
			for _, c := range []struct {
				args []string
				want string
			}{
				{[]string{"--loss-mask"}, train.String()},
				{[]string{"--parse-special"}, ids.String()},
				{[]string{"--parse-special", "--template", "seallm"}, ids.String()},
				{[]string{"--parse-special", "--template", "auto", "--tokenizer", "../testdata/tokenize/nano.model"}, ids.String()},
				{[]string{"--parse-special", "--template", "../testdata/prompt/seallm.json", "--tokenizer", "../testdata/tokenize/nano.model"}, ids.String()},
			} {
				o := sealvk(input, slices.Concat([]string{"tokenize", "--chat"}, head, c.args)...)
				if o.code != 0 || o.stdout != c.want {
					t.Errorf("%q, form %d: exit code %d, other ids\n%.400s\n%.400s\n%s", c.args, form, o.code, o.stdout, c.want, o.stderr)
				}
			}
		}
	}
}

func TestTokenizeChatFiles(t *testing.T) {
	_, chats := readChats(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "b.jsonl")
	for i, path := range []string{a, b} {
		text := strings.TrimSuffix(conversations(t, chats[2*i:2*i+2], i), "\n")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := ""
	for _, g := range chats[:4] {
		want += jsonLine(t, g.Train)
	}
	if o := sealvk("", "tokenize", "--chat", "--loss-mask", a, b); o.code != 0 || o.stdout != want {
		t.Errorf("%+v", o)
	}
	if err := os.WriteFile(b, []byte("[]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := sealvk("", "tokenize", "--chat", "--loss-mask", a, b)
	if o.code != 1 || strings.Count(o.stdout, "\n") != 2 || !strings.Contains(o.stderr, "b.jsonl: line 1: messages is a list; want a list of messages, at least one") {
		t.Errorf("%+v", o)
	}
	o = sealvk("", "tokenize", "--chat", filepath.Join(dir, "nowhere"))
	o.wantError(t, "nowhere")
}

func TestTokenizeChatBadLines(t *testing.T) {
	const good = `[{"role":"user","content":"Hi"}]`
	for bad, want := range map[string]string{
		`null`:                              "want {\"messages\": …}, or the list of messages",
		`{}`:                                "messages is missing",
		`{"messages":{}}`:                   "messages is an object",
		`[{"role":"user"}]`:                 "messages[0].content is missing",
		`[{"role":"user","content":null}]`:  "messages[0].content is missing",
		`[{"content":"x"}]`:                 "messages[0].role is missing",
		`[{"role":"critic","content":"x"}]`: `messages[0].role is "critic"; want system`,
		`[{"role":"user","content":"x","weight":0}]`:                                       "messages[0].weight is no field of a message",
		`[{"role":"user","content":"x"},{"role":"user","content":[{"type":"image_url"}]}]`: "messages[1].content[0] is no part of text",
		`[{"role":"user","content":["x"]}]`:                                                "messages[0].content[0] is no part of text",
		`[{"role":"user","content":"x"}`:                                                   "is no JSON",
		"[{\"role\":\"user\",\"content\":\"\xff\"}]":                                       "invalid UTF-8",
		`[{"role":"user","content":"\ud800"}]`:                                             "invalid surrogate pair",
		`{"messages":[],"messages":[]}`:                                                    "messages is there twice",
		good + good:                                                                        "goes on behind its end",
	} {
		for _, flag := range []string{"--loss-mask", "--generation-prompt"} {
			o := sealvk(good+"\n"+good+"\n"+bad+"\n"+good+"\n", "tokenize", "--chat", flag)
			if o.code != 1 || strings.Count(o.stdout, "\n") != 2 || !strings.Contains(o.stderr, "line 3: ") || !strings.Contains(o.stderr, want) ||
				strings.Count(o.stderr, "\n") != 2 {
				t.Errorf("%s %s: %+v, want %q", flag, bad, o, want)
			}
		}
	}
	// A template refuses a conversation.
	path := filepath.Join(t.TempDir(), "strict.jinja")
	if err := os.WriteFile(path, []byte("{% if messages[0].role != 'user' %}\n{{ raise_exception('no ' + messages[0].role) }}{% endif %}"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := sealvk(good+"\n"+strings.Replace(good, "user", "tool", 1), "tokenize", "--chat", "--template", path)
	if o.code != 1 || strings.Count(o.stdout, "\n") != 1 || !strings.Contains(o.stderr, "line 2: ") || !strings.Contains(o.stderr, "strict.jinja: line 2: no tool") {
		t.Errorf("%+v", o)
	}
}

// Tools go through a template that has them.
func TestTokenizeChatTools(t *testing.T) {
	const tool = `{"type":"function","function":{"name":"f","parameters":{}}}`
	const line = `{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
		{"role":"tool","tool_call_id":"1","content":"r"}],"tools":[` + tool + `]}`
	compact := strings.ReplaceAll(strings.ReplaceAll(line, "\n", ""), "\t", "")
	content, err := os.ReadFile("../testdata/prompt/tools.jinja")
	if err != nil {
		t.Fatal(err)
	}
	template, err := prompt.Compile("tools.jinja", string(content))
	if err != nil {
		t.Fatal(err)
	}
	tools, err := prompt.ReadTools([]byte("[" + tool + "]"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.Load("../testdata/tokenize/nano.model")
	if err != nil {
		t.Fatal(err)
	}
	want, err := template.WithTools(tools).Encode(tok, []prompt.Message{{Role: "user", Content: "u"},
		{Role: "assistant", ToolCalls: []prompt.ToolCall{{ID: "1", Name: "f", Arguments: `{"x":1}`}}}, {Role: "tool", Content: "r", ToolCallID: "1"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	o := sealvk(compact, "tokenize", "--chat", "--tokenizer", "../testdata/tokenize/nano.model", "--template", "../testdata/prompt/tools.jinja")
	if o.code != 0 || o.stdout != jsonLine(t, maskedLine{IDs: want}) {
		t.Errorf("%+v, want %v", o, want)
	}
	sealvk(compact, "tokenize", "--chat").wantError(t, "line 1: ", "the template", "has no place for them")
	sealvk(compact, "tokenize", "--chat", "--loss-mask").wantError(t, "line 1: ", "--loss-mask has no place")
	sealvk(strings.Replace(compact, `"{\"x\":1}"`, "[]", 1), "tokenize", "--chat").wantError(t, "line 1: messages[1].tool_calls[0].function.arguments is a list")
}

func TestTokenizeChatFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--loss-mask"}, []string{"--loss-mask needs --chat"}},
		{[]string{"--template", "seallm"}, []string{"--template needs --chat"}},
		{[]string{"--generation-prompt"}, []string{"--generation-prompt needs --chat"}},
		{[]string{"--chat", "--jsonl"}, []string{"--jsonl"}},
		{[]string{"--chat", "--no-bos"}, []string{"--no-bos"}},
		{[]string{"--chat", "--loss-mask", "--template", "seallm"}, []string{"--template"}},
		{[]string{"--chat", "--template", "alpaca"}, []string{"alpaca", "Jinja"}},
		{[]string{"--chat", "--template", ".."}, []string{".."}},
		{[]string{"--chat", "--template", "../testdata/prompt/chat-template.jsonl"}, []string{"chat-template.jsonl: line "}},
	} {
		sealvk("", append([]string{"tokenize"}, c.args...)...).wantError(t, c.want...)
	}
}

func FuzzParseConversation(f *testing.F) {
	for _, line := range []string{
		`{"messages":[{"role":"user","content":"Hi"}]}`, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`,
		`{"messages":[{"role":"user","content":{"a":[1e999]}}]}`, `[`, `[[[[`, `{"messages":null}`, "\xff", `[{"role":"\ud800","content":"\u0000"}]`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		msgs, tools, err := openai.ParseConversation([]byte(line))
		if err != nil {
			if msgs != nil || err.Error() == "" {
				t.Errorf("%q: %v, %v", line, msgs, err)
			}
			return
		}
		if usesTools(msgs, tools) {
			return // which a Message's JSON leaves out
		}
		// What was understood is understood again, and means the same.
		again, err := json.Marshal(msgs)
		if err != nil {
			t.Fatal(err)
		}
		if back, _, err := openai.ParseConversation(again); err != nil || fmt.Sprint(back) != fmt.Sprint(msgs) {
			t.Errorf("%q: %v, then %v, %v", line, msgs, back, err)
		}
	})
}
