package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tinyModel makes a model that is loaded fast and answers at random.
func tinyModel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	const shape = "seallm-nano:layers=1,dim=64,ffn=64,heads=1,kv_heads=1,head_dim=64,vocab=700,context=128"
	if o := sealvk("", "synth", shape, "--type", "Q8_0", "-o", path, "--seed", "5"); o.code != 0 {
		t.Fatalf("%+v", o)
	}
	return path
}

// mixedLines are so many lines of all kinds, at temperatures 0 and 1, and some that are refused.
func mixedLines(n int) string {
	var b strings.Builder
	for i := range n {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&b, "{\"prompt\":\"Question %d\",\"max_tokens\":%d,\"temperature\":1}\n", i/10, 1+i%9)
		case 1:
			fmt.Fprintf(&b, `{"custom_id":"id-%d","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"Line %d"}],"max_tokens":%d,"temperature":0}}`+"\n", i, i, 1+i%7)
		case 2:
			fmt.Fprintf(&b, "{\"prompt\":\"Question %d\",\"max_tokens\":3,\"n\":2,\"temperature\":1,\"top_p\":0.9}\n\n", i/10)
		case 3:
			b.WriteString("\"hello\"\r\n")
		case 4:
			fmt.Fprintf(&b, "{\"prompt\":\"x\",\"max_tokens\":%d,\"frequency_penalty\":%d}\n", 1+i%3, i%2*9) // every second is refused
		}
	}
	return b.String()
}

// asBatch are the flags of runs on the tiny model. On CPU devices each number of answers together has kernels of its own.
func asBatch(model string, more ...string) []string {
	return append([]string{"batch", "-m", model, "--template", "chatml", "-n", "6", "--seed", "7", "--parallel", "2"}, more...)
}

