package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Every command that takes the flag gives the same error, before it measures or loads.
func TestIntDotOnADeviceWithout(t *testing.T) {
	for _, command := range []string{"generate hi", "logits --ids 2,3", "bench"} {
		t.Run(command, func(t *testing.T) {
			args := append(strings.Fields(command), "--int-dot", "--restrict", "no-int-dot")
			if command == "logits --ids 2,3" {
				args = append(args, "-o", filepath.Join(t.TempDir(), "out"))
			}
			onDevice(t, "", args...).wantError(t, "sealvk: --int-dot: the device has no integer dot products\n")
		})
	}
}

// Commands that compute nothing with it do not take the flag, wherever it stands.
func TestIntDotIsRefused(t *testing.T) {
	for _, args := range []string{
		"devices --int-dot", "inspect --int-dot", "bench compare a.json b.json --int-dot",
		"profile diff a.json b.json --int-dot", "profile --int-dot diff a.json b.json", "--int-dot profile diff a.json b.json",
		"profile static --int-dot", "profile --int-dot static matmul_add", "profile show a.json --int-dot", "profile --int-dot show a.json",
	} {
		t.Run(args, func(t *testing.T) {
			sealvk("", strings.Fields(args)...).wantError(t, "unknown flag --int-dot")
		})
	}
}
