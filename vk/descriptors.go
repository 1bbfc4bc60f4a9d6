package vk

import (
	vulkan "github.com/vulkan-go/vulkan"
)

// descriptors hands out descriptor sets from a chain of pools, for one Commands.
type descriptors struct {
	pools []pool
	at    int // the pool in use
}

type pool struct {
	handle            vulkan.DescriptorPool
	sets, buffers     int // capacity
	usedSets, usedBuf int
}

// The first pool suits small recordings; each further one is twice as large.
const (
	firstSets = 32
	maxSets   = 1024
	// buffersPerSet is what kernels bind on average, generously.
	buffersPerSet = 8
)

// set allocates a set for p and writes it.
func (s *descriptors) set(d *Device, p *Pipeline, buffers []bufferInfo, label string) (vulkan.DescriptorSet, error) {
	pl, err := s.room(d, p.bindings)
	if err != nil {
		return vulkan.NullDescriptorSet, err
	}
	var a arena
	defer a.free()
	info := vulkan.DescriptorSetAllocateInfo{
		SType: vulkan.StructureTypeDescriptorSetAllocateInfo, DescriptorPool: pl.handle, DescriptorSetCount: 1,
		PSetLayouts: copied(&a, []vulkan.DescriptorSetLayout{p.setLayout}),
	}
	defer info.Free()
	var set vulkan.DescriptorSet
	if r := vulkan.AllocateDescriptorSets(d.handle, &info, &set); r != vulkan.Success {
		return set, d.check("vkAllocateDescriptorSets", r)
	}
	pl.usedSets++
	pl.usedBuf += p.bindings
	if d.in.validation { // Mesa's software driver never frees the names of sets that go with their pool
		name(d, vulkan.ObjectTypeDescriptorSet, set, label)
	}
	d.fn.writeSet(set, buffers)
	return set, nil
}

// room finds or makes a pool with room for one more set.
func (s *descriptors) room(d *Device, bindings int) (*pool, error) {
	for ; s.at < len(s.pools); s.at++ {
		if p := &s.pools[s.at]; p.usedSets < p.sets && p.usedBuf+bindings <= p.buffers {
			return p, nil
		}
	}
	sets := firstSets
	if n := len(s.pools); n > 0 {
		sets = min(2*s.pools[n-1].sets, maxSets)
	}
	p := pool{sets: sets, buffers: sets * buffersPerSet}
	var r vulkan.Result
	if p.handle, r = d.fn.newDescriptorPool(d.handle, p.sets, p.buffers); r != vulkan.Success {
		return nil, d.check("vkCreateDescriptorPool", r)
	}
	name(d, vulkan.ObjectTypeDescriptorPool, p.handle, "dispatch bindings")
	s.pools = append(s.pools, p)
	s.at = len(s.pools) - 1
	return &s.pools[s.at], nil
}

// reset takes every set back.
func (s *descriptors) reset(d *Device) {
	for i := range s.pools {
		vulkan.ResetDescriptorPool(d.handle, s.pools[i].handle, 0)
		s.pools[i].usedSets, s.pools[i].usedBuf = 0, 0
	}
	s.at = 0
}

func (s *descriptors) destroy(d *Device) {
	for _, p := range s.pools {
		vulkan.DestroyDescriptorPool(d.handle, p.handle, nil)
	}
	s.pools = nil
}