func writeFileText(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBatch(t *testing.T) {
	dir := t.TempDir()
	in := writeFileText(t, filepath.Join(dir, "in.jsonl"), "\ufeff\"What is the capital of Thailand?\"\r\n\r\n"+
		`{"prompt":"Who are you?","max_tokens":4}`+"\n"+
		`{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"What is 2 + 3?"}]}}`+"\n"+
		`{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"What is 2 + 3?"}]}}`+"\n"+
		"null\n"+`{"prompt":"Hello","temperature":1,"max_tokens":3}`+"\n"+`{"prompt":"Hello","temperature":1,"max_tokens":3}`)
	statistics := filepath.Join(dir, "stats.json")
	o := onDevice(t, "", "batch", "--parallel", "2", "--temp", "0", "--seed", "9", "--stats", statistics, in)
	lines := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	if o.code != 1 || len(lines) != 7 || !strings.Contains(o.stderr, "2 of 7 lines got an error") || !strings.Contains(o.stderr, "7 lines, 2 errors in ") {
		t.Fatalf("%+v", o)
	}
	for i, want := range []string{
		`"text":"The capital of Thailand is Bangkok.","finish_reason":"stop"`, `"finish_reason":"length"`,
		`"custom_id":"a","response":{"status_code":200`, `is that of an earlier line`, `"index":4`, `"index":5`, `"index":6`,
	} {
		if !strings.Contains(lines[i], want) || !json.Valid([]byte(lines[i])) {
			t.Errorf("line %d: %s, want %s", i, lines[i], want)
		}
	}
	var seeds [2]struct{ Seed *int64 }
	for i := range seeds {
		if err := json.Unmarshal([]byte(lines[5+i]), &seeds[i]); err != nil || seeds[i].Seed == nil {
			t.Fatalf("%v: %s", err, lines[5+i])
		}
	}
	if *seeds[0].Seed == *seeds[1].Seed {
		t.Error("equal prompts have the same seed")
	}
	var s batchStatistics
	if err := json.Unmarshal(readFile(t, statistics), &s); err != nil || s.Lines != 7 || s.Errors != 2 || s.CompletionTokens < 20 || s.FirstToken.P50 <= 0 || s.Answer.Max <= 0 || s.Steps == 0 {
		t.Errorf("%v: %+v", err, s)
	}
	o = sealvk("", "batch", "--dry-run", in)
	if o.code != 1 || !strings.Contains(o.stdout, in+": line 5: custom_id") || !strings.Contains(o.stdout, "7 lines: 5 right, 2 with an error\n") || !strings.Contains(o.stderr, "2 of 7 lines would get an error") {
		t.Errorf("%+v", o)
	}
	// vLLM's users know of duplicates by their second line, and of too long prompts before they load a model.
	o = sealvk(`"`+strings.Repeat("many words ", 900)+`"`, "batch", "--dry-run", "-")
	if o.code != 1 || !strings.Contains(o.stdout, "standard input: line 1: ") || !strings.Contains(o.stdout, "1024") {
		t.Errorf("%+v", o)
	}
}

// A run that goes on gives the bytes of one that was not stopped, be it within a process, whose device is lost, or in
// another.
func TestBatchGoesOnWhereItWasStopped(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	in := writeFileText(t, filepath.Join(dir, "in.jsonl"), mixedLines(40))
	out := filepath.Join(dir, "out.jsonl")
	args := asBatch(model, "-o", out, in)
	if o := sealvk("", args...); o.code != 1 || o.stdout != "" || !strings.Contains(o.stderr, "4 of 40 lines") {
		t.Fatalf("%+v", o)
	}
	whole, header := string(readFile(t, out)), string(readFile(t, out+".job"))
	sealvk("", args...).wantError(t, out+" exists", "--resume", "remove it")
	resume := append(args, "--resume")
	loseBatch(t, whole, out, resume)
	writeFileText(t, out, string(readFile(t, out))+"{")
	if o := sealvk("", resume...); o.code != 1 || string(readFile(t, out)) != whole || !strings.Contains(o.stderr, "were done before") || !strings.Contains(o.stderr, "its last line was cut") {
		t.Errorf("%+v\n%s", o, readFile(t, out))
	}
	// What was refused is computed again, and refused again, at its place.
	if o := sealvk("", append(resume, "--retry-errors")...); o.code != 1 || string(readFile(t, out)) != whole || !strings.Contains(o.stderr, "4 lines (36 were done before), 4 errors") {
		t.Errorf("%+v", o)
	}
	for _, c := range []struct {
		more  []string
		wants []string
	}{
		{[]string{"--temp", "0.5"}, []string{"--temp was 0.8, is 0.5"}},
		{[]string{"-n", "7", "--kv", "f32"}, []string{"-n was 6, is 7", "--kv was f16, is f32"}},
		{[]string{"--numerics", "exact"}, []string{"--numerics was invariant, is exact"}},
		{[]string{"--template", "seallm"}, []string{"the chat template was "}},
		{[]string{"--system", "x"}, []string{`--system was none, is "x"`}},
		{[]string{"--seed", "8"}, []string{"--seed was 7, is 8"}},
		{[]string{"--ctx", "64"}, []string{"--ctx was 128, is 64"}},
		{[]string{"--order", "completion"}, []string{"--order was input, is completion"}},
		{[]string{"--format", "csv"}, []string{"--format was jsonl, is csv"}},
		{[]string{"-m", tinyOther(t)}, []string{"the model was of"}},
	} {
		o := sealvk("", append(resume, c.more...)...)
		o.wantError(t, append(c.wants, "--resume: "+out)...)
	}
	writeFileText(t, in, strings.Replace(mixedLines(40), "Line 21", "Line 22", 1))
	if o := sealvk("", resume...); o.code != 1 || !strings.Contains(o.stderr, in+": line 26: the line at index 21 has changed") {
		t.Errorf("%+v", o)
	}
	if string(readFile(t, out)) != whole || string(readFile(t, out+".job")) != header {
		t.Error("a refused run changed the output")
	}
	if err := os.Remove(out + ".job"); err != nil {
		t.Fatal(err)
	}
	sealvk("", resume...).wantError(t, "out.jsonl.job is missing")
}

func tinyOther(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	const shape = "seallm-nano:layers=1,dim=64,ffn=64,heads=1,kv_heads=1,head_dim=64,vocab=700,context=128"
	if o := sealvk("", "synth", shape, "--type", "Q8_0", "-o", path, "--seed", "6"); o.code != 0 {
		t.Fatalf("%+v", o)
	}
	return path
}

// CSV in, CSV out: other columns go through, and a resume takes what is there.
func TestBatchOfCSV(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	in := writeFileText(t, filepath.Join(dir, "in.csv"), "id,question,note\n1,\"two\nlines\",\"a \"\"b\"\"\"\n2,hi,\n3,wrong\n4,ho,x\n")
	out := filepath.Join(dir, "out.csv")
	args := asBatch(model, "--prompt-column", "question", "-o", out, in)
	if o := sealvk("", args...); o.code != 1 || !strings.Contains(o.stderr, "1 of 4 lines") {
		t.Fatalf("%+v", o)
	}
	whole := readFile(t, out)
	rows, err := csv.NewReader(bytes.NewReader(whole)).ReadAll()
	if err != nil || len(rows) != 5 || rows[1][1] != "two\nlines" || rows[1][2] != `a "b"` || rows[4][0] != "4" || rows[3][3] != "" || !strings.Contains(rows[3][8], "2 fields") {
		t.Fatalf("%v: %q", err, rows)
	}
	writeFileText(t, out, string(whole[:len(whole)*2/3]))
	if o := sealvk("", append(args, "--resume")...); o.code != 1 || !bytes.Equal(readFile(t, out), whole) {
		t.Errorf("%+v\n%s", o, readFile(t, out))
	}
	template := writeFileText(t, filepath.Join(dir, "t.jinja"), "{{ question | upper }} ({{ id }})")
	if o := sealvk("", asBatch(model, "--template-file", template, "--format", "jsonl", in)...); o.code != 1 || strings.Count(o.stdout, `"columns":{"id":`) != 4 {
		t.Errorf("%+v", o)
	}
}

// The first answer comes while the producer still writes.
func TestBatchAnswersWhileTheProducerWrites(t *testing.T) {
	model := tinyModel(t)
	in, producer := io.Pipe()
	out, answers := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(asBatch(model, "-"), in, answers, &stderr)
		answers.Close()
	}()
	lines := bufio.NewReader(out)
	for i := range 3 {
		fmt.Fprintln(producer, `"hi"`)
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, fmt.Sprintf(`{"index":%d,`, i)) {
			t.Fatalf("%q, %v, %s", line, err, stderr.String())
		}
	}
	producer.Close()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// yes is endless.
