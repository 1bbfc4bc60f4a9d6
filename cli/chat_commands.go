package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
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
		{[]string{"/clear"}, "", "forget the conversation", (*chat).clear},
		{[]string{"/system"}, "[TEXT]", "show the system prompt, or set it and forget the conversation; - removes it", (*chat).systemPrompt},
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

// command runs a line that begins with a slash.
func (c *chat) command(line string) (leave bool, err error) {
	name, rest, _ := strings.Cut(line, " ")
	for _, known := range chatCommands() {
		if slices.Contains(known.names, name) {
			return known.run(c, strings.TrimSpace(rest))
		}
	}
	fmt.Fprintf(c.stderr, "There is no command %s; /help lists them. To send such a line, begin it with a blank.\n", name)
	return false, nil
}

func (c *chat) help(string) (bool, error) {
	fmt.Fprintln(c.stderr, chatHelp())
	return false, nil
}

func (c *chat) clear(string) (bool, error) {
	c.forget()
	fmt.Fprintln(c.stderr, "The conversation is forgotten.")
	return false, nil
}

func (c *chat) forget() {
	c.turns, c.last = nil, nil
	c.opened.session.Reset()
}

func (c *chat) systemPrompt(text string) (bool, error) {
	switch text {
	case "":
		if c.system == "" {
			fmt.Fprintln(c.stderr, "There is no system prompt.")
			return false, nil
		}
		fmt.Fprintf(c.stderr, "The system prompt is: %s\n", c.system)
		return false, nil
	case "-":
		text = ""
	}
	c.system = text
	c.forget()
	fmt.Fprintln(c.stderr, "A new conversation begins with that system prompt.")
	return false, nil
}

func (c *chat) stats(string) (bool, error) {
	if c.last == nil {
		fmt.Fprintln(c.stderr, "Nothing was answered yet.")
		return false, nil
	}
	used := c.last.PromptTokens + len(c.last.Tokens)
	fmt.Fprintf(c.stderr, "%s\ncontext: %d of %d tokens used\n", c.last.summary(c.opened), used, c.opened.model.Context())
	return false, nil
}
