package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sealvk/engine"
	"sealvk/prompt"
)

// greedyGolden is a line of testdata/engine/greedy-nano.jsonl.
type greedyGolden struct {
	N        int              `json:"n"`
	Messages []prompt.Message `json:"messages"`
	Prompt   []int32          `json:"prompt_ids"`
	Q4KM     struct {
		IDs        []int32 `json:"ids"`
		Text       string  `json:"text"`
		StoppedEOS bool    `json:"stopped_at_eos"`
	} `json:"gguf-Q4_K_M"`
}

func readGreedy(t *testing.T) []greedyGolden {
	t.Helper()
	return readLines[greedyGolden](t, "../testdata/engine/greedy-nano.jsonl")
}

func parseGenerated(t *testing.T, stdout string) generated {
	t.Helper()
	var g generated
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&g); err != nil || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("not one line of JSON (%v): %q", err, stdout)
	}
	return g
}

func TestGreedyAnswers(t *testing.T) {
	asked := 0
	for _, g := range readGreedy(t) {
		if !slices.Contains([]int{2, 37}, g.N) { // one is cut by -n, one has a system prompt
			continue
		}
		asked++
		args := []string{"generate", "--json", "--temp", "0", "-n", "200", g.Messages[len(g.Messages)-1].Content}
		if len(g.Messages) == 2 {
			args = append(args, "--system", g.Messages[0].Content)
		}
		want, reason := g.Q4KM, "length"
		if want.StoppedEOS {
			reason = "stop"
		}
		o := parseGenerated(t, mustOnDevice(t, "", args...))
		if o.Text != want.Text || !slices.Equal(o.Tokens, want.IDs) || o.PromptTokens != len(g.Prompt) || o.FinishReason != reason {
			t.Errorf("%q: %+v\nwant %q %v after %d tokens, %s", args, o, want.Text, want.IDs, len(g.Prompt), reason)
		}
		// Asking begins before prefill does, and the first token is there after it.
		if c := o.Timings; c.LoadMS <= 0 || c.PromptMS <= 0 || c.PromptTPS <= 0 || c.FirstTokenMS < c.PromptMS || c.DecodeMS <= 0 || c.DecodeTPS <= 0 {
			t.Errorf("%q: timings %+v", args, c)
		}
	}
	if asked != 2 {
		t.Errorf("%d prompts were asked, want 2", asked)
	}
}

func TestJSONFieldsAreThoseThatScriptsRead(t *testing.T) {
	o := &opened{load: 1500 * time.Millisecond, loaded: engine.Loaded{Bytes: 2e9, Upload: 500 * time.Millisecond}, numerics: engine.NumericsExact}
	for _, c := range []struct {
		answer answer
		want   string
	}{
		{fixedAnswer(), `{"text":"a <b>","tokens":[5,6,7,8,1],"prompt_tokens":30,"finish_reason":"stop","numerics":"exact",` +
			`"timings":{"load_ms":1500,"load_gb_per_s":4,"prompt_ms":250,"prompt_tps":80,"first_token_ms":500,"decode_ms":2000,"decode_tps":2,"drafted":7,"accepted":3}}`},
		{answer{Result: engine.Result{Finish: engine.FinishCancelled}}, `{"text":"","tokens":[],"prompt_tokens":0,"finish_reason":"cancelled","numerics":"exact",` +
			`"timings":{"load_ms":1500,"load_gb_per_s":4,"prompt_ms":0,"prompt_tps":0,"first_token_ms":0,"decode_ms":0,"decode_tps":0,"drafted":0,"accepted":0}}`},
	} {
		var out strings.Builder
		if err := encodeJSON(&out, "", c.answer.generated(o)); err != nil || out.String() != c.want+"\n" {
			t.Errorf("%s (%v), want %s", out.String(), err, c.want)
		}
	}
}

const (
	thailand = "What is the capital of Thailand?"
	bangkok  = "The capital of Thailand is Bangkok.\n"
)

