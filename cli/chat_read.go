package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// readFiles are the texts of files that go in front of the next turn.
type readFiles []string

// before is the next turn: what was read, a blank line, and what the user says.
func (r readFiles) before(text string) string {
	return strings.Join(append(r[:len(r):len(r)], text), "\n\n")
}

// read is the command /read: puts a file's text in front of the next turn, or in front of TEXT, which is asked at once.
func (c *chat) read(line string) (leave bool, err error) {
	name, text, err := firstWord(line)
	switch {
	case err != nil:
		return false, err
	case name == "":
		return false, errors.New("/read wants a file, and maybe what to say of it")
	case name == "-" && text == "":
		c.attached = nil
		fmt.Fprintln(c.stderr, "The next turn is only what you type.")
		return false, nil
	}
	content, err := readTurn(expanded(name))
	if err != nil {
		return false, err
	}
	tokens, most := len(c.opened.tokenizer.Encode(nil, content, false)), c.opened.model.Context()
	if tokens >= most {
		return false, fmt.Errorf("%s has %d tokens, and the context holds %d with the answer: --ctx makes it larger", name, tokens, most)
	}
	c.attached = append(c.attached, content)
	if text != "" {
		fmt.Fprintf(c.stderr, "%s: %s.\n", printable(name), counted(int64(tokens), "token"))
		return c.ends(c.turn(text))
	}
	fmt.Fprintf(c.stderr, "%s: %s, in front of the next turn (/read - leaves it out).\n", printable(name), counted(int64(tokens), "token"))
	return false, nil
}

// firstWord cuts a file's name off, which may stand in quotes, or have blanks behind backslashes where these do not
// separate folders.
func firstWord(line string) (word, rest string, err error) {
	if line != "" && (line[0] == '"' || line[0] == '\'') {
		word, rest, ok := strings.Cut(line[1:], line[:1])
		if !ok {
			return "", "", fmt.Errorf("the quote %s has no end", line[:1])
		}
		return word, strings.TrimSpace(rest), nil
	}
	escapes := runtime.GOOS != "windows"
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && escapes && i+1 < len(line):
			i++
		case line[i] == ' ' || line[i] == '\t' || line[i] == '\n':
			return b.String(), strings.TrimSpace(line[i:]), nil
		}
		b.WriteByte(line[i])
	}
	return b.String(), "", nil
}

// unquoted takes off the quotes that a whole name stands in, as people have them from the shell.
func unquoted(name string) string {
	if last := len(name) - 1; last > 0 && (name[0] == '"' || name[0] == '\'') && name[last] == name[0] {
		return name[1:last]
	}
	return name
}

// readTurn reads a file that is text, for a turn.
func readTurn(path string) (string, error) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular(): // a pipe could be waited for without end
		return "", fmt.Errorf("%s is no file of text", path)
	}
	content, err := readText(path)
	if err != nil {
		return "", err
	}
	if i := bytes.IndexByte(content, 0); i >= 0 {
		return "", fmt.Errorf("%s is no text: byte %d is zero", path, i)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}
