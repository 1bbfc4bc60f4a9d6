package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/cli/score"
)

// scores parses the lines of output.
func scores(t *testing.T, stdout string) (lines []scoredLine) {
	t.Helper()
	for text := range strings.Lines(stdout) {
		var l scoredLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if int(l.Index) != len(lines) {
			t.Fatalf("line %d has the index %d", len(lines), l.Index)
		}
		lines = append(lines, l)
	}
	return lines
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func floats(t *testing.T, path string) []float64 {
	t.Helper()
	b := readFile(t, path)
	values := make([]float64, len(b)/4)
	for i := range values {
		values[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return values
}

const golden = 1e-4 // a log-probability may be off by so much

// The log-probabilities that transformers' logits give tokens behind prompts of 1 to 600; with -short of one form,
// behind those up to 100.
func TestScoreIsThatOfTransformersLogits(t *testing.T) {
	const dir = "../testdata/engine/"
	var index struct {
		Prompts []struct{ IDs []int32 }
		Models  map[string]struct{ Logits string }
	}
	if err := json.Unmarshal(readFile(t, dir+"logits-nano/index.json"), &index); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"gguf-Q4_K_M": nil, "mlx-4bit": {"-m", dir + "nano-mlx"}} {
		if testing.Short() && args != nil {
			continue
		}
		logits := floats(t, filepath.Join(dir, "logits-nano", index.Models[name].Logits))
		vocab, prompts := len(logits)/len(index.Prompts), index.Prompts
		if testing.Short() {
			prompts = prompts[:7] // up to 100 tokens
		}
		token := func(i int) int32 { return int32(i * 181 % vocab) }
		var in strings.Builder
		for i, p := range prompts {
			fmt.Fprintf(&in, "{\"prompt\":%s,\"continuation\":[%d]}\n", jsonText(t, p.IDs), token(i))
		}
		o := sealvk(in.String(), append([]string{"score"}, args...)...)
		if o.code != 0 {
			t.Fatalf("%s: code %d\n%s", name, o.code, o.stderr)
		}
		lines := scores(t, o.stdout)
		if len(lines) != len(prompts) {
			t.Fatalf("%d lines for %d prompts", len(lines), len(prompts))
		}
		worst := 0.0
		for i, l := range lines {
			row := logits[i*vocab:][:vocab]
			sum, most := 0.0, slices.Max(row)
			for _, v := range row {
				sum += math.Exp(v - most)
			}
			want := row[token(i)] - most - math.Log(sum)
			d := math.Abs(l.Loglikelihood - want)
			if worst = max(worst, d); !(d <= golden) || l.Greedy != (row[token(i)] == most) {
				t.Errorf("%s: behind prompt %d token %d has %+v, want %v", name, i, token(i), l.Value, want)
			}
		}
		t.Logf("%s: off by %.2g at most", name, worst)
	}
}

// Every form of the demo model against transformers' log-probabilities of all tokens of long prompts, where
// these are there.
func TestScoreIsThatOfTransformersLogprobs(t *testing.T) {
	const dir = "../../shared/golden/logits-nano/"
	if _, err := os.Stat(dir); err != nil || testing.Short() {
		return // TestScoreIsThatOfTransformersLogits is always
	}
	var index struct {
		Prompts []struct{ IDs []int32 }
		Models  map[string]struct{ Logprobs string }
	}
	if err := json.Unmarshal(readFile(t, dir+"index.json"), &index); err != nil {
		t.Fatal(err)
	}
	for name, model := range index.Models {
		path := sharedNano + "hf"
		if typ, ok := strings.CutPrefix(name, "gguf-"); ok {
			path = sharedNano + "gguf/seallm-nano-" + typ + ".gguf"
		} else if name == "mlx-4bit" {
			path = sharedNano + "mlx"
		}
		var in strings.Builder
		for _, p := range index.Prompts[1:] {
			fmt.Fprintf(&in, "{\"prompt\":%s,\"continuation\":%s}\n", jsonText(t, p.IDs[:1]), jsonText(t, p.IDs[1:]))
		}
		want, worst := floats(t, dir+model.Logprobs), 0.0
		for i, l := range scores(t, sealvk(in.String(), "score", "-m", path).stdout) {
			for j, v := range l.Logprobs {
				d := math.Abs(float64(v) - want[j])
				if worst = max(worst, d); !(d <= golden) {
					t.Errorf("%s: prompt %d: log-probability %d is %v, want %v", name, i+1, j, v, want[j])
				}
			}
			want = want[len(l.Logprobs):]
		}
		if len(want) != 0 {
			t.Errorf("%s: %d log-probabilities are missing", name, len(want))
		}
		t.Logf("%s: off by %.2g at most", name, worst)
	}
}

const thaiSystem, thaiQuestion = "You are SeaLLM-nano.", "เมืองหลวงของกัมพูชาคืออะไร"

// What generate answers at temperature 0 is greedy, with its own ids, and anything else is not; bytes are
// those of UTF-8. The prompt is computed once. The input's byte order mark is skipped.
func TestScoreOfGeneratesAnswer(t *testing.T) {
	var answer generated
	if err := json.Unmarshal([]byte(mustOnDevice(t, "", "generate", "--temp", "0", "--json", "--system", thaiSystem, thaiQuestion)), &answer); err != nil {
		t.Fatal(err)
	}
	question := []map[string]string{{"role": "system", "content": thaiSystem}, {"role": "user", "content": thaiQuestion}}
	in := fmt.Sprintf("{\"messages\":%s,\"choices\":[%s,%q]}\n{\"messages\":%[1]s,\"continuation\":%[4]s}\n",
		jsonText(t, question), jsonText(t, answer.Text), "กรุงเทพ", jsonText(t, answer.Tokens))
	dir := t.TempDir()
	path, out := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "out.jsonl")
	if err := os.WriteFile(path, []byte("\ufeff"+in), 0o666); err != nil {
		t.Fatal(err)
	}
	o := onDevice(t, "", "score", path, "-v", "-o", out)
	if o.code != 0 || o.stdout != "" {
		t.Fatalf("code %d\n%s\n%s", o.code, o.stdout, o.stderr)
	}
	if page := 32; answer.PromptTokens <= page || !strings.Contains(o.stderr, fmt.Sprintf(", of which %d were there", 2*page)) {
		t.Errorf("three continuations don't share the prompt's page of %d tokens:\n%s", answer.PromptTokens, o.stderr)
	}
	lines := scores(t, string(readFile(t, out)))
	right, wrong := lines[0].Choices[0], lines[0].Choices[1]
	if !right.Greedy || wrong.Greedy || !slices.Equal(right.Tokens, answer.Tokens[:len(answer.Tokens)-1]) {
		t.Errorf("%q: %+v, and %+v", answer.Text, right, wrong)
	}
	if n := len(answer.Text); n < 30 || right.Bytes != n || right.PerByte != right.Loglikelihood/float64(n) || wrong.Bytes != 21 || wrong.Characters != 7 {
		t.Errorf("%q: %+v, and %+v", answer.Text, right, wrong)
	}
	if l := lines[1]; l.Value == nil || !l.Greedy || !slices.Equal(l.Tokens, answer.Tokens) || l.PromptTokens != answer.PromptTokens {
		t.Errorf("its ids %v behind %d: %s", answer.Tokens, answer.PromptTokens, jsonText(t, l))
	}
}

// A line that has no score says why in its line of output, and the others have theirs.
func TestScoreErrorsOfLines(t *testing.T) {
	const good = `{"id":{"n":1},"prompt":"The capital of Laos is","choices":[" Hanoi."," Vientiane."],"gold":1}`
	bad := []struct{ line, want string }{
		{`{"prompt":"x","continuation":""}`, "continuation is empty"},
		{`{"prompt":"x","continutation":"y"}`, `"continutation" is no field`},
		{`{"prompt":"x","messages":[],"continuation":"y"}`, `want one of "prompt" and "messages"`},
		{`{"prompt":"x"}`, `want one of "continuation" and "choices"`},
		{`{"prompt":null,"continuation":"y"}`, `want one of "prompt"`},
		{`{"prompt":"x","choices":[]}`, `"choices" is empty`},
		{`{"prompt":"x","choices":["y"],"gold":1}`, `"gold" is 1`},
		{`{"prompt":"x","continuation":"y","gold":0}`, `"gold"`},
		{`{"prompt":"x","continuation":"a\ud800b"}`, "surrogate"},
		{`{"prompt":"x","continuation":"y","prompt":"z"}`, "duplicate"},
		{`{"prompt":5,"continuation":"y"}`, "prompt: want a text, or an array of token ids"},
		{`{"prompt":[2,"a"],"continuation":"y"}`, "prompt: want a text, or an array of token ids"},
		{`{"prompt":[2,99999],"continuation":"y"}`, "id 99999 at position 1"},
		{`{"prompt":"x","choices":["y",[-1]]}`, "choice 1: id -1 at position 0"},
		{`{"prompt":[],"continuation":"y"}`, "the prompt has no ids"},
		{`{"messages":[{"role":"user","content":5}],"continuation":"y"}`, "messages[0].content is 5"},
		{`{"messages":[{"content":"x"}],"continuation":"y"}`, "messages[0].role is missing"},
		{`{"prompt":"` + strings.Repeat("word ", 100) + `","continuation":"y"}`, "the context holds 64"},
		{`nonsense`, "invalid character"},
		{`["x"]`, "want an object"},
	}
	in := good + "\r\n\n"
	for _, b := range bad {
		in += b.line + "\n"
	}
	o := onDevice(t, in+good, "score", "--ctx", "64")
	lines := scores(t, o.stdout)
	if o.code != 1 || !strings.HasSuffix(o.stderr, fmt.Sprintf("sealvk: %d of %d lines have no score: see \"error\" in their lines of output\n", len(bad), len(bad)+2)) {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
	if !strings.Contains(o.stderr, "of 2 lines with gold the best choice is right: 1.0000 by sum (acc)") {
		t.Errorf("no accuracy: %s", o.stderr)
	}
	if len(lines) != len(bad)+2 {
		t.Fatalf("%d lines of output:\n%s", len(lines), o.stdout)
	}
	for i, b := range bad {
		l := lines[i+1]
		if !strings.Contains(l.Error, b.want) || !strings.Contains(l.Error, fmt.Sprintf("line %d: ", i+3)) || l.Choices != nil || l.Value != nil {
			t.Errorf("%.80s: %+v, want an error with %q", b.line, l, b.want)
		}
	}
	first, last := lines[0], lines[len(lines)-1]
	last.Index = 0
	if first.Error != "" || string(first.ID) != `{"n":1}` || *first.Best != (score.Choice{Sum: 1, Tokens: 1, Bytes: 1, Characters: 1}) || jsonText(t, first) != jsonText(t, last) {
		t.Errorf("a good line between bad ones: %s, %s", jsonText(t, first), jsonText(t, last))
	}
}

func TestScoreErrors(t *testing.T) {
	dir := t.TempDir()
	sealvk("", "score", filepath.Join(dir, "nowhere.jsonl")).wantError(t, "nowhere.jsonl")
	in := writeFileText(t, filepath.Join(dir, "in.jsonl"), `{"prompt":"x","continuation":"y"}`)
	sealvk("", "score", in, "-o", in).wantError(t, "is one of the inputs")
	sealvk("", "score", "-o", filepath.Join(dir, "no", "out")).wantError(t, "its folder")
}
