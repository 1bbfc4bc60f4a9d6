package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// promptsOf spells the last messages of goldens as JSON lines.
func promptsOf(t *testing.T, goldens []greedyGolden) string {
	t.Helper()
	var b strings.Builder
	for _, g := range goldens {
		line, err := json.Marshal(g.Messages[len(g.Messages)-1].Content)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", line)
	}
	return b.String()
}

func TestGenerateLines(t *testing.T) {
	var asked []greedyGolden
	for _, g := range readGreedy(t) {
		if len(g.Messages) == 1 && g.Q4KM.StoppedEOS && len(g.Q4KM.IDs) < 30 && len(asked) < 6 {
			asked = append(asked, g)
		}
	}
	path := filepath.Join(t.TempDir(), "prompts")
	if err := os.WriteFile(path, []byte(promptsOf(t, asked)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--parallel", "1"}, {"--parallel", "2", "--speculate", "off", "-v"}} {
		o := onDevice(t, "", append([]string{"generate", "--jsonl", "--temp", "0", path}, args...)...)
		lines := strings.SplitAfter(o.stdout, "\n")
		if o.code != 0 || len(lines) != len(asked)+1 {
			t.Fatalf("%q: %+v", args, o)
		}
		for i, g := range asked {
			if got := parseGenerated(t, lines[i]); got.Text != g.Q4KM.Text || !slices.Equal(got.Tokens, g.Q4KM.IDs) || got.FinishReason != "stop" {
				t.Errorf("%q, line %d: %+v, want %q", args, i+1, got, g.Q4KM.Text)
			}
		}
		if slices.Contains(args, "-v") && (!strings.Contains(o.stderr, "2 prompts at a time") || !strings.Contains(o.stderr, "6 answers, ")) {
			t.Errorf("stderr %q", o.stderr)
		}
	}
}

// A bad line costs its own answer alone.
func TestGenerateLinesWithBadOnes(t *testing.T) {
	good, err := json.Marshal(thailand)
	if err != nil {
		t.Fatal(err)
	}
	long, err := json.Marshal(strings.Repeat("many words ", 100))
	if err != nil {
		t.Fatal(err)
	}
	in := fmt.Sprintf("%s\nno JSON\n\"\"\n%s\n%s", good, long, good)
	o := onDevice(t, in, "generate", "--jsonl", "--temp", "0", "--ctx", "64")
	lines := strings.SplitAfter(o.stdout, "\n")
	if o.code != 1 || len(lines) != 6 || !strings.Contains(o.stderr, "3 of 5 prompts") {
		t.Fatalf("%+v", o)
	}
	for i, says := range []string{"", "not a JSON string", "empty", "the context holds 64", ""} {
		g := parseGenerated(t, lines[i])
		switch {
		case says == "" && (g.Error != "" || g.Text+"\n" != bangkok):
			t.Errorf("line %d: %+v", i+1, g)
		case says != "" && (!strings.Contains(g.Error, says) || g.FinishReason != "error" || g.Text != ""):
			t.Errorf("line %d: %+v, want an error about %q", i+1, g, says)
		}
	}
	if o := onDevice(t, "", "generate", "--jsonl"); o.code != 0 || o.stdout != "" {
		t.Errorf("no line: %+v", o)
	}
	onDevice(t, "", "generate", "--jsonl", "no such file").wantError(t, "no such file")
	onDevice(t, "", "generate", "--parallel", "2", "hi").wantError(t, "--parallel needs --jsonl")
}

func TestSpeculateFlag(t *testing.T) {
	const count = "Count from 3 to 12. Count from 3 to 12."
	var want string
	for _, n := range []string{"off", "auto", "15"} {
		g := parseGenerated(t, mustOnDevice(t, "", "generate", "--json", "--temp", "0", "-n", "30", "--speculate", n, count))
		if want == "" {
			want = g.Text
		}
		if g.Text != want || n == "off" && g.Timings.Drafted != 0 || g.Timings.Accepted > g.Timings.Drafted {
			t.Errorf("%s: %+v, without drafts %q", n, g, want)
		}
	}
	for _, bad := range []string{"32", "0", "x"} {
		sealvk("", "generate", "hi", "--speculate", bad).wantError(t, "--speculate", "auto or off")
	}
}
