package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"sealvk/cli/chats"
)

// export is the command /export: writes the chat to a new file, for people or for programs.
func (c *chat) export(text string) (leave bool, err error) {
	form, path, _ := strings.Cut(text, " ")
	var write func(io.Writer) error
	switch form {
	case "md":
		write = c.conversation.Markdown
	case "json":
		c.conversation.Settings = c.flags.settings()
		write = c.conversation.Encode
	default:
		return false, errors.New("/export wants md or json, and maybe the name of the file")
	}
	if len(c.conversation.Messages) == 0 {
		return false, errors.New("there is nothing to export yet")
	}
	path = expanded(cmp.Or(unquoted(strings.TrimSpace(path)), c.conversation.FileName()+"."+form))
	if err := checkOutput(path); err != nil {
		return false, err
	}
	if _, err := os.Lstat(path); err == nil {
		return false, fmt.Errorf("%s exists already: choose another name", path)
	}
	if err := writeFile(path, write); err != nil {
		return false, err
	}
	fmt.Fprintf(c.stderr, "The chat is in %s.\n", printable(path))
	return false, nil
}

// longestCopy is in bytes: what every terminal that has OSC 52 takes, in base64, in one sequence of 100000.
const longestCopy = 74994

// copyAnswer is the command /copy: hands an answer, or the code in it, to the terminal's clipboard.
func (c *chat) copyAnswer(what string) (leave bool, err error) {
	if !c.interactive {
		return false, errors.New("/copy needs a terminal, which has the clipboard")
	}
	text, err := c.toCopy(what)
	if err != nil {
		return false, err
	}
	if len(text) > longestCopy {
		return false, fmt.Errorf("that has %d bytes, and a terminal's clipboard takes %d: /export md writes the chat to a file", len(text), longestCopy)
	}
	_, err = io.WriteString(c.stdout, clipboard(text, os.Getenv("TMUX") != "", os.Getenv("TERM")))
	fmt.Fprintf(c.stderr, "%s handed to the terminal's clipboard, if it takes them (OSC 52).\n", counted(int64(utf8.RuneCountInString(text)), "character"))
	return false, err
}

// toCopy is the last answer, the one that many answers back, or the last code block.
func (c *chat) toCopy(what string) (string, error) {
	back := 1
	if what != "" && what != "code" {
		n, err := strconv.Atoi(what)
		if err != nil || n < 1 {
			return "", fmt.Errorf("/copy takes code, or a number: 1 is the last answer, 2 the one before; got %q", what)
		}
		back = n
	}
	messages := c.conversation.Messages
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role != chats.Assistant {
			continue
		}
		if back--; back > 0 {
			continue
		}
		if what != "code" {
			return messages[i].Content, nil
		}
		code, ok := chats.LastCode(messages[i].Content)
		if !ok {
			return "", errors.New("the last answer has no code block")
		}
		return code, nil
	}
	return "", errors.New("there is no such answer yet")
}

// clipboard is what sets a terminal's clipboard. tmux and screen take it for themselves, or pass on what is wrapped;
// tmux does either by its settings.
func clipboard(text string, inTmux bool, term string) string {
	const screenTakes = 768 // bytes in a sequence that is passed on
	plain := ansi.SetSystemClipboard(text)
	switch {
	case inTmux:
		return plain + ansi.TmuxPassthrough(plain)
	case strings.HasPrefix(term, "screen"):
		return ansi.ScreenPassthrough(plain, screenTakes)
	}
	return plain
}
