package main

import (
	"errors"
	"testing"

	"sealvk/engine"
)

// A model that does not fit is told of with what would.
func TestWhatFits(t *testing.T) {
	const what = "engine: the model does not fit into the device's memory: 9 of 8"
	for _, c := range []struct {
		err  engine.DoesNotFitError
		want string
	}{
		{engine.DoesNotFitError{Largest: 512}, "; --ctx 512 would fit (--ctx auto takes the largest)"},
		{engine.DoesNotFitError{Least: 256, Weights: 5 << 19}, "; with --ctx 256 weights of up to 2.50 MiB would: use a smaller file or another device"},
		{engine.DoesNotFitError{Least: 20, Weights: 5 << 29}, "; with --ctx 20 weights of up to 2.50 GiB would: use a smaller file or another device"},
		{engine.DoesNotFitError{Least: 256}, "; the activations alone do not fit: use another device"},
	} {
		c.err.Problem = "9 of 8"
		if err := whatFits(&c.err); err.Error() != what+c.want || !errors.Is(err, engine.ErrDoesNotFit) {
			t.Errorf("%v, want %s%s", err, what, c.want)
		}
	}
	if err := whatFits(nil); err != nil {
		t.Errorf("of no error: %v", err)
	}
}
