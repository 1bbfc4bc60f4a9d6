//go:build unix

package main

import (
	"bytes"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// interrupter stops the program with a signal once it has printed something.
type interrupter struct {
	mu sync.Mutex
	bytes.Buffer
	signal syscall.Signal
	sent   bool
}

func (i *interrupter) Write(p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.sent {
		i.sent = true
		if err := syscall.Kill(os.Getpid(), i.signal); err != nil {
			return 0, err
		}
	}
	return i.Buffer.Write(p)
}

func TestInterruptKeepsWhatIsThere(t *testing.T) {
	// The test itself must survive a signal that comes before or after the command listens.
	guard := make(chan os.Signal, 8)
	signal.Notify(guard, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(guard)
	story := readGreedy(t)[0]
	for sent, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		stdout := &interrupter{signal: sent}
		var stderr bytes.Buffer
		got := run([]string{"generate", "--temp", "0", "--validate", story.Messages[0].Content}, strings.NewReader(""), stdout, &stderr)
		text := strings.TrimSuffix(stdout.String(), "\n")
		if got != code || text == "" || !strings.HasPrefix(story.Q4KM.Text, text) || stderr.String() != "sealvk: "+nanoNotice+"\n" {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", sent, got, stdout.String(), stderr.String())
		}
	}
}
