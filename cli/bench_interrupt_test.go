//go:build unix

package main

import (
	"bytes"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"sealvk/engine/profile/bench"
)

// Ctrl-C behind the first row leaves whole rows in a whole array.
func TestBenchInterrupt(t *testing.T) {
	guard := make(chan os.Signal, 8)
	signal.Notify(guard, syscall.SIGINT)
	defer signal.Stop(guard)
	stdout := &interrupter{signal: syscall.SIGINT}
	var stderr bytes.Buffer
	code := run([]string{"bench", "-p", "4", "-n", "900", "-r", "5", "-o", "json"}, strings.NewReader(""), stdout, &stderr)
	rows, err := bench.ReadRows(strings.NewReader(stdout.String()))
	if code != 130 || err != nil || len(rows) != 1 || rows[0].Prompt != 4 || len(rows[0].SamplesNS) != 5 {
		t.Errorf("exit code %d, %d rows (%v), stderr %q", code, len(rows), err, stderr.String())
	}
}
