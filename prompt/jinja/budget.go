package jinja

import (
	"errors"
	"fmt"
)

const (
	// baseSteps is what a render may take whatever the size of its input: a
	// published template takes some hundred a message.
	baseSteps = 1 << 22

	// stepsPerByte is what each byte of input adds.
	stepsPerByte = 16

	// bytesPerStep is how many bytes one step makes: a string of n bytes
	// costs n/bytesPerStep, so that all strings of a render together have at
	// most 32 MiB and 128 times the input.
	bytesPerStep = 8

	// itemSteps pays for the memory of an item of a list or dict.
	itemSteps = 6

	maxDepth  = 2000 // nested evaluation, macros that call each other included
	maxNested = 100  // lists in lists, and brackets or blocks in the source
	maxRange  = 100_000

	maxSource = 1 << 20 // bytes
)

var errSteps = errors.New("the template takes too many steps or too much memory")

// budget is what is left of a render's steps and of its stack.
type budget struct {
	steps int
	depth int
}

func (b *budget) spend(steps int) error {
	if steps < 0 || steps > b.steps {
		b.steps = 0
		return errSteps
	}
	b.steps -= steps
	return nil
}

// bytes pays for a string of n bytes.
func (b *budget) bytes(n int) error { return b.spend(1 + n/bytesPerStep) }

// items pays for a list of n items.
func (b *budget) items(n int) error {
	if n > b.steps {
		return errSteps
	}
	return b.spend(1 + n*itemSteps)
}

// enter pays for one step, a level deeper; leave goes back up.
func (b *budget) enter() error {
	if b.depth++; b.depth > maxDepth {
		return fmt.Errorf("the template calls itself too deeply")
	}
	return b.spend(1)
}

func (b *budget) leave() { b.depth-- }
