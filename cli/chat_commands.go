package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"sealvk/cli/chats"
)

// chatCommand is what a line that begins with a slash asks for.
type chatCommand struct {
	names []string // with their slashes; help shows the first
	args  string   // as help shows them
	help  string

	// run takes what stands behind the name, without blanks at its ends. An error is told, and
	// the conversation goes on unless leave.
	run func(c *chat, rest string) (leave bool, err error)
}

// chatCommands are all of them, in the order of the help.
func chatCommands() []chatCommand {
	return []chatCommand{
		{[]string{"/clear"}, "", "begin a new conversation", (*chat).clear},
		{[]string{"/system"}, "[TEXT]", "show the system prompt, or set it and forget the conversation; - removes it", (*chat).systemPrompt},
		{[]string{"/regen"}, "", "answer the last turn again; the answer that there is stays as another version", (*chat).again},
		{[]string{"/retry"}, "TEXT", "say TEXT instead of the last turn, which stays as another version", (*chat).retry},
		{[]string{"/undo"}, "", "take back the last turn and its answer, and change it", (*chat).undo},
		{[]string{"/edit"}, "[TEXT]", "write the next turn in $VISUAL or $EDITOR, beginning with TEXT", (*chat).edit},
		{[]string{"/set"}, "[NAME VALUE]", "show the options of sampling, or set one, as in /set temp 0.2; default is a value too", (*chat).set},
		{[]string{"/context"}, "", "what fills the context", (*chat).context},
		{[]string{"/read"}, "FILE [TEXT]", "put a file's text in front of the next turn, or say TEXT of it", (*chat).read},
		{[]string{"/save"}, "[NAME|FILE]", "give the chat a name, or have it written to a file too", (*chat).save},
		{[]string{"/list"}, "[all]", "the chats that are kept, the newest first", (*chat).list},
		{[]string{"/load"}, "NUMBER|NAME|FILE", "go on with another chat", (*chat).load},
		{[]string{"/copy"}, "[N|code]", "copy the last answer, that of N answers back, or the last one's code", (*chat).copyAnswer},
		{[]string{"/export"}, "md|json [FILE]", "write the chat to a file, to be read or imported", (*chat).export},
		{[]string{"/stats"}, "", "times and speeds of the last answer", (*chat).stats},
		{[]string{"/help", "/?"}, "", "this list", (*chat).help},
		{[]string{"/exit", "/quit", "/bye"}, "", "leave, as Ctrl-D does", func(*chat, string) (bool, error) { return true, nil }},
	}
}

// chatHelp is the list of the commands, and what else a line can be.
func chatHelp() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range chatCommands() {
		fmt.Fprintf(t, "%s\t%s\n", strings.TrimSpace(c.names[0]+" "+c.args), c.help)
	}
	t.Flush() // to memory
	b.WriteString("A line that begins with a blank is sent as it is, whatever follows.\n")
	b.WriteString("Ctrl-C stops an answer; a second one leaves.")
	return b.String()
}

// commandOf is the command of a line that begins with a slash, nil if there is none of that name, and what stands
// behind the name.
func commandOf(line string) (command *chatCommand, rest string) {
	name, rest, _ := strings.Cut(line, " ")
	for _, known := range chatCommands() {
		if slices.Contains(known.names, name) {
			return &known, strings.TrimSpace(rest)
		}
	}
	return nil, ""
}

func (c *chat) help(string) (leave bool, err error) {
	fmt.Fprintln(c.stderr, chatHelp())
	return false, nil
}

func (c *chat) edit(text string) (leave bool, err error) {
	err = c.lines.edit(text)
	for len(c.signals) > 0 {
		if s := <-c.signals; s != os.Interrupt { // a Ctrl-C was the editor's
			return true, stoppedError{s}
		}
	}
	return false, err
}

func (c *chat) clear(string) (leave bool, err error) {
	kept, saved := c.files.kept, c.files.saved
	c.forget()
	switch {
	case saved != nil:
		fmt.Fprintf(c.stderr, "A new conversation begins, and is not written to %s, which has the last one.\n", printable(saved.Path))
	case kept != nil:
		fmt.Fprintln(c.stderr, "A new conversation begins; the last one is kept, and /list shows it.")
	default:
		fmt.Fprintln(c.stderr, "The conversation is forgotten.")
	}
	return false, nil
}

// forget begins another conversation, with the same system prompt. What was kept of this one stays.
func (c *chat) forget() {
	c.files.leave()
	system := c.conversation.System
	c.conversation, c.last = chats.New(c.conversation.Model), nil
	c.conversation.System = system
	c.opened.session.Reset()
}

func (c *chat) stats(string) (leave bool, err error) {
	if c.last == nil {
		fmt.Fprintln(c.stderr, "Nothing was answered yet.")
		return false, nil
	}
	fmt.Fprintln(c.stderr, c.last.summary(c.opened))
	return false, nil
}
