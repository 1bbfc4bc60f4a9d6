package vk

import (
	"fmt"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Buffer is device memory for kernels, copies and indirect dispatches.
type Buffer struct {
	d      *Device
	name   string
	size   int64
	handle vulkan.Buffer
	mem    allocation
}

// Range is the Size bytes of Buffer from Offset on. Bound to a kernel, Offset must be a
// multiple of Limits.MinStorageBufferOffsetAlignment and Size at most
// Limits.MaxStorageBufferRange; the kernel sees Size rounded up to 4.
type Range struct {
	Buffer       *Buffer
	Offset, Size int64
}

// storage is how much room a buffer or range of n bytes gets: kernels read whole words.
func storage(n int64) int64 { return alignUp(n, 4) }

// NewBuffer makes a buffer of size bytes; its contents are undefined. The error is
// ErrOutOfMemory where memory is short.
func (d *Device) NewBuffer(name string, size int64, m Memory) (*Buffer, error) {
	b, err := d.newBuffer(name, size, m, shared)
	if err != nil {
		return nil, err
	}
	d.live.add(b, fmt.Sprintf("buffer %q", name))
	return b, nil
}

// newBuffer leaves registering to its caller.
func (d *Device) newBuffer(label string, size int64, m Memory, p placement) (*Buffer, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	limit := min(d.caps.Limits.MaxBufferSize, d.caps.Limits.MaxMemoryAllocationSize)
	switch {
	case size <= 0:
		return nil, fmt.Errorf("vk: buffer %q: size %d is not positive", label, size)
	case size > limit:
		return nil, fmt.Errorf("vk: buffer %q: %s exceed %s, the most that %s allocates at once", label, SizeText(size), SizeText(limit), d.caps.Name)
	}
	info := vulkan.BufferCreateInfo{
		SType: vulkan.StructureTypeBufferCreateInfo, Size: vulkan.DeviceSize(storage(size)), SharingMode: vulkan.SharingModeExclusive,
		Usage: vulkan.BufferUsageFlags(vulkan.BufferUsageStorageBufferBit | vulkan.BufferUsageTransferSrcBit |
			vulkan.BufferUsageTransferDstBit | vulkan.BufferUsageIndirectBufferBit),
	}
	var a arena
	defer a.free()
	if families := d.families(); len(families) > 1 { // which of them has the buffer is then nobody's concern
		info.SharingMode, info.QueueFamilyIndexCount = vulkan.SharingModeConcurrent, uint32(len(families))
		info.PQueueFamilyIndices = slice[uint32](&a, len(families))
		for i, f := range families {
			info.PQueueFamilyIndices[i] = uint32(f)
		}
	}
	defer info.Free()
	var handle vulkan.Buffer
	d.count.other.Add(1)
	if r := vulkan.CreateBuffer(d.handle, &info, nil, &handle); r != vulkan.Success {
		return nil, fmt.Errorf("vk: buffer %q of %s: %w", label, SizeText(size), d.check("vkCreateBuffer", r))
	}
	b := &Buffer{d: d, name: label, size: size, handle: handle}
	if err := b.bind(m, p); err != nil {
		vulkan.DestroyBuffer(d.handle, b.handle, nil)
		return nil, fmt.Errorf("vk: %s buffer %q of %s: %w", m, label, SizeText(size), err)
	}
	name(d, vulkan.ObjectTypeBuffer, b.handle, label)
	return b, nil
}

func (b *Buffer) bind(m Memory, p placement) error {
	d := b.d
	var req vulkan.MemoryRequirements
	defer req.Free()
	vulkan.GetBufferMemoryRequirements(d.handle, b.handle, &req)
	req.Deref()
	types := memoryTypes(&d.caps.Memory, d.caps.Type, m, req.MemoryTypeBits)
	a, err := d.mem.alloc(types, int64(req.Size), int64(req.Alignment), p)
	if err != nil {
		return err
	}
	if r := vulkan.BindBufferMemory(d.handle, b.handle, a.block.handle, vulkan.DeviceSize(a.offset)); r != vulkan.Success {
		d.mem.free(a)
		return d.check("vkBindBufferMemory", r)
	}
	b.mem = a
	return nil
}

// Size in bytes, as asked for.
func (b *Buffer) Size() int64 { return b.size }

// Name as given to NewBuffer.
func (b *Buffer) Name() string { return b.name }

// Bytes is the buffer's memory, or nil if the host cannot see it. It is coherent: the
// device sees what was written before Submit, and the host what the device wrote once
// Wait or Done said so. It must not be used after Free.
func (b *Buffer) Bytes() []byte {
	if b.mem.block == nil || b.mem.block.mapped == nil {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(b.mem.block.mapped, b.mem.offset)), b.size)
}

// Free gives the memory back. No submission may still use the buffer, and no Commands
// that mentions it may be submitted again.
func (b *Buffer) Free() { b.d.free(b) }

func (b *Buffer) destroy() {
	b.d.count.other.Add(1)
	vulkan.DestroyBuffer(b.d.handle, b.handle, nil)
	b.d.mem.free(b.mem)
	b.handle, b.mem = vulkan.NullBuffer, allocation{}
}

// All is the whole buffer.
func (b *Buffer) All() Range { return Range{b, 0, b.size} }

// Range is n bytes from off on.
func (b *Buffer) Range(off, n int64) Range { return Range{b, off, n} }

// Part is n bytes of the range from off on.
func (r Range) Part(off, n int64) Range { return Range{r.Buffer, r.Offset + off, n} }

// bytes is the range's memory, or nil if the host cannot see it.
func (r Range) bytes() []byte {
	if p := r.Buffer.Bytes(); p != nil {
		return p[r.Offset : r.Offset+r.Size]
	}
	return nil
}

// check reports a range that is not within a live buffer of d.
func (r Range) check(d *Device) error {
	switch {
	case r.Buffer == nil:
		return fmt.Errorf("range of a nil buffer")
	case r.Buffer.d != d:
		return fmt.Errorf("buffer %q belongs to another device", r.Buffer.name)
	case r.Buffer.handle == vulkan.NullBuffer:
		return fmt.Errorf("buffer %q is freed", r.Buffer.name)
	case r.Offset < 0 || r.Size <= 0 || r.Offset > r.Buffer.size || r.Size > r.Buffer.size-r.Offset:
		return fmt.Errorf("buffer %q: %d bytes at %d are not within its %d bytes", r.Buffer.name, r.Size, r.Offset, r.Buffer.size)
	}
	return nil
}
