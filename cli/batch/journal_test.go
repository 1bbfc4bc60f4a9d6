package batch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/cli/openai"
)

// outputs are whole outputs of three lines, of which the one at index 1 failed, and where their records end.
func outputs(t *testing.T) map[Format][]string {
	t.Helper()
	all := map[Format][]string{JSONL: {
		`{"index":0,"hash":"00000000000000a0","text":"one\ntwo","finish_reason":"stop"}` + "\n",
		`{"id":"batch_req_1_00000000000000a1","custom_id":"x","response":{"status_code":400,"body":{}},"error":{"message":"m"}}` + "\n",
		`{"id":"batch_req_2_00000000000000a2","custom_id":"y","response":{"status_code":200,"body":{}},"error":null}` + "\n",
	}}
	records := Records{Format: CSV}
	for i := range int64(3) {
		l := &Line{Index: i, Hash: Hash(0xa0 + i), Columns: []Column{{"answer", "a \"quoted\"\nfield"}, {"q", "ü"}}}
		var a *openai.PlainAnswer
		problem := "bad\nline"
		if i != 1 {
			a, problem = &openai.PlainAnswer{Text: "one,\ntwo\r\n", FinishReason: "stop", PromptTokens: 3, CompletionTokens: 4}, ""
		}
		record, err := records.csv(l, a, problem)
		if err != nil {
			t.Fatal(err)
		}
		all[CSV] = append(all[CSV], string(records.Begin(record)))
	}
	return all
}

