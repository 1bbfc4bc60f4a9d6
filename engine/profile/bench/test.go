package bench

import "fmt"

// Test is one thing to measure, named as by llama-bench: Prompt tokens are processed at once,
// then Gen tokens one by one, behind Depth positions that the KV cache holds already.
type Test struct {
	Prompt, Gen, Depth int
	Parallel           int // sequences that do so together, at least 1
}

// String gives llama-bench's name: "pp512", "tg128 @ d4096", "pp512+tg128".
func (t Test) String() string {
	var name string
	switch {
	case t.Gen == 0:
		name = fmt.Sprintf("pp%d", t.Prompt)
	case t.Prompt == 0:
		name = fmt.Sprintf("tg%d", t.Gen)
	default:
		name = fmt.Sprintf("pp%d+tg%d", t.Prompt, t.Gen)
	}
	if t.Depth > 0 {
		name += fmt.Sprintf(" @ d%d", t.Depth)
	}
	return name
}

// Positions is the context that a sequence of the test needs.
func (t Test) Positions() int { return t.Depth + t.Prompt + t.Gen }

// Tokens is what the test processes, in all sequences together.
func (t Test) Tokens() int { return t.Parallel * (t.Prompt + t.Gen) }

// request is the length of a sequence's prompt, with what the cache holds, and how many tokens
// are asked for. The token in front of the first step of a generation is part of the prompt,
// and its step yields the first token; behind a prompt that is measured too, the first token
// comes with it.
func (t Test) request() (prompt, tokens int) {
	if t.Prompt == 0 {
		return t.Depth + 1, t.Gen
	}
	return t.Depth + t.Prompt, t.Gen + 1
}

// kvPositions is how many positions of the KV cache a token of the test reads, on average;
// only of tests that generate alone.
func (t Test) kvPositions() float64 { return float64(t.Depth) + float64(t.Gen+1)/2 }
