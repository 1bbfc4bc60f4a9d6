package openai

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// manualLists are the lists of fields as docs/manual.md has them.
func (t *table) manualLists() string {
	var b strings.Builder
	b.WriteString("| field | of | value | meaning |\n|---|---|---|---|\n")
	for _, f := range t.honoured {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, map[scope]string{all: "both", chats: "messages", prompts: "a prompt"}[f.scope], f.wants, f.does)
	}
	b.WriteString("\nAccepted without effect: " + quoted(t.accepted) + ".\n")
	b.WriteString("\nAccepted where they ask for what is done anyway, else an error:\n\n| field | value |\n|---|---|\n")
	var never []string
	for _, f := range t.refused {
		if len(f.unless) == 0 {
			never = append(never, f.name)
			continue
		}
		with := ""
		if f.name == "echo" {
			with = " with messages"
		}
		fmt.Fprintf(&b, "| `%s`%s | `%s` |\n", f.name, with, strings.Join(f.unless, "` or `"))
	}
	if never != nil {
		b.WriteString("\nAlways an error, unless `null`: " + quoted(never) + ".\n")
	}
	return b.String()
}

func quoted(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// The manual has the lists as they are here.
func TestManualHasTheFields(t *testing.T) {
	manual, err := os.ReadFile("../../docs/manual.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, t2 := range []table{openaiFields, ollamaFields, ollamaOptions} {
		if want := t2.manualLists(); !strings.Contains(string(manual), want) {
			t.Errorf("docs/manual.md lacks this:\n%s", want)
		}
	}
}
