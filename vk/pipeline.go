package vk

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	vulkan "github.com/vulkan-go/vulkan"
)

// PipelineInfo describes a compute pipeline.
type PipelineInfo struct {
	Name     string
	SPIRV    []byte // little-endian words; the entry point is "main"
	Bindings int    // storage buffers at set 0, bindings 0..Bindings-1
	PushSize int    // bytes of push constants, a multiple of 4
	// Constants are the 32-bit specialization constants with ids 0..len-1.
	Constants []uint32
	// SubgroupSize that the shader relies on, in workgroups of whole subgroups: where the device
	// has Subgroup.ComputeFullSubgroups, all lanes are then there. 0 if it works with any.
	SubgroupSize int
	// Statistics makes Executables return registers, spills and the like; it may turn off
	// the cache for this pipeline.
	Statistics bool
	// Representations makes Executables return the forms that the driver's compiler gave the
	// shader, its instructions among them; it turns off the cache for this pipeline.
	Representations bool
}

// Pipeline is a compiled compute shader.
type Pipeline struct {
	d         *Device
	name      string
	bindings  int
	push      int
	handle    vulkan.Pipeline
	layout    vulkan.PipelineLayout
	setLayout vulkan.DescriptorSetLayout
	stats     bool
	forms     bool // Representations
}

// NewPipeline compiles a shader, or finds it in the pipeline cache.
func (d *Device) NewPipeline(info PipelineInfo) (*Pipeline, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if d.in.shader != nil {
		info.SPIRV = d.in.shader(info.Name, info.SPIRV)
	}
	if err := d.checkPipeline(&info); err != nil {
		return nil, fmt.Errorf("vk: pipeline %q: %w", info.Name, err)
	}
	p := &Pipeline{d: d, name: info.Name, bindings: info.Bindings, push: info.PushSize, stats: info.Statistics, forms: info.Representations}
	if err := p.create(&info); err != nil {
		p.destroy()
		return nil, fmt.Errorf("vk: pipeline %q: %w", info.Name, err)
	}
	d.live.add(p, fmt.Sprintf("pipeline %q", p.name))
	return p, nil
}

func (d *Device) checkPipeline(info *PipelineInfo) error {
	const magic, headerBytes = 0x07230203, 20
	l, s := &d.caps.Limits, &d.caps.Subgroup
	size := info.SubgroupSize
	switch {
	case len(info.SPIRV)%4 != 0 || len(info.SPIRV) < headerBytes || binary.LittleEndian.Uint32(info.SPIRV) != magic:
		return fmt.Errorf("%d bytes that are not SPIR-V", len(info.SPIRV))
	case info.Bindings < 0 || info.Bindings > min(maxBindings, l.MaxPerStageDescriptorStorageBuffer):
		return fmt.Errorf("%d bindings; at most %d on this device", info.Bindings, min(maxBindings, l.MaxPerStageDescriptorStorageBuffer))
	case info.PushSize < 0 || info.PushSize%4 != 0 || info.PushSize > l.MaxPushConstantsSize:
		return fmt.Errorf("%d bytes of push constants; a multiple of 4 up to %d on this device", info.PushSize, l.MaxPushConstantsSize)
	case len(info.Constants) > maxConstants:
		return fmt.Errorf("%d specialization constants; at most %d", len(info.Constants), maxConstants)
	case size < 0 || bits.OnesCount(uint(size)) > 1:
		return fmt.Errorf("subgroup size %d is not a power of two", size)
	case size == 0 || size == s.Size && !s.SizeControl:
	case !s.SizeControl:
		return fmt.Errorf("subgroup size %d; this device has only %d", size, s.Size)
	case size < s.MinSize || size > s.MaxSize:
		return fmt.Errorf("subgroup size %d; this device has %d to %d", size, s.MinSize, s.MaxSize)
	}
	if (info.Statistics || info.Representations) && !d.caps.Features.PipelineExecutableProperties {
		return fmt.Errorf("this device has no pipeline statistics")
	}
	return nil
}

func (p *Pipeline) create(info *PipelineInfo) error {
	d := p.d
	d.count.other.Add(1)
	var r vulkan.Result
	if p.setLayout, r = d.fn.newSetLayout(d.handle, p.bindings); r != vulkan.Success {
		return d.check("vkCreateDescriptorSetLayout", r)
	}
	if p.layout, r = d.fn.newPipelineLayout(d.handle, p.setLayout, p.push); r != vulkan.Success {
		return d.check("vkCreatePipelineLayout", r)
	}
	var a arena
	defer a.free()
	code := slice[uint32](&a, len(info.SPIRV)/4)
	for i := range code {
		code[i] = binary.LittleEndian.Uint32(info.SPIRV[4*i:])
	}
	ci := vulkan.ShaderModuleCreateInfo{SType: vulkan.StructureTypeShaderModuleCreateInfo, CodeSize: uint(len(info.SPIRV)), PCode: code}
	defer ci.Free()
	defer d.in.newer.compiling(p.name, info.SPIRV)()
	var module vulkan.ShaderModule
	if r := vulkan.CreateShaderModule(d.handle, &ci, nil, &module); r != vulkan.Success {
		return d.check("vkCreateShaderModule", r)
	}
	defer vulkan.DestroyShaderModule(d.handle, module, nil)
	name(d, vulkan.ObjectTypeShaderModule, module, p.name)
	size := info.SubgroupSize
	if !d.caps.Subgroup.SizeControl {
		size = 0 // it has this size already
	}
	if p.handle, r = d.fn.newPipeline(module, p.layout, d.cache.handle, p.captureFlags(), size, size > 0 && d.caps.Subgroup.ComputeFullSubgroups, info.Constants); r != vulkan.Success {
		return d.check("vkCreateComputePipelines", r)
	}
	name(d, vulkan.ObjectTypeDescriptorSetLayout, p.setLayout, p.name)
	name(d, vulkan.ObjectTypePipelineLayout, p.layout, p.name)
	name(d, vulkan.ObjectTypePipeline, p.handle, p.name)
	return nil
}

// Name as given in PipelineInfo.
func (p *Pipeline) Name() string { return p.name }

// Free destroys the pipeline. No submission may still use it, and no Commands that
// mentions it may be submitted again.
func (p *Pipeline) Free() { p.d.free(p) }

func (p *Pipeline) destroy() {
	d := p.d
	d.count.other.Add(1)
	vulkan.DestroyPipeline(d.handle, p.handle, nil)
	vulkan.DestroyPipelineLayout(d.handle, p.layout, nil)
	vulkan.DestroyDescriptorSetLayout(d.handle, p.setLayout, nil)
	p.handle, p.layout, p.setLayout = vulkan.NullPipeline, vulkan.NullPipelineLayout, vulkan.NullDescriptorSetLayout
}
