package score

import (
	"fmt"
	"slices"
)

// Window is a part of a text's ids that is computed by itself.
type Window struct {
	IDs    []int32
	First  int // the first of IDs whose log-probability counts, at least 1
	Weight int // of the mean over those that count, in the mean over all; their number, but for Strides
}

// Chunks cuts ids as llama-perplexity does: into chunks of ctx ids one behind the other, of which the
// second half counts but for its first token; bos takes the place of each chunk's first id, if the
// vocabulary has one (it is not negative). What is left over at the end counts for nothing. At least two
// chunks are wanted.
func Chunks(ids []int32, ctx int, bos int32) ([]Window, error) {
	if ctx < 4 {
		return nil, fmt.Errorf("score: chunks of %d tokens: want at least 4, of whose second half something counts", ctx)
	}
	if len(ids) < 2*ctx {
		return nil, &TooShortError{len(ids), 2 * ctx}
	}
	var windows []Window
	for part := range slices.Chunk(ids[:len(ids)/ctx*ctx], ctx) {
		part = slices.Clone(part)
		if bos >= 0 {
			part[0] = bos
		}
		first := ctx/2 + 1
		windows = append(windows, Window{part, first, ctx - first})
	}
	return windows, nil
}

// Strides slides a window of ctx ids along a text, by stride ids at a time, as the page "Perplexity of
// fixed-length models" of transformers' documentation has it: of each window count the ids that no window
// in front of it had. Each window's mean has one less than that as its weight, in the later ones too,
// where transformers leaves none of them out.
func Strides(ids []int32, ctx, stride int) ([]Window, error) {
	switch {
	case ctx < 2:
		return nil, fmt.Errorf("score: windows of %d tokens: want at least 2", ctx)
	case stride < 1 || stride > ctx:
		return nil, fmt.Errorf("score: a stride of %d: want 1 to the window's %d tokens", stride, ctx)
	case len(ids) < 2:
		return nil, &TooShortError{len(ids), 2}
	}
	var windows []Window
	end := 0
	for begin := 0; end < len(ids); begin += stride {
		before := end
		end = min(begin+ctx, len(ids))
		fresh := end - before
		if first := max(1, end-begin-fresh); first < end-begin {
			windows = append(windows, Window{ids[begin:end], first, fresh - 1})
		}
	}
	return windows, nil
}

// TooShortError is a text of too few tokens.
type TooShortError struct{ Tokens, Want int }

func (e *TooShortError) Error() string {
	return fmt.Sprintf("score: the text has %d tokens, want at least %d", e.Tokens, e.Want)
}