type yes struct{}

func (yes) Read(p []byte) (int, error) { return copy(p, "\"hi\"\n"), nil }

// As head -1 does, and a full disk.
func TestBatchEndsWithItsOutput(t *testing.T) {
	model := tinyModel(t)
	var stderr bytes.Buffer
	if code := run(asBatch(model), yes{}, &brokenPipe{200}, &stderr); code != 141 || stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if code := run(asBatch(model), yes{}, fullDisk{}, &stderr); code != 1 || !strings.HasSuffix(stderr.String(), "standard output: no space left\n") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

func TestBatchFlags(t *testing.T) {
	dir := t.TempDir()
	in := writeFileText(t, filepath.Join(dir, "in"), `"hi"`)
	for _, c := range [][]string{
		{"--resume", "-o OUT"}, {"--retry-errors", "--resume"}, {"--parse-special", "--raw"}, {"--raw", "--system", "x", "excludes --system"},
		{"--dry-run", "-o", "x", "--dry-run writes no file"}, {"-o", in, "one of the inputs"}, {"--stats", in, "one of the inputs"},
		{"-o", dir, "is a folder"}, {"--prompt-column", "a", "--template-file", in, "want one of them"}, {"--order", "random", "input or completion"},
		{"--template-file", filepath.Join(dir, "none"), "none"}, {"--parallel", "0", "1 to 4096"}, {"--prompt-column", "a", "--input-format", "jsonl", "no input is CSV"}, {filepath.Join(dir, "nothing"), "nothing"},
	} {
		sealvk("", append([]string{"batch", in}, c[:len(c)-1]...)...).wantError(t, c[len(c)-1])
	}
}
