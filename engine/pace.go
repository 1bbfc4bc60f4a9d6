package engine

import (
	"time"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

const (
	firstChunk = 32                     // tokens of the first prefill chunk on the slowest devices
	submission = 100 * time.Millisecond // aim for the longest submission: a desktop stays alive
	stuck      = 2 * time.Minute        // a submission that takes longer is given up
)

// speed is what a device is trusted with before anything is measured: less than what the slow
// ones of its class should do, by their data sheets.
type speed struct{ flops, bytes float64 } // a second, in prefill and in decode

func speedOf(c *vk.Caps, t shaders.Tuning) speed {
	switch {
	case c.Type == vk.CPU:
		return speed{1e10, 2e9}
	case c.Type != vk.Discrete:
		return speed{1e11, 1e10}
	case t.Prefill.CoopMat == (shaders.CoopMat{}):
		return speed{5e11, 5e10}
	}
	return speed{5e12, 1e11}
}

// pace bounds submissions by measured time.
type pace struct {
	rows    int  // tokens of the next prefill chunk
	least   int  // tokens that a chunk keeps however slow the device is
	layers  int  // layers of the next submission
	settled bool // a whole chunk was measured
}

// startPace is the pace before anything is measured, and the layers of a decode step that
// share a submission: a layer of the first chunk fits into one, if need be with fewer tokens. A
// GPU's chunks may shrink to the tokens of one workgroup or tile, which take no longer than a single
// one; a CPU has no watchdog and no desktop to keep alive, and keeps its first chunk.
func startPace(caps *vk.Caps, t shaders.Tuning, cfg weights.Config, p *plan) (start pace, decode int) {
	s := speedOf(caps, t)
	heads := cfg.HeadDim * (2*cfg.Heads + 2*cfg.KVHeads)
	flops := 2 * float64(cfg.Dim) * float64(heads+3*cfg.FFNDim) // of a token in a layer
	tokens := s.flops * submission.Seconds() / flops
	rows := firstChunk
	for 2*float64(rows) <= tokens && rows < p.chunk {
		rows *= 2
	}
	rows = min(rows, p.chunk)
	least := t.Product.Tokens
	if p.tiled {
		least = t.Prefill.Narrow.Tokens
	}
	start = pace{rows: rows, least: min(least, rows), layers: layersOf(tokens/float64(rows), cfg)}
	if caps.Type == vk.CPU {
		start.least = rows
	}
	return start, layersOf(s.bytes*submission.Seconds()/(float64(p.weights)/float64(cfg.Layers)), cfg)
}

// layersOf bounds a number of layers to what the model has.
func layersOf(n float64, cfg weights.Config) int { return int(min(max(1, n), float64(cfg.Layers))) }

// adapted is the pace after a chunk of so many tokens that took d in all layers. A chunk of fewer
// tokens than the next one says only that there may be too many layers. The layers stay as
// they are while that is not far from right: what was recorded can be kept.
func (p pace) adapted(d time.Duration, tokens, layers, maxRows int) pace {
	perLayer := max(d/time.Duration(layers), time.Microsecond)
	fits, whole := min(max(1, int(submission/perLayer)), layers), tokens >= p.rows
	if 4*p.layers > 5*fits || whole && (2*p.layers <= fits || fits == layers) {
		p.layers = fits
	}
	if !whole {
		return p
	}
	p.settled = true
	switch {
	case perLayer > submission:
		p.rows = max(p.least, p.rows/2)
	case perLayer < submission/4:
		p.rows = min(2*p.rows, maxRows)
	}
	return p
}
