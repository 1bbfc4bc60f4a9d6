package chats

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Markdown writes what is shown of the chat for people to read. Answers are Markdown already, and stay as they are.
func (c *Chat) Markdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "# %s\n", c.Heading())
	if !c.Created.IsZero() {
		fmt.Fprintf(b, "\n%s\n", c.Created.Local().Format("2006-01-02 15:04"))
	}
	section := func(heading, content string) {
		fmt.Fprintf(b, "\n## %s\n\n%s\n", heading, strings.TrimSpace(content))
	}
	if c.System != "" {
		section("System prompt", c.System)
	}
	for _, m := range c.Messages {
		switch {
		case m.Role == User:
			section("You", m.Content)
		case m.Model != "":
			section(m.Model, m.Content)
		default:
			section("Answer", m.Content)
		}
	}
	return b.Flush()
}

// FileName is the title as the name of a file, without an ending: letters of any script, marks and digits, as in the page.
func (c *Chat) FileName() string {
	const longest = 60
	words := strings.FieldsFunc(c.Heading(), func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) })
	name := []rune(strings.Join(words, "-"))
	if len(name) == 0 {
		return "chat"
	}
	return string(name[:min(longest, len(name))])
}

// LastCode is the text of the last code block in Markdown, false if there is none.
func LastCode(markdown string) (code string, ok bool) {
	source := []byte(markdown)
	document := goldmark.DefaultParser().Parse(text.NewReader(source))
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // which gives the visitor's errors, none
		if n.Kind() == ast.KindFencedCodeBlock && entering {
			code, ok = string(n.Lines().Value(source)), true
		}
		return ast.WalkContinue, nil
	})
	return code, ok
}
