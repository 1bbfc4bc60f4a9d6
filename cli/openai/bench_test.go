package openai

import (
	"strings"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	for name, line := range map[string]string{
		"batch line": string(withOptions(batchChat, `,"temperature":0.7,"max_tokens":100,"model":"m"`)),
		"1 MB":       `{"messages":[{"role":"user","content":"` + strings.Repeat("ab\\n", 1<<18) + `"}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				if _, err := Parse([]byte(line)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