func TestStdoutHoldsOnlyTheAnswer(t *testing.T) {
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{thailand + "\n", nil},
		{byteOrderMark + thailand + "\r\n", []string{"-", "-v"}},
		{"", append(strings.Fields(thailand), "--kv", "f32", "--template", "seallm")},
		{"", append(strings.Fields(thailand), "--kv", "q8_0")},
	} {
		o := onDevice(t, c.stdin, append([]string{"generate", "--temp", "0"}, c.args...)...)
		if o.code != 0 || o.stdout != bangkok {
			t.Errorf("%q: exit code %d, stdout %q", c.args, o.code, o.stdout)
		}
		first, rest, _ := strings.Cut(o.stderr, "\n")
		if first != "sealvk: "+nanoNotice || (rest != "") != slices.Contains(c.args, "-v") {
			t.Errorf("%q: stderr %q", c.args, o.stderr)
		}
	}
	o := onDevice(t, "", "generate", "--temp", "0", thailand, "-m", "nano/seallm-nano-Q4_K_M.gguf")
	if o.code != 0 || o.stdout != bangkok || o.stderr != "" {
		t.Errorf("with -m: %+v", o)
	}
}

func TestVerboseTellsDeviceSeedAndSpeeds(t *testing.T) {
	o := onDevice(t, "", "generate", "-v", "hi", "-n", "5", "--seed", "11")
	want := regexp.MustCompile(`^sealvk: .*\nsealvk: Device .*\nsealvk: .* weights .*\nsealvk: numerics auto: decode by .+, prompts by .+\nsealvk: seed 11\n` +
		`sealvk: load \d+ ms; prompt 19 tokens, \d+\.\d tok/s; first token \d+ ms; answer [2-5] tokens, \d+\.\d tok/s ` +
		`\(median step \d+\.\d ms, reading weights at \d+\.\d\d GB/s\); .+; KV f16\n$`)
	if o.code != 0 || !want.MatchString(o.stderr) {
		t.Errorf("exit code %d, stderr does not match %v:\n%s", o.code, want, o.stderr)
	}
}

func TestTheSeedDecides(t *testing.T) {
	ask := func(seed string) string {
		return mustOnDevice(t, "", "generate", "Tell me about zzz", "--temp", "3", "--top-k", "0", "--top-p", "1", "--min-p", "0", "-n", "20", "--seed", seed)
	}
	first, again, other := ask("1"), ask("1"), ask("2")
	if first != again || first == other {
		t.Errorf("seed 1 gave %q, then %q; seed 2 gave %q", first, again, other)
	}
}

// (TestGreedyAnswers has an answer that -n ends.)
func TestWhatEndsAnAnswer(t *testing.T) {
	const count = "Count from 3 to 12." // 3, 4, 5, …
	for _, c := range []struct {
		args         []string
		text, reason string
	}{
		{[]string{"--stop", "nowhere", "--stop", "6, 7", "--stop", " 5"}, "3, 4,", "stop"},
		{[]string{"--ctx", "40"}, "", "context"},
	} {
		g := parseGenerated(t, mustOnDevice(t, "", append([]string{"generate", "--json", "--temp", "0", count}, c.args...)...))
		if g.FinishReason != c.reason || c.text != "" && g.Text != c.text {
			t.Errorf("%q: %+v, want %q, %s", c.args, g, c.text, c.reason)
		}
		// The last token is sampled and takes no position.
		if n := g.PromptTokens + len(g.Tokens); c.reason == "context" && n != 41 {
			t.Errorf("%d tokens filled a context of 40", n)
		}
	}
}

func TestRawPromptHasOneBOS(t *testing.T) {
	g := parseGenerated(t, mustOnDevice(t, "", "generate", "--raw", "--json", "-n", "1", "<bos>You are"))
	if g.PromptTokens != 3 {
		t.Errorf("%d prompt tokens, want 3", g.PromptTokens)
	}
	special := "<|im_start|>user\n" + thailand + "<eos>\n<|im_start|>assistant\n"
	g = parseGenerated(t, mustOnDevice(t, "", "generate", "--raw", "--parse-special", "--json", "--temp", "0", special))
	if g.Text != strings.TrimSuffix(bangkok, "\n") {
		t.Errorf("the template spelled out gave %q", g.Text)
	}
}

func TestPromptLongerThanTheContext(t *testing.T) {
	o := onDevice(t, strings.Repeat("many words ", 3000), "generate")
	o.wantError(t, "the context holds 1024", "--ctx")
}

func TestUnknownDevice(t *testing.T) {
	for _, args := range [][]string{{"generate", "hi"}, {"logits", "--ids", "2", "-o", t.TempDir() + "/x"}, {"devices"}} {
		o := sealvk("", append(args, "--device", "no such device")...)
		if args[0] == "devices" { // which lists what there is all the same
			o.stdout = ""
		}
		o.wantError(t, "no such device")
	}
}
