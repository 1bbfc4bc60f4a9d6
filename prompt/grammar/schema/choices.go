package schema

import (
	"strings"
)

// Choices is the grammar of some texts, at least one.
func Choices(texts []string) string {
	var b strings.Builder
	b.WriteString("root ::= ")
	for i, t := range texts {
		if i > 0 {
			b.WriteString(" | ")
		}
		b.WriteString(quote(t))
	}
	b.WriteByte('\n')
	return b.String()
}

// Pattern is the grammar of the texts that a regular expression matches as a whole. It has no \b, and
// the texts none of the spaces and control characters of which dialects of regular expressions
// differ.
func Pattern(expression string) (string, error) {
	left := newBudget()
	a, err := matching("^(?:"+dialect(expression)+")$", left)
	if err == nil {
		a, err = everything().and(a, false, left)
	}
	if err != nil {
		return "", problem("", "%v", err)
	}
	g := grammar{rules: map[string]*expr{}}
	g.add("root", nil)
	g.rules["root"] = a.walk(&g, "p", true)
	text := g.print(maxGrammar)
	switch {
	case text == "":
		return "", problem("", "has no text that the grammar could take")
	case len(text) > maxGrammar:
		return "", problem("", "makes a grammar of more than %d KiB: simplify it", maxGrammar>>10)
	}
	return text, nil
}
