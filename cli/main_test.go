package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestMain keeps the pipeline cache out of the user's folder, and the go
// command, which a test calls, in it.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sealvk-cli-test")
	if err != nil {
		panic(err)
	}
	if cache, err := os.UserCacheDir(); err == nil && os.Getenv("GOCACHE") == "" {
		os.Setenv("GOCACHE", filepath.Join(cache, "go-build"))
	}
	os.Setenv("XDG_CACHE_HOME", dir)
	os.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// outcome is what one run of the program left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

func sealvk(stdin string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := run(args, strings.NewReader(stdin), &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// onDevice runs a command that uses a device, under the validation layers,
// whose every message fails the test.
func onDevice(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	o := sealvk(stdin, append([]string{"--validate"}, args...)...)
	if strings.Contains(o.stderr, "sealvk: vulkan ") {
		t.Fatalf("sealvk %q: validation messages:\n%s", args, o.stderr)
	}
	return o
}

// mustOnDevice wants exit code 0 and gives standard output.
func mustOnDevice(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	o := onDevice(t, stdin, args...)
	if o.code != 0 {
		t.Fatalf("sealvk %q: exit code %d\n%s", args, o.code, o.stderr)
	}
	return o.stdout
}

// wantError wants exit code 1, an empty standard output and one line on
// standard error (after the demo's notice) that holds all of parts, and says nothing twice.
func (o outcome) wantError(t *testing.T, parts ...string) {
	t.Helper()
	text := strings.TrimPrefix(o.stderr, "sealvk: "+nanoNotice+"\n")
	if o.code != 1 || o.stdout != "" || !strings.HasPrefix(text, "sealvk: ") || strings.Count(text, "\n") != 1 {
		t.Fatalf("want exit code 1 and one line of error, got code %d\nstdout %q\nstderr %q", o.code, o.stdout, o.stderr)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("the error %q does not tell %q", text, part)
		}
	}
	said := map[string]bool{}
	for part := range strings.SplitSeq(text, ": ") {
		if said[part] {
			t.Errorf("the error %q tells %q twice", text, part)
		}
		said[part] = true
	}
}

func TestBadFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"generate", "hi", "--temp", "NaN"}, []string{"--temp", `"NaN"`, "0 to 100"}},
		{[]string{"generate", "hi", "--temp", "-0.5"}, []string{"--temp", `"-0.5"`, "0 to 100"}},
		{[]string{"generate", "hi", "--temp=inf"}, []string{"--temp", `"inf"`, "0 to 100"}},
		{[]string{"generate", "hi", "--temp", "warm"}, []string{"--temp", `"warm"`, "0 to 100"}},
		{[]string{"generate", "hi", "--top-k", "-1"}, []string{"--top-k", `"-1"`, "0 to"}},
		{[]string{"generate", "hi", "--top-k", "2.5"}, []string{"--top-k", `"2.5"`}},
		{[]string{"generate", "hi", "--top-p", "1.01"}, []string{"--top-p", `"1.01"`, "0 to 1"}},
		{[]string{"generate", "hi", "--min-p", "2"}, []string{"--min-p", `"2"`, "0 to 1"}},
		{[]string{"generate", "hi", "--repeat-penalty", "0"}, []string{"--repeat-penalty", `"0"`, "0.01 to 100"}},
		{[]string{"generate", "hi", "--seed", "-7"}, []string{"--seed", `"-7"`, "0 to 18446744073709551615"}},
		{[]string{"generate", "hi", "-n", "-3"}, []string{"-n", `"-3"`, "0 to"}},
		{[]string{"generate", "hi", "--ctx", "1e3"}, []string{"--ctx", `"1e3"`, "or auto"}},
		{[]string{"generate", "hi", "--kv", "q8"}, []string{"--kv", `"q8"`, "want f16 or f32 or q8_0"}},
		{[]string{"generate", "hi", "--template", "alpaca"}, []string{"--template", "alpaca", "auto, seallm, chatml, gemma or a file"}},
		{[]string{"generate", "hi", "--temp"}, []string{"--temp", "needs an argument"}},
		{[]string{"generate", "hi", "--frob"}, []string{"unknown flag --frob", "sealvk generate --help"}},
		{[]string{"generate", "-5 + 3 = ?"}, []string{"unknown flag", "goes after --"}},
		{[]string{"generate", "hi", "--stop", ""}, []string{"--stop", "empty"}},
		{[]string{"chat", "--stop", `a\d`}, []string{`for flag --stop: want n, r, t, " or \ behind a \; a backslash is \\`}},
		{[]string{"batch", "--stop", `a\`}, []string{"a backslash is"}},
		{[]string{"generate", ""}, []string{"prompt is empty"}},
		{[]string{"generate", " \n"}, []string{"prompt is empty"}},
		{[]string{"generate", "a\xffb"}, []string{"not UTF-8", "byte 1"}},
		{[]string{"generate", "hi", "--raw", "--system", "x"}, []string{"--raw", "--system"}},
		{[]string{"generate", "hi", "--parse-special"}, []string{"--parse-special", "--raw"}},
		{[]string{"frobnicate"}, []string{`unknown command "frobnicate"`}},
		{[]string{"--frob"}, []string{"unknown flag --frob"}},
		{[]string{"devices", "0"}, []string{"no argument"}},
		{[]string{"inspect", "a", "b"}, []string{"one model file"}},
		{[]string{"inspect", "nowhere.gguf"}, []string{"nowhere.gguf"}},
		{[]string{"inspect", "."}, []string{"no model in this folder"}},
		{[]string{"tokenize", "x", "--tokenizer", "nowhere.model"}, []string{"nowhere.model"}},
		{[]string{"tokenize", "x", "-m", "a", "--tokenizer", "b"}, []string{"exclude each other"}},
		{[]string{"tokenize", "--decode", "--no-bos"}, []string{"--decode", "--no-bos"}},
		{[]string{"logits", "-o", file}, []string{"--ids"}},
		{[]string{"logits", "--ids", "2,x", "-o", file}, []string{`"x"`, "position 1"}},
		{[]string{"logits", "--ids", "2,-1", "-o", file}, []string{`"-1"`, "position 1"}},
		{[]string{"synth", "--type", "Q4_0", "-o", file}, []string{"one model shape"}},
		{[]string{"synth", "gpt-5", "--type", "Q4_0", "-o", file}, []string{`"gpt-5"`, "seallm-7b-v2.5"}},
		{[]string{"synth", "seallm-nano", "--type", "Q3_K", "-o", file}, []string{`"Q3_K"`, "Q4_K_M"}},
		{[]string{"synth", "seallm-nano", "-o", file}, []string{"--type"}},
		{[]string{"synth", "seallm-nano", "--type", "Q4_0"}, []string{"-o"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			sealvk("", c.args...).wantError(t, c.want...)
		})
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a command with bad flags wrote its file")
	}
}

func TestHelpAndVersionGoToStdout(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"--version"}, {"generate", "--help"}, {"help", "chat"}} {
		if o := sealvk("", args...); o.code != 0 || o.stderr != "" || !strings.Contains(o.stdout, "sealvk") {
			t.Errorf("sealvk %q: %+v", args, o)
		}
	}
}

func TestArrangeMovesFlagsInFront(t *testing.T) {
	app := (&program{stdin: strings.NewReader(""), stdout: &output{w: io.Discard}, stderr: io.Discard}).app()
	for _, c := range []struct{ args, want string }{
		{"generate hi", "generate -- hi"},
		{"generate hi --temp 0", "generate --temp 0 -- hi"},
		{"generate --temp 0 hi there --json", "generate --temp 0 --json -- hi there"},
		{"-v generate hi", "generate -v -- hi"},
		{"--device 1 generate --json", "generate --device 1 --json"},
		{"generate --temp=0 hi", "generate --temp=0 -- hi"},
		{"generate -- --temp 0", "generate -- --temp 0"},
		{"generate hi -- -v", "generate -- hi -v"},
		{"generate - -n 3", "generate -n 3 -- -"},
		{"generate hi --temp", "generate --temp"},
		{"generate help", "generate -- help"},
		{"nonsense --temp", "nonsense --temp"},
		{"--version", "--version"},
		{"profile --reps 3 -v", "profile --reps 3 -v"},
		{"profile diff a.json b.json --fail-over 3%", "profile diff --fail-over 3% -- a.json b.json"},
		{"--reps 3 profile nonsense", "profile --reps 3 -- nonsense"},
	} {
		if got := arrange(app, strings.Fields(c.args)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%q became %q, want %q", c.args, got, c.want)
		}
	}
}

// brokenPipe is a standard output whose reader has left after n bytes.
type brokenPipe struct{ n int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.n < len(p) {
		return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
	}
	b.n -= len(p)
	return len(p), nil
}

func TestAReaderThatLeavesIsNoError(t *testing.T) {
	var stderr bytes.Buffer
	code := run([]string{"tokenize", strings.Repeat("hello ", 50000)}, strings.NewReader(""), &brokenPipe{10}, &stderr)
	if code != 141 || stderr.String() != "sealvk: "+nanoNotice+"\n" {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAFullDiskIsAnError(t *testing.T) {
	for _, args := range [][]string{{"tokenize", "hello"}, {"inspect"}, {"inspect", "--json"}, {"--help"}, {"generate", "--help"}} {
		var stderr bytes.Buffer
		code := run(args, strings.NewReader(""), fullDisk{}, &stderr)
		if code != 1 || !strings.HasSuffix(stderr.String(), "no space left\n") {
			t.Errorf("sealvk %q: exit code %d, stderr %q", args, code, stderr.String())
		}
	}
}
