//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Lines at temperatures 0 and 1, refused ones among them, answered by processes that are killed, are the bytes
// of a run that nobody disturbed.
func TestBatchIsKilledAndGoesOn(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	in := writeFileText(t, filepath.Join(dir, "in.jsonl"), mixedLines(200))
	undisturbed, out := filepath.Join(dir, "undisturbed.jsonl"), filepath.Join(dir, "out.jsonl")
	if o := sealvk("", asBatch(model, "-o", undisturbed, in)...); o.code != 1 || !strings.Contains(o.stderr, "20 of 200 lines") {
		t.Fatalf("%+v", o)
	}
	// Both begin at the same time, as far as their records say.
	writeFileText(t, out+".job", string(readFile(t, undisturbed+".job")))
	for i, sent := range []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM} {
		child := exec.CommandContext(t.Context(), os.Args[0], asBatch(model, "-o", out, "--resume", in)...)
		child.Env = append(os.Environ(), asProgram+"=1")
		var stderr bytes.Buffer
		child.Stderr = &stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		for records(out) < 40*(i+1) {
			if err := child.Process.Signal(syscall.Signal(0)); err != nil {
				t.Fatalf("it ended by itself: %s", stderr.String())
			}
			time.Sleep(time.Millisecond)
		}
		if err := child.Process.Signal(sent); err != nil {
			t.Fatal(err)
		}
		err := child.Wait()
		done := records(out)
		if sent == syscall.SIGTERM && (child.ProcessState.ExitCode() != 143 || !strings.Contains(stderr.String(), fmt.Sprintf("%s holds %d lines: sealvk batch --resume", out, done))) {
			t.Errorf("%v, %d lines, %s", err, done, stderr.String())
		}
		if whole := readFile(t, undisturbed); done == 200 || !bytes.HasPrefix(whole, readFile(t, out)) {
			t.Fatalf("after %v: %d lines, which are not the first of an undisturbed run:\n%s", sent, done, readFile(t, out))
		}
	}
	if o := sealvk("", asBatch(model, "-o", out, "--resume", in)...); o.code != 1 || !bytes.Equal(readFile(t, out), readFile(t, undisturbed)) {
		t.Errorf("%+v\n%s", o, readFile(t, out))
	}
}

// records counts the whole lines of a file.
func records(path string) int {
	text, _ := os.ReadFile(path) // none before it is made
	return bytes.Count(text, []byte("\n"))
}

// Another process that would write the same file is told so.
func TestBatchLocksItsOutput(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	out := filepath.Join(dir, "out.jsonl")
	child := exec.CommandContext(t.Context(), os.Args[0], asBatch(model, "-o", out)...)
	child.Env = append(os.Environ(), asProgram+"=1")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer stdin.Close()
	fmt.Fprintln(stdin, `"hi"`)
	for records(out) == 0 && child.Process.Signal(syscall.Signal(0)) == nil {
		time.Sleep(time.Millisecond)
	}
	sealvk(`"hi"`, asBatch(model, "-o", out, "--resume")...).wantError(t, out, "another process is writing it")
}
