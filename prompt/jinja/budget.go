package jinja

import "fmt"

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

	maxDepth     = 2000 // nested evaluation, macros that call each other included
	maxNested    = 100  // lists in lists, and brackets or blocks in the source
	maxArguments = 100  // of a call, and parameters of a macro
	maxRange     = 100_000

	maxName   = 256     // bytes; names are looked up for one step
	maxSource = 1 << 20 // bytes
)

// failure ends a template, by panic: compiling and rendering recurse through
// every construct, and none has anything to do for the failure of an inner one (so
// that there is no defer but rescue).
// Compile and Render return it as their error.
type failure struct {
	line int // of the source, counted from 1
	text string
}

func (f *failure) Error() string { return fmt.Sprintf("line %d: %s", f.line, f.text) }

// rescue makes an error of a failure, and of nothing else.
func rescue(err *error) {
	switch f := recover().(type) {
	case nil:
	case *failure:
		*err = f
	default:
		panic(f)
	}
}

func (r *render) errorf(format string, args ...any) *failure {
	return &failure{r.line, fmt.Sprintf(format, args...)}
}

func (r *render) spend(steps int) {
	if steps < 0 || steps > r.steps {
		panic(r.errorf("the template takes too many steps or too much memory"))
	}
	r.steps -= steps
}

// bytes pays for a string of n bytes, or a look at them.
func (r *render) bytes(n int) { r.spend(1 + n/bytesPerStep) }

// text pays for a text.
func (r *render) text(t Text) { r.spend(1 + len(t.S)/bytesPerStep + len(t.Input)) }

// items pays for a list of n items.
func (r *render) items(n int) { r.times(int64(n), itemSteps) }

// times pays n times for so many steps.
func (r *render) times(n int64, steps int) {
	if n > int64(r.steps/max(steps, 1)) {
		steps = -1 // more than there is
		n = 1
	}
	r.spend(int(n) * steps)
}

// enter pays for one step, a level deeper; leave goes back up.
func (r *render) enter() {
	if r.depth++; r.depth > maxDepth {
		panic(r.errorf("the template calls itself too deeply"))
	}
	r.spend(1)
}

func (r *render) leave() { r.depth-- }
