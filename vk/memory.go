package vk

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Sizes of VkDeviceMemory blocks. Drivers limit the number of allocations (4096 by the
// specification), so buffers share blocks, which grow with what is in use.
const (
	minBlock  = 8 << 20
	maxBlock  = 256 << 20
	dedicated = 64 << 20 // a buffer this large gets a block of its own
)

// memory sub-allocates device memory.
type memory struct {
	d *Device

	mu     sync.Mutex
	blocks [32][]*block // by memory type
	bytes  int64        // of all blocks
}

// placement reports whether a buffer may share a block with others.
type placement int

const (
	shared placement = iota
	alone
)

// block is one VkDeviceMemory.
type block struct {
	handle vulkan.DeviceMemory
	typ    int
	size   int64
	mapped unsafe.Pointer // nil if not host visible
	ranges freeList
}

// allocation is a part of a block.
type allocation struct {
	block        *block
	offset, size int64
}

func (m *memory) init(d *Device) { m.d = d }

func (m *memory) allocated() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes
}

// alloc takes memory for a buffer of size bytes; types come from memoryTypes.
func (m *memory) alloc(types []int, size, align int64, p placement) (allocation, error) {
	if len(types) == 0 {
		return allocation{}, errors.New("no memory type fits")
	}
	// Neighbours must not share an atom of non-coherent memory.
	align = max(align, m.d.caps.Limits.NonCoherentAtomSize, m.d.caps.Limits.MinStorageBufferOffsetAlignment, 16)
	size = alignUp(size, align)
	m.mu.Lock()
	defer m.mu.Unlock()
	var first error
	for _, t := range types {
		a, err := m.allocType(t, size, align, p)
		if err == nil {
			return a, nil
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, ErrOutOfMemory) {
			break
		}
	}
	return allocation{}, first
}

func (m *memory) allocType(t int, size, align int64, p placement) (allocation, error) {
	if p == shared && size < dedicated {
		for _, b := range m.blocks[t] {
			if offset, ok := b.ranges.alloc(size, align); ok {
				return allocation{b, offset, size}, nil
			}
		}
	}
	var inUse int64
	for _, b := range m.blocks[t] {
		inUse += b.size
	}
	heap := m.d.caps.Memory.Types[t].Heap
	if size > m.d.caps.Memory.Heaps[heap].Size {
		// Drivers on overcommitting systems would promise even this.
		return allocation{}, m.full(t, size)
	}
	for want := m.blockSize(size, inUse, heap, p); ; want = max(want/2, size) {
		b, r := m.newBlock(t, want)
		if r == vulkan.Success {
			offset, _ := b.ranges.alloc(size, align)
			return allocation{b, offset, size}, nil
		}
		if want == size || r == vulkan.ErrorDeviceLost {
			return allocation{}, m.allocError(t, size, r)
		}
	}
}

// blockSize is that of the next block: as much as is in use already, within bounds, so
// that a small model takes little and a large one few blocks.
func (m *memory) blockSize(size, inUse int64, heap int, p placement) int64 {
	if p == alone || size >= dedicated {
		return size
	}
	limit := min(maxBlock, m.d.caps.Memory.Heaps[heap].Size/8, m.d.caps.Limits.MaxMemoryAllocationSize)
	return max(size, min(max(minBlock, inUse), limit))
}

func (m *memory) newBlock(t int, size int64) (*block, vulkan.Result) {
	d := m.d
	info := vulkan.MemoryAllocateInfo{
		SType: vulkan.StructureTypeMemoryAllocateInfo, AllocationSize: vulkan.DeviceSize(size), MemoryTypeIndex: uint32(t),
	}
	defer info.Free()
	var handle vulkan.DeviceMemory
	if r := vulkan.AllocateMemory(d.handle, &info, nil, &handle); r != vulkan.Success {
		return nil, r
	}
	var mapped unsafe.Pointer
	if mt := d.caps.Memory.Types[t]; mt.HostVisible && mt.HostCoherent {
		if r := vulkan.MapMemory(d.handle, handle, 0, vulkan.DeviceSize(vulkan.WholeSize), 0, &mapped); r != vulkan.Success {
			vulkan.FreeMemory(d.handle, handle, nil)
			return nil, r
		}
		if d.caps.Type == CPU {
			hugePages(mapped, size)
		}
	}
	b := &block{handle: handle, typ: t, size: size, mapped: mapped, ranges: newFreeList(size)}
	name(d, vulkan.ObjectTypeDeviceMemory, b.handle, fmt.Sprintf("block of type %d, %s", t, SizeText(size)))
	m.blocks[t] = append(m.blocks[t], b)
	m.bytes += size
	return b, vulkan.Success
}

// free gives a part back, and the block to the driver once nothing of it is in use.
func (m *memory) free(a allocation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := a.block
	b.ranges.release(a.offset, a.size)
	if !b.ranges.empty() {
		return
	}
	vulkan.FreeMemory(m.d.handle, b.handle, nil) // unmaps too
	m.bytes -= b.size
	i := slices.Index(m.blocks[b.typ], b)
	m.blocks[b.typ] = slices.Delete(m.blocks[b.typ], i, i+1)
}

// destroy frees blocks of buffers that were never freed.
func (m *memory) destroy() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t := range m.blocks {
		for _, b := range m.blocks[t] {
			vulkan.FreeMemory(m.d.handle, b.handle, nil)
		}
		m.blocks[t] = nil
	}
	m.bytes = 0
}

func (m *memory) allocError(t int, size int64, r vulkan.Result) error {
	switch r {
	case vulkan.ErrorOutOfDeviceMemory, vulkan.ErrorOutOfHostMemory, vulkan.ErrorTooManyObjects, vulkan.ErrorMemoryMapFailed:
		return fmt.Errorf("%w (%s)", m.full(t, size), resultName(r))
	}
	return m.d.check("vkAllocateMemory", r)
}

// full is ErrOutOfMemory with what was asked and what the heap has.
func (m *memory) full(t int, size int64) error {
	i := m.d.caps.Memory.Types[t].Heap
	h := m.d.Heaps()[i]
	return fmt.Errorf("%w: asked for %s; heap %d has %s, budget %s, in use %s",
		ErrOutOfMemory, SizeText(size), i, SizeText(h.Size), SizeText(h.Budget), SizeText(max(h.Usage, m.bytes)))
}
