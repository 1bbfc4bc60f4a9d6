package terminal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Edit has the program editor, a command with its arguments, edit text in a file that nobody else reads, and gives
// what is in it then, whatever bytes. The line break at its end is the file's, not the text's.
func (t *Terminal) Edit(ctx context.Context, editor []string, text string) (edited string, err error) {
	folder, err := os.MkdirTemp("", "sealvk-edit-")
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "turn.md")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	command := exec.CommandContext(ctx, editor[0], append(editor[1:len(editor):len(editor)], path)...)
	command.Stdin, command.Stdout, command.Stderr = t.in, t.out, t.out
	if err := t.enter(users); err != nil {
		return "", err
	}
	if err := errors.Join(command.Run(), t.enter(quiet)); err != nil {
		return "", fmt.Errorf("terminal: %s: %w", strings.Join(editor, " "), err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	edited = strings.ReplaceAll(string(after), "\r\n", "\n")
	return strings.TrimSuffix(edited, "\n"), nil
}
