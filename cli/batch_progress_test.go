package main

import (
	"strings"
	"testing"
	"time"

	"sealvk/cli/batch"
)

func TestBatchBarFitsEveryTerminal(t *testing.T) {
	begun := time.Unix(0, 0)
	var p pace
	p.add(sample{begun, batch.Summary{Lines: 100, CompletionTokens: 1000, PromptTokens: 5000}, 0.25})
	p.add(sample{begun.Add(10 * time.Second), batch.Summary{Lines: 200, Errors: 3, CompletionTokens: 2000, PromptTokens: 9000}, 0.5})
	parts, share := p.parts()
	if got, want := strings.Join(parts, ", "), "50 %, 200 lines, 3 errors, 20s left, 100 tok/s out, 400 tok/s in"; got != want || share != 0.5 {
		t.Errorf("%q, want %q", got, want)
	}
	for width := 20; width <= 300; width++ {
		got := fitted(parts, share, width-1)
		if len(got) >= width || !strings.Contains(got, "50 %") || width >= 40 && !strings.Contains(got, "200 lines, 3 errors") || width > 120 && !strings.HasPrefix(got, "[====================                    ] 50 %") {
			t.Errorf("%d columns: %q", width, got)
		}
	}
	p.add(sample{begun.Add(time.Minute), batch.Summary{Lines: 201, CompletionTokens: 2000, PromptTokens: 9000}, -1})
	if parts, share = p.parts(); strings.Join(parts, ", ") != "201 lines, 0 tok/s out, 0 tok/s in" || strings.Contains(fitted(parts, share, 200), "[") {
		t.Errorf("of a producer without an end: %q", parts)
	}
}
