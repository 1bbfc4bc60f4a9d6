//go:build unix

package chats

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Nobody writes to the pipe: a reader would wait without end.
func TestAPipeIsNoChat(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "chat.json")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(pipe); err == nil || !strings.Contains(err.Error(), pipe+" is no regular file") {
		t.Error(err)
	}
	if _, err := Hold(pipe); err == nil || !strings.Contains(err.Error(), pipe+" is no regular file") {
		t.Error(err)
	}
}

// In a folder that others write to, what stands beside the file may be theirs.
func TestWritingFollowsNoLink(t *testing.T) {
	folder := t.TempDir()
	victim := filepath.Join(folder, "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := must[*File](t)(Hold(filepath.Join(folder, "chat.json")))
	defer f.Close()
	if err := os.Symlink(victim, f.beside(".part")); err != nil {
		t.Fatal(err)
	}
	c := said(1)
	if err := f.Write(&c); err != nil {
		t.Fatal(err)
	}
	if got := must[[]byte](t)(os.ReadFile(victim)); string(got) != "mine" {
		t.Errorf("a link's file became %s", got)
	}
	if all, err := Read(f.Path); err != nil || all[0].Turns() != 1 {
		t.Errorf("%v, %v", all, err)
	}
}
