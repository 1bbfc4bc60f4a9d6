package engine

import "fmt"

// Numerics is what an answer's bits may depend on.
type Numerics int

const (
	// NumericsAuto: a model of one sequence decodes by its device's fastest kernels where these gain
	// over 5 %, unless a request asks for a number of drafts. Answers may then differ in the last digits
	// of their logits from those in a batch, or behind checks of drafts. Models of several sequences
	// are as of NumericsInvariant.
	NumericsAuto Numerics = iota
	// NumericsInvariant: an answer has the same bits alone, in a batch of any size and with drafts.
	NumericsInvariant
	// NumericsExact is invariant, and activations are f32 wherever they are multiplied.
	NumericsExact
)

var numericsNames = [...]string{"auto", "invariant", "exact"}

func (n Numerics) String() string {
	if n >= 0 && int(n) < len(numericsNames) {
		return numericsNames[n]
	}
	return fmt.Sprintf("Numerics(%d)", int(n))
}

// Numerics is the mode that the model was loaded with.
func (m *Model) Numerics() Numerics { return m.numerics }

// IntDot tells whether decode multiplies integers, where weights are quantized.
func (m *Model) IntDot() bool { return m.intDot }

// Arithmetic says by what activations are multiplied in decode and in prefill.
func (m *Model) Arithmetic() (decode, prefill string) {
	decode, prefill = "f32", m.prefillArithmetic()
	if m.intDot {
		decode = "integer dot products"
	}
	switch {
	case m.lone:
		decode += ", drafts are checked by f16 matrices"
	case m.matrices:
		decode = "f16 matrices"
	}
	return decode, prefill
}

func (m *Model) prefillArithmetic() string {
	if m.half {
		return "f16 matrices"
	}
	return "f32"
}
