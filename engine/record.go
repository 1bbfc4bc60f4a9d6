package engine

import (
	"fmt"
	"slices"

	"sealvk/shaders"
	"sealvk/vk"
)

// recording names what is recorded once: some layers of a decode step or of a prefill chunk.
type recording struct {
	decode   bool
	sampled  bool           // in prefill: the first token of an answer, behind the last layer
	choice   shaders.Choice // of what is sampled
	lone     bool           // in decode: as step says
	logprobs bool           // of what is sampled
	masked   bool           // in decode: sampling is a recording of its own, of no layers
	count    int            // rows
	slot     int            // of those that may be pending at once
	from, to int            // layers
}

// String is what profiles show; of one row, what they group decode steps by.
func (r recording) String() string {
	switch {
	case r.from == r.to:
		return fmt.Sprintf("sampling of %d rows", r.count)
	case !r.decode:
		return fmt.Sprintf("layers %d-%d of %d rows", r.from, r.to-1, r.count)
	case r.count == 1:
		return fmt.Sprintf("decode step, layers %d-%d", r.from, r.to-1)
	}
	return fmt.Sprintf("decode step of %d rows, layers %d-%d", r.count, r.from, r.to-1)
}

// keptChunks is how many whole chunks stay recorded, layer by layer: more than the classes of a chunk
// in both slots, with the ways to sample that are in use.
const keptChunks = 48

// kept returns the recording, made now unless it is there already. Of prefill those that were not
// asked for the longest make room, which are not pending: two are, at most.
func (m *Model) kept(r recording, s step, tail func(c *vk.Commands, s step)) (*vk.Commands, error) {
	c := m.recordings[r]
	if c == nil {
		var err error
		if c, err = m.record(r, s, tail); err != nil {
			return nil, err
		}
		m.recordings[r] = c
	}
	if !r.decode {
		m.chunks = append(slices.DeleteFunc(m.chunks, func(k recording) bool { return k == r }), r)
		layers := 0
		for _, k := range m.chunks {
			layers += k.to - k.from
		}
		for layers > keptChunks*m.cfg.Layers {
			oldest := m.chunks[0]
			layers -= oldest.to - oldest.from
			m.forget(func(k recording) bool { return k == oldest })
		}
	}
	return c, nil
}

// forget frees those of the kept recordings. None may be pending.
func (m *Model) forget(those func(recording) bool) {
	for r, c := range m.recordings {
		if those(r) {
			c.Free()
			delete(m.recordings, r)
		}
	}
	m.chunks = slices.DeleteFunc(m.chunks, those)
}

// record makes a recording.
func (m *Model) record(r recording, s step, tail func(c *vk.Commands, s step)) (*vk.Commands, error) {
	return m.commands(r.String(), func(c *vk.Commands) { m.dispatches(c, r, s, tail) })
}

// dispatches records the layers of r, with the embedding in front of the first and tail, unless
// nil, behind the last.
func (m *Model) dispatches(c *vk.Commands, r recording, s step, tail func(c *vk.Commands, s step)) {
	if r.from == 0 {
		m.embed(c, s)
	}
	layer := m.layer
	if m.tiled && s.prefill {
		layer = m.layerTiled
	}
	for i := r.from; i < r.to; i++ {
		layer(c, s, i)
	}
	if r.to == m.cfg.Layers && tail != nil {
		tail(c, s)
	}
}

// needed is the missing pipelines that prompts and steps ask for: those of prompts and of a lone row, in this
// order, which Load builds, and those of batches, which may come later. A CPU device compiles slowly and gains
// little from batches, whose pipelines it builds when there is one, unless all are asked for; but for the step
// of full rows, which fill the kernels: speculation counts on it.
func (m *Model) needed(full int, all bool) (first, later []*shaders.Pipeline) {
	all = all || m.dev.Caps().Type != vk.CPU
	first = m.kernels.Missing(func(c *vk.Commands) {
		for n := m.plan.chunk; n == m.plan.chunk || all && n > 0; n = m.classBelow(n) { // each may take other kernels
			m.dispatches(c, recording{to: m.cfg.Layers}, m.chunk(0, piece{ids: make([]int32, n)}).step, func(c *vk.Commands, s step) { m.sample(c, s, s.count-1, 1, shaders.ByTiles) })
		}
		m.decodeDispatches(c, 1)
		if !all {
			m.decodeDispatches(c, full)
		}
	})
	if !all {
		return first, nil
	}
	later = m.kernels.Missing(func(c *vk.Commands) {
		for n := 2; n <= m.plan.rows; n++ {
			if m.class(n) == n {
				m.decodeDispatches(c, n)
				m.sample(c, step{}, 0, n, shaders.ByTiles) // behind prompts that end together
			}
		}
	})
	return first, slices.DeleteFunc(later, func(p *shaders.Pipeline) bool { return slices.Contains(first, p) })
}

// decodeDispatches records whole decode steps of a class of n rows, with all ways to sample.
func (m *Model) decodeDispatches(c *vk.Commands, n int) {
	for _, lone := range []bool{false, true} {
		if lone && (n > 1 || !m.lone) {
			break
		}
		m.dispatches(c, recording{decode: true, to: m.cfg.Layers}, m.decodeStep(stepKind{rows: n, lone: lone}), func(c *vk.Commands, s step) {
			for _, choice := range []shaders.Choice{shaders.ByTiles, shaders.ByRank, shaders.ByMass} {
				m.sample(c, s, 0, n, choice)
			}
		})
	}
}

// commands records what do does, traced if the model is.
func (m *Model) commands(name string, do func(*vk.Commands)) (*vk.Commands, error) {
	c, err := m.dev.NewCommands(name)
	if err == nil {
		if err = m.tracer.watch(c, m.kernels); err == nil {
			do(c)
			err = c.End()
		}
		if err != nil {
			c.Free()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("engine: %s: %w", name, err)
	}
	return c, nil
}
