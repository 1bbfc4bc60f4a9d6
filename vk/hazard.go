package vk

import vulkan "github.com/vulkan-go/vulkan"

// Access says what a kernel does with a bound range. The shader must agree: what is bound
// ReadOnly is declared readonly there.
type Access uint8

const (
	ReadOnly  Access = 1
	WriteOnly Access = 2
	ReadWrite Access = 3
)

// Binding is a range and what a kernel does with it.
type Binding struct {
	Range  Range
	Access Access
}

// scope is one side of a memory barrier.
type scope struct {
	stages vulkan.PipelineStageFlagBits
	access vulkan.AccessFlagBits
}

func (s scope) or(o scope) scope { return scope{s.stages | o.stages, s.access | o.access} }

var (
	kernelReads  = scope{vulkan.PipelineStageComputeShaderBit, vulkan.AccessShaderReadBit}
	kernelWrites = scope{vulkan.PipelineStageComputeShaderBit, vulkan.AccessShaderWriteBit}
	copyReads    = scope{vulkan.PipelineStageTransferBit, vulkan.AccessTransferReadBit}
	copyWrites   = scope{vulkan.PipelineStageTransferBit, vulkan.AccessTransferWriteBit}
	grids        = scope{vulkan.PipelineStageDrawIndirectBit, vulkan.AccessIndirectCommandReadBit}
	hostReads    = scope{vulkan.PipelineStageHostBit, vulkan.AccessHostReadBit}
	hostWrites   = scope{vulkan.PipelineStageHostBit, vulkan.AccessHostWriteBit}

	// deviceAll is everything that may follow a barrier within Commands. The barriers
	// have it whole: the tracker forgets what came before, for later commands as well.
	deviceAll = kernelReads.or(kernelWrites).or(copyReads).or(copyWrites).or(grids)
)

// hazards remembers the ranges that commands touched since the last barrier.
type hazards struct {
	touched map[*Buffer][]touch
	scope   scope // of those commands, for the barrier's first side
}

type touch struct {
	span
	write bool
}

// use is one range that the next command touches.
type use struct {
	r     Range
	write bool
}

// conflict reports whether a command with these uses must wait for one since the last
// barrier: the same bytes, and one of the two writes.
func (h *hazards) conflict(uses []use) bool {
	for _, u := range uses {
		s := spanOf(u.r)
		for _, t := range h.touched[u.r.Buffer] {
			if (u.write || t.write) && t.start < s.end && s.start < t.end {
				return true
			}
		}
	}
	return false
}

func (h *hazards) add(uses []use, s scope) {
	if h.touched == nil {
		h.touched = map[*Buffer][]touch{}
	}
	for _, u := range uses {
		h.touched[u.r.Buffer] = append(h.touched[u.r.Buffer], touch{spanOf(u.r), u.write})
	}
	h.scope = h.scope.or(s)
}

func (h *hazards) reset() {
	clear(h.touched)
	h.scope = scope{}
}

func spanOf(r Range) span { return span{r.Offset, r.Offset + storage(r.Size)} }
