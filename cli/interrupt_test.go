//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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

// asHanging makes the test binary a command that hears of the first stop signal and goes on
// all the same, as in a driver that hangs. It ends with its standard input.
const asHanging = "SEALVK_TEST_AS_HANGING"

func init() {
	if os.Getenv(asHanging) == "" {
		return
	}
	ctx, release := stoppable()
	defer release()
	fmt.Println("listening")
	<-ctx.Done()
	fmt.Println(stopCause(ctx, nil))
	io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

func TestASecondInterruptEndsWhatHangs(t *testing.T) {
	// A child inherits that a signal is ignored, as in a shell's background job, but not
	// that it is listened to.
	guard := make(chan os.Signal, 1)
	signal.Notify(guard, syscall.SIGINT)
	defer signal.Stop(guard)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // then it is killed, which is another signal
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), asHanging+"=1")
	var stderr bytes.Buffer
	child.Stderr = &stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stdout)
	for _, want := range []string{"listening\n", "stopped by interrupt\n"} {
		if line, err := said.ReadString('\n'); err != nil || line != want {
			t.Errorf("%q (%v), want %q", line, err, want)
			break
		}
		if err := child.Process.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
	}
	err = child.Wait()
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("the second interrupt ended in: %v\n%s", err, stderr.String())
	}
}
