package schema

import "strings"

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
