//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What is wrong with flags, file or device ends serve with one line that says what.
func TestServeSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"now"}, `serve takes no argument, got "now"`},
		{[]string{"--alias", ""}, "--alias is empty: want a name"},
		{[]string{"--idle-unload", "-1s"}, "flag --idle-unload: want a time such as"},
		{[]string{"--queue", "-1"}, "--queue"},
		{[]string{"--parallel", "0"}, "want a whole number from 1 to 4096"},
		{[]string{"-m", "nowhere.gguf"}, "nowhere.gguf"},
		{[]string{"--template", "nowhere.jinja"}, "nowhere.jinja"},
		{[]string{"--port", "0", "--device", "nowhere"}, `vk: no device matches "nowhere"`}, // found while it listens
	} {
		o := sealvk("", append([]string{"serve"}, c.args...)...)
		lines := strings.Split(strings.TrimSuffix(o.stderr, "\n"), "\n")
		if last := lines[len(lines)-1]; o.code != 1 || o.stdout != "" || !strings.HasPrefix(last, "sealvk: ") || !strings.Contains(last, c.want) || strings.Count(o.stderr, c.want) != 1 {
			t.Errorf("%q: exit code %d, %q, want %q", c.args, o.code, o.stderr, c.want)
		}
	}
}

// The flags of sampling hold for requests that say nothing else, and an answer in company is, to the last letter,
// that of generate.
func TestServeAnswersAsGenerateDoes(t *testing.T) {
	guard := make(chan os.Signal, 8) // the test must survive a signal that comes late
	signal.Notify(guard, syscall.SIGTERM)
	defer signal.Stop(guard)
	prompts := []string{"What is the capital of Thailand?", "12 + 30 = ?", "สวัสดี"}
	got := make([]string, len(prompts))
	stderr := &whileServing{do: func(url string) {
		var all sync.WaitGroup
		for i, prompt := range prompts {
			all.Go(func() {
				var err error
				if got[i], err = chatWith(url, prompt); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}}
	flags := []string{"--temp", "0", "-n", "20", "--stop", "!", "--system", "Answer."}
	code := run(append([]string{"serve", "--port", "0", "--log", "none", "--parallel", "2", "--alias", "small", "--alias", "other"}, flags...), strings.NewReader(""), io.Discard, stderr)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.text.String())
	}
	var lines strings.Builder
	for _, prompt := range prompts {
		fmt.Fprintf(&lines, "%q\n", prompt)
	}
	want := mustOnDevice(t, lines.String(), append([]string{"generate", "--numerics", "invariant", "--speculate", "off", "--parallel", "1", "--jsonl", "-"}, flags...)...)
	for i, line := range strings.Split(strings.TrimSpace(want), "\n") {
		var alone struct{ Text string }
		if err := json.Unmarshal([]byte(line), &alone); err != nil || got[i] != "small: "+alone.Text {
			t.Errorf("%s: %q, generate says %q (%v)", prompts[i], got[i], alone.Text, err)
		}
	}
}

// chatWith asks a server once it is ready, and gives the model's name and the answer.
func chatWith(url, prompt string) (string, error) {
	body := fmt.Sprintf(`{"model":"other","messages":[{"role":"user","content":%q}]}`, prompt)
	for {
		r, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		switch {
		case err != nil:
			return "", err
		case r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "": // still loading
			time.Sleep(10 * time.Millisecond)
			continue
		case r.StatusCode != http.StatusOK:
			return "", fmt.Errorf("%d %s", r.StatusCode, text)
		}
		var c struct {
			Model   string
			Choices []struct{ Message struct{ Content string } }
		}
		if err := json.Unmarshal(text, &c); err != nil || len(c.Choices) != 1 {
			return "", fmt.Errorf("%w: %s", err, text)
		}
		return c.Model + ": " + c.Choices[0].Message.Content, nil
	}
}
