package main

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"sealvk/vk"
)

// faulty runs a command on devices that are lost whenever lose says so, of an operation at a time, where so much is on
// standard output.
func faulty(stdin string, lose func(op vk.Op, out int) bool, args ...string) outcome {
	var mu sync.Mutex
	var stdout, stderr bytes.Buffer
	p := &program{args: args, stdin: strings.NewReader(stdin), stdout: &output{w: locked{&mu, &stdout}}, stderr: &stderr, faults: func(op vk.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if lose(op, stdout.Len()) {
			return vk.ErrDeviceLost
		}
		return nil
	}}
	return outcome{p.run(), stdout.String(), stderr.String()}
}

// locked is a buffer that another goroutine looks at.
type locked struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// loseBatch runs a batch that begins anew on devices that are lost while lines are in flight, at any operation. They are
// computed again: the records are the first of a run that nothing disturbed, the whole. The third loss ends it.
func loseBatch(t *testing.T, whole, out string, resume []string) {
	t.Helper()
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	losses := 0
	o := faulty("", func(op vk.Op, _ int) bool {
		if losses == 3 || op != []vk.Op{vk.OpWait, vk.OpSubmit, vk.OpWait}[losses] || records(out) < 8*(losses+1) {
			return false
		}
		losses++
		return true
	}, resume...)
	if o.code != 1 || strings.Count(o.stderr, "the device was lost (") != 2 || !strings.Contains(o.stderr, "after 3 times within ten minutes it is not opened again") || !strings.Contains(o.stderr, "sealvk batch --resume") {
		t.Errorf("%d losses, %+v", losses, o)
	}
	if n := records(out); n < 24 || n == strings.Count(whole, "\n") || !strings.HasPrefix(whole, string(readFile(t, out))) {
		t.Errorf("%d lines, which are not the first of a run that nothing disturbed:\n%s", n, readFile(t, out))
	}
}

// What is computed again is shown from where it stopped, and anew if it is another text.
func TestShownOnce(t *testing.T) {
	for want, again := range map[string][]string{
		"Once upon a time":   {"On", "ce up", "on a", " time"},
		"Once up, on a time": {"Once up, on a time"},
		"Once up":            {"Once", ""},
		"Once up\n(computed again, the answer is another one:)\nOnly then": {"On", "ly", " then"},
	} {
		var out strings.Builder
		s := shown{emit: func(text string) error { out.WriteString(text); return nil }}
		for _, texts := range [][]string{{"Once", " up"}, again} {
			s.at = 0
			for _, text := range texts {
				if err := s.push(text); err != nil {
					t.Fatal(err)
				}
			}
		}
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}
