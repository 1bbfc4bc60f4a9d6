package engine

import (
	"fmt"

	"sealvk/shaders"
	"sealvk/vk"
)

// recordLayers records the layers [from, to), with the embedding in front of the
// first and tail, unless nil, behind the last.
func (m *Model) recordLayers(name string, s step, from, to int, tail func(*vk.Commands)) (*vk.Commands, error) {
	c, err := m.newCommands(name)
	if err != nil {
		return nil, err
	}
	if from == 0 {
		m.embed(c, s)
	}
	layer := m.layer
	if m.kernels.Tiled(s.count) {
		layer = m.layerTiled
	}
	for i := from; i < to; i++ {
		layer(c, s, i)
	}
	if to == m.cfg.Layers && tail != nil {
		tail(c)
	}
	if err := c.End(); err != nil {
		c.Free()
		return nil, fmt.Errorf("engine: %s: %w", name, err)
	}
	return c, nil
}

// once records, submits and waits for a few dispatches.
func (m *Model) once(name string, record func(*vk.Commands)) error {
	c, err := m.newCommands(name)
	if err != nil {
		return err
	}
	defer c.Free()
	record(c)
	if err := c.End(); err != nil {
		return fmt.Errorf("engine: %s: %w", name, err)
	}
	t, err := m.submitCommands(c, shaders.Lengths{})
	if err != nil {
		return err
	}
	return m.wait(t)
}