// A file that was cut anywhere gives its whole records, loses the rest, and becomes the same again.
func TestJournalOfACutFile(t *testing.T) {
	for format, parts := range outputs(t) {
		whole := strings.Join(parts, "")
		path := filepath.Join(t.TempDir(), "out")
		for cut := range len(whole) + 1 {
			if err := os.WriteFile(path, []byte(whole[:cut]), 0o600); err != nil {
				t.Fatal(err)
			}
			records := &Records{Format: format}
			j, err := OpenJournal(path, records, false)
			if err != nil {
				t.Fatalf("%s, cut at %d: %v", format, cut, err)
			}
			kept := 0
			for end := 0; kept < len(parts) && end+len(parts[kept]) <= cut; kept++ {
				end += len(parts[kept])
			}
			if j.Records != int64(kept) || j.Torn != (cut != len(strings.Join(parts[:kept], ""))) && !(format == CSV && kept == 0) {
				t.Fatalf("%s, cut at %d: %d records, torn %v, want %d", format, cut, j.Records, j.Torn, kept)
			}
			if left, err := os.ReadFile(path); err != nil || int64(len(left)) != j.end {
				t.Fatalf("%s, cut at %d: %d bytes stay, want %d", format, cut, len(left), j.end)
			}
			for i := range int64(3) {
				h, err := j.Done.Get(i)
				if want := Hash(0xa0 + i); err != nil || (h == want) != (int(i) < kept) {
					t.Errorf("%s, cut at %d: line %d has %v, %v", format, cut, i, h, err)
				}
			}
			for i := kept; i < len(parts); i++ {
				part := parts[i]
				if format == CSV && i == 0 { // a record without the names of columns, which Append adds where they aren't
					names := strings.Index(part, "\n") + 1
					if records.names == nil {
						records.names = strings.Split(part[:names-1], ",")
					}
					part = part[names:]
				}
				if err := j.Append(int64(i), []byte(part), i == 1); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(j.Finish(InputOrder), j.Close()); err != nil || j.Failed != 1 {
				t.Fatalf("%s, cut at %d: %v, %d failed", format, cut, err, j.Failed)
			}
			if got, _ := os.ReadFile(path); string(got) != whole {
				t.Fatalf("%s, cut at %d: became\n%s", format, cut, got)
			}
		}
	}
}

// Records that failed are computed again and end up at their place, also if that takes several runs.
func TestJournalRetries(t *testing.T) {
	for format, parts := range outputs(t) {
		path := filepath.Join(t.TempDir(), "out")
		if err := os.WriteFile(path, []byte(strings.Join(parts, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := OpenJournal(path, &Records{Format: format}, true)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := j.Done.Get(1); h != 0 || err != nil || j.Records != 2 || j.Failed != 0 {
			t.Errorf("%s: %v, %v, %d records", format, h, err, j.Records)
		}
		j.Close() // as if it had been killed
		if j, err = OpenJournal(path, &Records{Format: format}, true); err != nil || j.Records != 2 {
			t.Fatal(err)
		}
		good := strings.Replace(strings.Replace(parts[1], "400", "200", 1), `{"message":"m"}`, "null", 1)
		if err := errors.Join(j.Append(1, []byte(good), false), j.Finish(CompletionOrder)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != parts[0]+parts[2]+good {
			t.Errorf("%s, in the order of completion:\n%s", format, got)
		}
		if err := errors.Join(j.Finish(InputOrder), j.Close()); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != parts[0]+good+parts[2] {
			t.Errorf("%s, in the order of the input:\n%s", format, got)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
	}
	// All of them failed: the names of a CSV's columns stay.
	path, failed := filepath.Join(t.TempDir(), "out"), outputs(t)[CSV][0]
	names := failed[:strings.Index(failed, "\n")+1]
	all := names + outputs(t)[CSV][1]
	if err := os.WriteFile(path, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(path, &Records{Format: CSV}, true)
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
	if got, _ := os.ReadFile(path); string(got) != names {
		t.Errorf("%q", got)
	}
}

// What is no output of this command, in front of the last record, is an error and stays as it is.
func TestJournalRefusesOtherFiles(t *testing.T) {
	parts := outputs(t)[JSONL]
	for text, wants := range map[string][]string{
		"hello\n" + parts[0]:                         {"line 1", "no line that this command writes"},
		parts[0] + "{}\n" + parts[2]:                 {"line 2", "no index"},
		parts[0] + parts[0]:                          {"two records", "index 0"},
		`{"index":0,"hash":"xyz"}` + "\n" + parts[1]: {"line 1", "hash"},
	} {
		path := filepath.Join(t.TempDir(), "out")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenJournal(path, &Records{Format: JSONL}, false)
		for _, want := range append(wants, path) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", text, err, want)
			}
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// A record that cannot be written as a whole is taken back.
func TestJournalTakesBackWhatDoesNotFit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	j, err := OpenJournal(path, &Records{Format: JSONL}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	parts := outputs(t)[JSONL]
	if err := j.Append(0, []byte(parts[0]), false); err != nil {
		t.Fatal(err)
	}
	if _, err := j.file.WriteString(parts[1][:20]); err != nil { // as much as the disk took
		t.Fatal(err)
	}
	full := errors.New("full")
	if err := j.takeBack(full); !errors.Is(err, full) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != parts[0] {
		t.Errorf("%q", got)
	}
}

func TestHeader(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	h, err := LockHeader(out)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Read(); got != nil || err != nil {
		t.Errorf("in front of the first: %v, %v", got, err)
	}
	if _, err := LockHeader(out); err == nil || err.Error() != out+": another process is writing it" {
		t.Errorf("a second process: %v", err)
	}
	want := Header{Created: 5, Model: "m", Seed: 1 << 63, Settings: map[string]string{"--temp": "0"}}
	if err := errors.Join(h.Write(want), h.Close()); err != nil {
		t.Fatal(err)
	}
	if h, err = LockHeader(out); err != nil {
		t.Fatal(err)
	}
	got, err := h.Read()
	if err != nil || got.Seed != want.Seed || got.Created != 5 || got.Settings["--temp"] != "0" {
		t.Errorf("%+v, %v", got, err)
	}
	for text, want := range map[string]string{"{": "is damaged", `{"version":9}`: "version 9"} {
		if err := os.WriteFile(h.Path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Read(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), h.Path()) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if err := errors.Join(os.WriteFile(h.Path(), nil, 0o600), h.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(h.Path()); err == nil {
		t.Error("a header that was never written stays")
	}
	if got, want := Differences(map[string]string{"a": "1", "b": "2"}, map[string]string{"a": "1", "b": "3", "c": "4"}),
		[]string{"b was 2, is 3", "c was none, is 4"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The columns of CSV: an input's by an answer's name stay, the answer's get another.
func TestColumnsOfCSV(t *testing.T) {
	got := fmt.Sprint(header([]Column{{"hash", ""}, {"answer", ""}, {"answer_2", ""}}))
	if want := "[hash answer answer_2 answer_3 finish_reason prompt_tokens completion_tokens seed error index hash_2]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r := &Records{Format: CSV}
	if _, err := r.csv(&Line{Columns: []Column{{"a", "1"}}}, nil, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.csv(&Line{Name: "in.csv", Number: 3, Columns: []Column{{"b", "1"}}}, nil, "x"); err == nil || !strings.Contains(err.Error(), "in.csv: line 3") {
		t.Errorf("other columns: %v", err)
	}
}

// What is taken out goes from the file that a link leads to, and nobody else may read that afterwards.
func TestJournalIsALinksFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "out"), filepath.Join(dir, "link")
	parts := outputs(t)[JSONL]
	err := errors.Join(os.WriteFile(path, []byte(strings.Join(parts, "")), 0o600), os.Symlink(path, link))
	if err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(link, &Records{Format: JSONL}, true)
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
	text, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err = errors.Join(err, statErr); err != nil || string(text) != parts[0]+parts[2] || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: %s", err, info.Mode(), text)
	}
	if err := os.WriteFile(path, []byte("no record\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if j, err := OpenJournal(link, &Records{Format: JSONL}, true); j != nil || err == nil || strings.Contains(err.Error(), "closed") {
		t.Errorf("%v", err)
	}
}
