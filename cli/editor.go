package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"sealvk/cli/edit"
	"sealvk/cli/terminal"
)

// editor is the lines that are edited on a terminal.
type editor struct {
	*program
	terminal *terminal.Terminal
	history  *edit.History
	prompt   string
	editor   *edit.Editor // of that prompt
	offered  edit.Turn    // to begin the next one with
}

func (p *program) openEditor(history string) (*editor, error) {
	e := &editor{program: p, history: new(edit.History)}
	if history != "" {
		kept, warnings, err := edit.OpenHistory(history)
		for _, warning := range warnings {
			p.note("%s", warning)
		}
		if err != nil {
			p.note("%s; this chat's lines are not kept", oneLine(err))
		} else {
			e.history = kept
		}
	}
	// xterm is alone among what is in use in that it leaves lines as they are when it is resized; what runs
	// inside tmux has tmux for its terminal.
	reflows := os.Getenv("XTERM_VERSION") == "" || os.Getenv("TMUX") != ""
	var err error
	e.terminal, err = terminal.Open(p.stdin.(*os.File), p.stdout.w.(*os.File), reflows)
	return e, err
}

func (e *editor) next(prompt string) (turn, error) {
	if e.editor == nil || e.prompt != prompt {
		e.prompt, e.editor = prompt, edit.New(prompt, strings.Repeat(" ", len(prompt)), e.history)
	}
	e.editor.Set(e.offered)
	e.offered = edit.Turn{}
	offered := e.editor.Text()
	event, err := e.terminal.Read(e.editor)
	switch {
	case err != nil:
		return turn{}, fmt.Errorf("reading the terminal: %w", err)
	case event == edit.External:
		text := e.editor.Text()
		e.editor.Set(edit.Turn{})
		return turn{"/edit " + text, true}, nil
	case event == edit.Interrupted && e.editor.Text() != "":
		return turn{}, nil // it throws the line away, and is no wish to leave
	case event == edit.Interrupted:
		if text := e.editor.Text(); text != offered {
			return turn{text, true}, errInterrupt
		}
		return turn{}, errInterrupt
	case event == edit.Ended:
		return turn{}, io.EOF
	}
	t, err := e.editor.Take()
	if err != nil {
		e.program.note("%s; this line is not kept", oneLine(err))
	}
	return turn{t.Text, !t.Pasted}, nil
}

func (e *editor) offer(text string) { e.offered = edit.Turn{Text: text} }

// edit opens the editor that the environment names, as other programs do.
func (e *editor) edit(text string) error {
	usual := "vi"
	if runtime.GOOS == "windows" {
		usual = "notepad"
	}
	command := strings.Fields(cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR")))
	if len(command) == 0 {
		command = []string{usual}
	}
	edited, err := e.terminal.Edit(context.Background(), command, text)
	if err != nil {
		e.offered = edit.Turn{Text: text, Pasted: true}
		return fmt.Errorf("%w; VISUAL or EDITOR names another editor", err)
	}
	e.offered = edit.Turn{Text: edited, Pasted: true}
	return nil
}

// close gives the terminal back as it was; it may be called twice.
func (e *editor) close() {
	err := e.terminal.Close()
	_ = err // a terminal that is gone needs no modes
}
