package shaders

import "sealvk/vk"

// Lengths are those of the sequences of a step's rows, each up to and with its own
// position: what attention works through.
type Lengths struct {
	Longest int
	Sum     int // over all rows
}

// Work is the least that a dispatch has to do: every byte that it needs counted once,
// however often the kernel loads it, and the arithmetic of the operation's definition,
// without address arithmetic and dequantization. A multiply-add counts 2, exp or tanh 1.
type Work struct {
	Read, Written int64 // bytes
	FLOPs         int64
}

// Dispatch is a dispatch that was recorded.
type Dispatch struct {
	Label    string // as in debug utils: blk.3.attn_q
	Pipeline *Pipeline
	Shape    []int // the sizes that Kernel.Sizes names
	// At tells grid and work, which depend on the lengths for attention.
	At func(Lengths) ([3]int, Work)
}

// Observe calls f with each dispatch that is recorded from now on; nil: no more.
func (s *Kernels) Observe(f func(Dispatch)) { s.observer = f }

// call is a dispatch to be recorded.
type call struct {
	pipeline *Pipeline
	arguments
	shape []int
	grid  [3]int
	work  Work

	// Where they depend on the lengths of the sequences: the grid, which the device then
	// finds in memory, and the work.
	indirect vk.Range
	gridAt   func(Lengths) [3]int
	workAt   func(Lengths) Work
}

// dispatch records a call, whose pipeline it builds unless it is, and tells the observer of it:
// that alone without Commands.
func (s *Kernels) dispatch(c *vk.Commands, label string, a call) {
	if c != nil {
		if err := a.pipeline.build(); err != nil {
			c.Fail(label, err)
			return
		}
		if p := a.pipeline.built.Load(); a.gridAt != nil {
			c.DispatchIndirect(label, p, a.push, a.bindings, a.indirect)
		} else {
			c.Dispatch(label, p, a.push, a.bindings, a.grid[0], a.grid[1], a.grid[2])
		}
	}
	if s.observer == nil {
		return
	}
	s.observer(Dispatch{label, a.pipeline, a.shape, func(l Lengths) ([3]int, Work) {
		grid, work := a.grid, a.work
		if a.gridAt != nil {
			grid = a.gridAt(l)
		}
		if a.workAt != nil {
			work = a.workAt(l)
		}
		return grid, work
	}})
}
