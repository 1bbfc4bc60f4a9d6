package engine

import (
	"errors"
	"fmt"

	"sealvk/engine/selfcheck"
	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/format"
)

// Tuning sizes workgroups, Setting is a knob of it by the name of a kernel.
type (
	Tuning  = shaders.Tuning
	Setting = shaders.Setting
)

// Tuned is Options.Tuning with some settings, the device's own in all else.
func Tuned(caps *vk.Caps, kv KVType, settings []Setting) (*Tuning, error) {
	t, err := shaders.Tuned(caps, kv, settings)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return &t, nil
}

// KVType is the number format of the KV cache.
type KVType = shaders.KVType

const (
	KVF16 = shaders.KVF16 // 2 bytes a value, the default
	KVF32 = shaders.KVF32 // 4 bytes: nothing is rounded
	KVQ8  = shaders.KVQ8  // 1.125 bytes
)

// Options configure Load. The zero value is a good default.
type Options struct {
	Context   int      // positions a sequence; 0: the model's, at most 8192 and what fits; or ContextAuto
	KV        KVType   // of the KV cache
	Sequences int      // that are held at once, by sessions or requests that name none; 0: 1
	Pages     int      // of the KV pool, shaders.PageTokens positions each; 0: as many as the contexts of all sequences take, or what fits into memory, at least one context's
	Chunk     int      // tokens of a prompt that are computed at once, at most, and what buffers allow; 0: 1024, or less where memory is short, of CPU devices 256
	Tuning    *Tuning  // workgroup sizes; nil: the device's default
	Numerics  Numerics // what an answer's bits may depend on
	// IntDot makes decode multiply 16-bit activations by integer dot products, where weights are
	// quantized: ErrNoIntDot without Features.IntegerDotProduct, and another error with NumericsExact.
	IntDot bool
	// Statistics lets kernels tell registers and spills, where the device can, at the cost of
	// compiling them anew.
	Statistics bool
	// Built, unless nil, is called from several goroutines with how many of the kernels' pipelines
	// that Load waits for are there, at first none.
	Built func(done, total int)
	// Fault, unless nil, is called for each fast way that is left out, since the device's driver computes
	// it wrongly: Fresh when that has just been found.
	Fault func(selfcheck.Result)

	trusted  *shaders.Tuning // by Trusted
	maxRange int64           // bytes of a tensor part, in tests; 0: what the device can bind
	batches  bool            // in tests: the kernels of batches are built on CPU devices too

	kernels *shaders.Kernels // in tests: those of several models, with what is built of them; nil: the model's own
}

// ContextAuto asks for the largest context that fits, up to what the model was trained for.
const ContextAuto = -1

// Errors that callers branch on.
var (
	ErrClosed      = errors.New("engine: the model is closed")
	ErrContextFull = errors.New("the prompt is longer than the context")
	ErrDoesNotFit  = errors.New("the model does not fit into the device's memory")
	ErrNoIntDot    = errors.New("the device has no integer dot products")
	ErrNoSession   = errors.New("all sessions are in use")
)

// checkConfig refuses what the kernels cannot do.
func checkConfig(c weights.Config) error {
	switch {
	case c.Layers < 1 || c.Dim < 1 || c.FFNDim < 1 || c.Vocab < 1 || c.Context < 1:
		return fmt.Errorf("engine: a dimension of the model is not positive: %+v", c)
	case c.HeadDim < 1 || c.HeadDim > format.MaxHeadDim || c.HeadDim%shaders.KVBlock != 0:
		return fmt.Errorf("engine: head dimension %d: a multiple of %d up to %d is supported", c.HeadDim, shaders.KVBlock, format.MaxHeadDim)
	case c.KVHeads < 1 || c.Heads%c.KVHeads != 0:
		return fmt.Errorf("engine: %d heads are not a multiple of %d KV heads", c.Heads, c.KVHeads)
	case !(c.EmbedScale > 0 && c.AttnScale > 0):
		return fmt.Errorf("engine: the model's EmbedScale is %v, its AttnScale %v; only what is above 0 can be run", c.EmbedScale, c.AttnScale)
	}
	for _, f := range []struct {
		field     string
		is, canBe any
	}{
		{"Activation", c.Activation, "gelu_pytorch_tanh"},
		{"RopeFactor", c.RopeFactor, float32(1)},
		{"RopeAdjacent", c.RopeAdjacent, false},
		{"AttnBias", c.AttnBias, false},
		{"AttnCap", c.AttnCap, float32(0)},
		{"LogitCap", c.LogitCap, float32(0)},
		{"Window", c.Window, 0},
	} {
		if f.is != f.canBe {
			return fmt.Errorf("engine: the model's %s is %v; only %v can be run", f.field, f.is, f.canBe)
		}
	}
	return nil
}
