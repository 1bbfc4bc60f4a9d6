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

// pace bounds submissions by measured time.
type pace struct {
	rows    int  // tokens of the next prefill chunk
	least   int  // tokens that a chunk keeps however slow the device is
	layers  int  // layers of the next submission
	settled bool // a submission was measured
}

// startPace is the pace of a device of this speed before anything is measured, and the layers of a decode
// step that share a submission: a layer of the first chunk fits into one, if need be with fewer tokens. A
// GPU's chunks may shrink to the tokens of one workgroup or tile, which take no longer than a single
// one; a CPU has no watchdog and no desktop to keep alive, and keeps its first chunk.
func startPace(caps *vk.Caps, t shaders.Tuning, cfg weights.Config, p *plan, s speed) (start pace, decode int) {
	tokens := s.FLOPs * submission.Seconds() / layerFLOPs(cfg)
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
	return start, layersOf(s.Bytes*submission.Seconds()/(float64(p.weights)/float64(cfg.Layers)), cfg)
}

// layersOf bounds a number of layers to what the model has.
func layersOf(n float64, cfg weights.Config) int { return int(min(max(1, n), float64(cfg.Layers))) }

// adapt learns from rows tokens that took d in some layers.
func (m *Model) adapt(d time.Duration, layers, rows int) {
	perLayer := max(d/time.Duration(layers), time.Microsecond)
	if !m.steady.Load() {
		m.pace = m.pace.adapted(perLayer, rows, m.cfg.Layers, m.plan.chunk)
	}
}

// adapted is the pace after so many tokens that took a time in each layer, in a model of so many.
// A whole chunk takes as much longer as it has more tokens, or less: what it may grow by, few
// tokens say too. That it must shrink, only a whole one says.
func (p pace) adapted(perLayer time.Duration, tokens, layers, maxRows int) pace {
	p.settled = true
	if tokens >= p.rows {
		for slow := perLayer; slow > submission && p.rows > p.least; slow /= 2 {
			p.rows = max(p.least, p.rows/2)
		}
	}
	whole := func() time.Duration { return perLayer * time.Duration(max(p.rows, tokens)) / time.Duration(tokens) }
	rows := p.rows
	for p.rows < maxRows && whole() < submission/4 {
		p.rows = min(2*p.rows, maxRows)
	}
	if least := fitting(whole(), layers); p.rows > rows {
		p.layers = least
	} else {
		p.layers = relayered(p.layers, fitting(perLayer, layers), least, layers)
	}
	return p
}

// fitting is how many layers, of so many, fit into a submission.
func fitting(perLayer time.Duration, layers int) int {
	return min(max(1, int(submission/perLayer)), layers)
}

// relayered is the layers of a submission, at most as many as most and at least as many as least of the
// model's: as they are while that is not far from right, since what was recorded can be kept.
func relayered(layers, most, least, all int) int {
	switch {
	case 4*layers > 5*most:
		return most
	case 2*layers <= least || least == all:
		return least
	}
	return layers
}
