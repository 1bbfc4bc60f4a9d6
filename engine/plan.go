package engine

import (
	"fmt"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

const (
	maxChunk   = 256  // tokens of a prefill chunk at most
	logitRows  = 8    // rows of logits that fit into their buffer
	ringSlots  = 16   // sampled ids that the host may be behind; more than steps in flight
	splitSize  = 256  // positions of an attention workgroup in decode
	minContext = 256  // the least that an automatic context shrinks to
	reserve    = 1.02 // share of slack for the allocator's own rounding
)

// plan is what a model takes on the device, known before anything is uploaded.
type plan struct {
	context   int // positions a sequence
	sequences int
	chunk     int // tokens of the largest prefill chunk
	pages     int // of the KV pool, all sequences together

	weights, kv, activations int64 // bytes
}

// bytes is the plan's total.
func (p *plan) bytes() int64 { return p.weights + p.kv + p.activations }

// makePlan fits the model into the device. An automatic context (0) is halved
// until it fits; otherwise what does not fit is an error with the numbers.
func makePlan(caps *vk.Caps, m *weights.Model, o Options) (*plan, error) {
	cfg, available := m.Config, freeMemory(caps)
	context := o.Context
	if context == 0 {
		context = min(cfg.Context, defaultContext)
	}
	p, err := planFor(caps, m, o, context)
	for err == nil && o.Context == 0 && float64(p.bytes())*reserve > float64(available) && context > minContext {
		context /= 2
		p, err = planFor(caps, m, o, context)
	}
	if err != nil {
		return nil, err
	}
	if float64(p.bytes())*reserve > float64(available) {
		return nil, fmt.Errorf("engine: %w: weights %s + KV cache for %d positions %s + activations %s = %s, available %s; use a smaller --ctx, a smaller file or another device",
			ErrDoesNotFit, size(p.weights), p.context, size(p.kv), size(p.activations), size(p.bytes()), size(available))
	}
	return p, nil
}

func planFor(caps *vk.Caps, m *weights.Model, o Options, context int) (*plan, error) {
	cfg, limit := m.Config, caps.Limits.MaxStorageBufferRange
	p := &plan{context: context, sequences: max(1, o.Sequences)}
	if context < 1 {
		return nil, fmt.Errorf("engine: a context of %d positions: at least 1 is needed", context)
	}
	p.pages = p.sequences * pagesFor(context)
	heads := headsOf(cfg)
	layerKV := int64(p.pages) * shaders.KVBytes(heads, o.KV == KVF16)
	if layerKV > limit {
		fits := limit / shaders.KVBytes(heads, o.KV == KVF16) * shaders.PageTokens / int64(p.sequences)
		if o.Context != 0 || fits < 1 {
			return nil, fmt.Errorf("engine: %w: a KV cache of %d positions × %d sequences needs %s a layer, the device binds %s; at most --ctx %d",
				ErrDoesNotFit, context, p.sequences, size(layerKV), size(limit), fits)
		}
		return planFor(caps, m, o, int(fits))
	}
	p.kv = 2 * int64(cfg.Layers) * layerKV

	p.chunk = min(maxChunk, context)
	widest := int64(max(cfg.FFNDim, cfg.Dim, cfg.Heads*(cfg.HeadDim+2)))
	for p.chunk > 1 && 4*widest*int64(p.chunk) > limit {
		p.chunk /= 2
	}
	for _, t := range m.Tensors {
		p.weights += shaders.Type(t.Type).DeviceBytes(t.Rows, t.Cols)
	}
	for _, b := range activationSizes(cfg, p) {
		p.activations += b
	}
	p.activations += int64(context)*int64(cfg.HeadDim)*4 + int64(p.sequences)*int64(context)*4
	return p, nil
}

func headsOf(c weights.Config) shaders.Heads {
	return shaders.Heads{Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim}
}

// decodeSplits shares a sequence among many workgroups, one row being too
// little work; prefillSplits leaves it whole, the rows being work enough.
func (p *plan) decodeSplits() shaders.Splits {
	return shaders.Splits{Positions: splitSize, Max: (p.context + splitSize - 1) / splitSize}
}

func (p *plan) prefillSplits() shaders.Splits {
	return shaders.Splits{Positions: p.context, Max: 1}
}

// freeMemory is what is left of the largest device-local heap.
func freeMemory(c *vk.Caps) (free int64) {
	for _, h := range c.Memory.Heaps {
		if h.DeviceLocal {
			free = max(free, h.Budget-h.Usage)
		}
	}
	return free
}

// size prints bytes for people.
func size(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
}
