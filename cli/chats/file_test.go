package chats

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// encoded is the chat's file.
func encoded(t *testing.T, c *Chat) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// testdata/page.json is what the page's file.js wrote of a chat with other versions at three places.
func TestThePagesFileComesBackByteForByte(t *testing.T) {
	want, err := os.ReadFile("testdata/page.json")
	if err != nil {
		t.Fatal(err)
	}
	all, err := Read("testdata/page.json")
	if err != nil || len(all) != 1 {
		t.Fatalf("%d chats, %v", len(all), err)
	}
	c := all[0]
	if got := encoded(t, &c); got != string(want) {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
	shown, others := c.Messages, c.Branches
	if c.System != "ตอบสั้น ๆ" || len(shown) != 4 || len(others) != 3 || *c.Settings.Seed != -exact || c.Settings.Overflow != OverflowShift ||
		shown[3].LeftOut != 2 || !shown[1].Edited || shown[1].Timing.First != 150.5 || others[0].Parent != shown[0].ID || others[2].Parent != others[1].ID {
		t.Errorf("read %+v", c)
	}
	// A mark of Windows' editors, fields of tomorrow, and a list with chats of all kinds.
	marked := "\ufeff" + strings.Replace(string(want), `"version": 1,`, `"version": 1, "colour": ["red"],`, 1)
	again, err := decode(bytes.TrimPrefix([]byte(marked), []byte("\ufeff")))
	if err != nil || !reflect.DeepEqual(again[0], c) {
		t.Errorf("with unknown fields: %+v, %v", again, err)
	}
	if all, err = Read("testdata/page-all.json"); err != nil || len(all) != 2 || !reflect.DeepEqual(all[0], c) || all[1].Title != "New chat" {
		t.Errorf("the file of all: %+v, %v", all, err)
	}
}

func TestFilesWithAMistakeAreRefused(t *testing.T) {
	const turn = `{"role":"user","content":"x"}`
	one := func(fields string) string { return `{"format":"sealvk-chat","version":1,` + fields + `}` }
	message := func(fields string) string {
		return one(`"messages":[` + turn + `,{"role":"assistant","content":"y",` + fields + `}]`)
	}
	branches := func(list string) string {
		return one(`"messages":[{"role":"user","content":"x","id":"a","parent":null}],"branches":[` + list + `]`)
	}
	for _, c := range []struct{ file, want string }{
		{"", "line 1: the JSON ends too early"},
		{"{\n\"format\": ", "line 2: the JSON ends too early"},
		{"{\n\n}}", "line 3: "},
		{"[]", "the file is a list, not an object"},
		{"5", "the file is a number, not an object"},
		{`{"format":"other"}`, `format is "other"`},
		{`{"version":1}`, "format is missing"},
		{`{"format":"sealvk-chat","version":2,"messages":5}`, "version is 2: a newer sealvk wrote it"},
		{`{"format":"sealvk-chat","version":"1"}`, `version is "1", not a whole number`},
		{`{"format":"sealvk-chat"}`, "version is missing"},
		{one(`"title":"t"`), "messages is missing"},
		{one(`"messages":null`), "messages is missing"},
		{one(`"messages":{}`), "messages is an object, not a list"},
		{one(`"messages":[5]`), "messages[0] is a number, not an object"},
		{one(`"title":5,"messages":[]`), "title is a number, not a text"},
		{one(`"title":"a","title":"b","messages":[]`), "duplicate"},
		{one(`"messages":[{"role":"user","content":5}]`), "messages[0].content is a number, not a text"},
		{one(`"messages":[{"role":"user","content":null}]`), "messages[0].content is missing"},
		{one(`"messages":[{"content":"x"}]`), `messages[0].role is "": it must be`},
		{one(`"messages":[{"role":"tool","content":"x"}]`), `messages[0].role is "tool": it must be`},
		{one("\"messages\":[{\"role\":\"user\",\"content\":\"a\xff\"}]"), "line 1: invalid UTF-8"},
		{one(`"messages":[` + turn + `,{"role":"system","content":"s"}]`), "messages[1].role is system, which only the first"},
		{message(`"created":"yesterday"`), "messages[1].created is a text, not a time like"},
		{message(`"created":"9999-12-31T23:59:59-01:00"`), "messages[1].created is no time of the years 0 to 9999"},
		{one(`"messages":[],"created":"0000-01-01T00:00:00+01:00"`), "created is no time of the years 0 to 9999"},
		{message(`"edited":"yes"`), "messages[1].edited is a text, not true or false"},
		{message(`"left_out":-1`), "messages[1].left_out is -1: it must be at least 0"},
		{message(`"usage":{"prompt_tokens":-1}`), "messages[1].usage.prompt_tokens is -1"},
		{message(`"usage":{"completion_tokens":1e99}`), "messages[1].usage.completion_tokens is 1e99, not a whole number"},
		{message(`"timing":[]`), "messages[1].timing is a list, not an object"},
		{message(`"timing":{"first_ms":1e99}`), "messages[1].timing.first_ms is 1e+99"},
		{one(`"messages":[],"settings":{"temperature":-1}`), "settings.temperature is -1: it must be from 0 to 100"},
		{one(`"messages":[],"settings":{"top_k":1.5}`), "settings.top_k is 1.5, not a whole number"},
		{one(`"messages":[],"settings":{"top_k":-2}`), "settings.top_k is -2: it must be at least -1"},
		{one(`"messages":[],"settings":{"max_tokens":0}`), "settings.max_tokens is 0: it must be at least 1"},
		{one(`"messages":[],"settings":{"seed":9007199254740992}`), "settings.seed is 9.007199254740992e+15"},
		{one(`"messages":[],"settings":{"overflow":"wrap"}`), `settings.overflow is "wrap", not "stop" or "shift"`},
		{branches(turn), "branches[0].id is missing"},
		{branches(`{"role":"system","content":"x","id":"b","parent":null}`), "branches[0].role is system"},
		{branches(`{"role":"user","content":"x","id":"a","parent":null}`), "branches[0].id is another message's too"},
		{branches(`{"role":"user","content":"x","id":"b"}`), "branches[0].parent is missing"},
		{branches(`{"role":"user","content":"x","id":"b","parent":"c"}`), "branches[0].parent is the id of no message"},
		{one(`"messages":[{"role":"system","content":"x","id":"s"}],"branches":[{"role":"user","content":"x","id":"b","parent":"s"}]`),
			"branches[0].parent is the id of no message"},
		{branches(`{"role":"user","content":"x","id":"b","parent":"c"},{"role":"user","content":"x","id":"c","parent":"b"}`), "leads in a circle"},
		{`{"format":"sealvk-chats","version":1}`, "chats is missing or empty"},
		{`{"format":"sealvk-chats","version":9,"chats":[]}`, "version is 9: a newer sealvk"},
		{`{"format":"sealvk-chats","version":1,"chats":[` + one(`"messages":[]`) + `,` + one(`"messages":[5]`) + `]}`, "chats[1].messages[0] is a number, not an object"},
		{`{"format":"sealvk-chats","version":1,"chats":[5]}`, "chats[0] is a number, not an object"},
		{`{"format":"sealvk-chats","version":1,"chats":[{"format":"x"}]}`, `chats[0].format is "x"`},
	} {
		path := filepath.Join(t.TempDir(), "chat.json")
		if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := Read(path); err == nil || !strings.Contains(err.Error(), path+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %q", c.file, all, err, c.want)
		}
	}
	for path, want := range map[string]string{t.TempDir(): "no regular file", "testdata/none.json": "none.json"} {
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// said is a chat of n turns with their answers.
func said(n int) Chat {
	c := New("nano")
	for range n {
		c.Append(Message{Role: User, Content: "a question"})
		c.Append(Message{Role: Assistant, Content: "an answer", FinishReason: "stop"})
	}
	return c
}

func TestVersionsAreKeptUntilTheyAreDropped(t *testing.T) {
	c := said(2)
	c.Branch(3) // another answer to the second turn
	c.Append(Message{Role: Assistant, Content: "another answer"})
	c.Branch(2) // another second turn
	c.Append(Message{Role: User, Content: "another question"})
	check := func(shown, others int) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "chat.json")
		if err := os.WriteFile(path, []byte(encoded(t, &c)), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := Read(path)
		if err != nil || len(all[0].Messages) != shown || len(all[0].Branches) != others || encoded(t, &all[0]) != encoded(t, &c) {
			t.Fatalf("%v: want %d messages, %d others, have %s", err, shown, others, encoded(t, &c))
		}
	}
	check(3, 3)
	if of := c.Branches; of[0].Parent != of[1].ID || of[2].Parent != of[1].ID || of[1].Parent != c.Messages[1].ID {
		t.Errorf("%+v does not hang together", c)
	}
	slices.Reverse(c.Branches) // children in front of their parents
	c.Drop(2)
	check(2, 3) // the other second turn stays
	c.Drop(1)
	check(1, 0) // with the answer goes what followed it
}

func TestTitles(t *testing.T) {
	family := "👩‍👩‍👧‍👧"
	for text, want := range map[string]string{
		" สวัสดี \nครับ":           "สวัสดี",
		strings.Repeat(family, 60): strings.Repeat(family, 60),
		strings.Repeat(family, 61): strings.Repeat(family, 60) + "…",
		strings.Repeat("ที่", 70):  strings.Repeat("ที่", 60) + "…",
	} {
		c := Chat{Created: time.Unix(0, 0)}
		c.Append(Message{Role: User, Content: text})
		if got := c.Heading(); got != want {
			t.Errorf("the title of %q is %q, want %q", text, got, want)
		}
	}
	if c := (Chat{Title: "mine"}); c.Heading() != "mine" || !strings.Contains(encoded(t, &c), `"title": "mine"`) || !strings.Contains(encoded(t, &c), `"messages": []`) {
		t.Errorf("%q", encoded(t, &c))
	}
}
