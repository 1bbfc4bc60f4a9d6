package vk

/*
#include <stdlib.h>
#include "ext.h"
*/
import "C"

import (
	"time"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// deviceTable holds a device's functions.
type deviceTable struct{ c *C.svk_device }

func newDeviceTable(t instanceTable, d vulkan.Device) deviceTable {
	return deviceTable{C.svk_new_device(t.c, unsafe.Pointer(d))}
}

func (t deviceTable) free() { C.free(unsafe.Pointer(t.c)) }

func (t deviceTable) newTimeline(d vulkan.Device) (vulkan.Semaphore, vulkan.Result) {
	var a arena
	defer a.free()
	kind := one[C.VkSemaphoreTypeCreateInfo](&a)
	kind.sType, kind.semaphoreType = C.VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, C.VK_SEMAPHORE_TYPE_TIMELINE
	info := vulkan.SemaphoreCreateInfo{SType: vulkan.StructureTypeSemaphoreCreateInfo, PNext: unsafe.Pointer(kind)}
	defer info.Free()
	var h vulkan.Semaphore
	r := vulkan.CreateSemaphore(d, &info, nil, &h)
	return h, r
}

// point is a value of a timeline; without a semaphore none.
type point struct {
	semaphore vulkan.Semaphore
	value     uint64
}

// submit takes command buffers as integers, in memory that the caller keeps. They begin after the point, if it is one.
func (t deviceTable) submit(q vulkan.Queue, after point, commands []uintptr, s vulkan.Semaphore, value uint64) vulkan.Result {
	return vulkan.Result(C.svk_submit(t.c, unsafe.Pointer(q), C.uint64_t(raw(after.semaphore)), C.uint64_t(after.value), C.uint32_t(len(commands)),
		(*C.uintptr_t)(unsafe.Pointer(unsafe.SliceData(commands))), C.uint64_t(raw(s)), C.uint64_t(value)))
}

func (t deviceTable) wait(s vulkan.Semaphore, value uint64, timeout time.Duration) vulkan.Result {
	return vulkan.Result(C.svk_wait(t.c, C.uint64_t(raw(s)), C.uint64_t(value), C.uint64_t(max(timeout, 0))))
}

func (t deviceTable) semaphoreValue(s vulkan.Semaphore) (uint64, vulkan.Result) {
	c := C.svk_semaphore_value(t.c, C.uint64_t(raw(s)))
	return uint64(c.value), vulkan.Result(c.result)
}

func (t deviceTable) newSetLayout(d vulkan.Device, bindings int) (vulkan.DescriptorSetLayout, vulkan.Result) {
	var a arena
	defer a.free()
	list := slice[C.VkDescriptorSetLayoutBinding](&a, max(bindings, 1))
	for i := range bindings {
		list[i].binding, list[i].descriptorCount = C.uint32_t(i), 1
		list[i].descriptorType = C.uint32_t(vulkan.DescriptorTypeStorageBuffer)
		list[i].stageFlags = C.uint32_t(vulkan.ShaderStageComputeBit)
	}
	ci := one[C.VkDescriptorSetLayoutCreateInfo](&a)
	ci.sType = C.uint32_t(vulkan.StructureTypeDescriptorSetLayoutCreateInfo)
	ci.bindingCount, ci.bindings = C.uint32_t(bindings), &list[0]
	var h vulkan.DescriptorSetLayout
	r := vulkan.CreateDescriptorSetLayout(d, vulkan.NewDescriptorSetLayoutCreateInfoRef(unsafe.Pointer(ci)), nil, &h)
	return h, r
}

func (t deviceTable) newPipelineLayout(d vulkan.Device, set vulkan.DescriptorSetLayout, push int) (vulkan.PipelineLayout, vulkan.Result) {
	var a arena
	defer a.free()
	ci := one[C.VkPipelineLayoutCreateInfo](&a)
	ci.sType = C.uint32_t(vulkan.StructureTypePipelineLayoutCreateInfo)
	ci.setLayoutCount, ci.setLayouts = 1, &copied(&a, []C.uint64_t{C.uint64_t(raw(set))})[0]
	if push > 0 {
		r := one[C.VkPushConstantRange](&a)
		r.stageFlags, r.size = C.uint32_t(vulkan.ShaderStageComputeBit), C.uint32_t(push)
		ci.pushConstantRangeCount, ci.pushConstantRanges = 1, r
	}
	var h vulkan.PipelineLayout
	r := vulkan.CreatePipelineLayout(d, vulkan.NewPipelineLayoutCreateInfoRef(unsafe.Pointer(ci)), nil, &h)
	return h, r
}

func (t deviceTable) newDescriptorPool(d vulkan.Device, sets, descriptors int) (vulkan.DescriptorPool, vulkan.Result) {
	var a arena
	defer a.free()
	size := one[C.VkDescriptorPoolSize](&a)
	size._type, size.descriptorCount = C.uint32_t(vulkan.DescriptorTypeStorageBuffer), C.uint32_t(descriptors)
	ci := one[C.VkDescriptorPoolCreateInfo](&a)
	ci.sType = C.uint32_t(vulkan.StructureTypeDescriptorPoolCreateInfo)
	ci.maxSets, ci.poolSizeCount, ci.poolSizes = C.uint32_t(sets), 1, size
	var h vulkan.DescriptorPool
	r := vulkan.CreateDescriptorPool(d, vulkan.NewDescriptorPoolCreateInfoRef(unsafe.Pointer(ci)), nil, &h)
	return h, r
}

const (
	maxConstants = C.SVK_MAX_CONSTANTS
	maxBindings  = C.SVK_MAX_BINDINGS

	hasSizeControl  = C.SVK_HAS_SIZE_CONTROL
	hasDotProduct   = C.SVK_HAS_DOT
	hasMaintenance4 = C.SVK_HAS_MAINTENANCE4
	hasCoopMatrix   = C.SVK_HAS_COOP
	hasExecutable   = C.SVK_HAS_EXECUTABLE
	hasSMBuiltins   = C.SVK_HAS_SM_BUILTINS
	hasShaderCore   = C.SVK_HAS_SHADER_CORE

	captureStatistics      = C.VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR
	captureRepresentations = C.VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR

	deviceClock = C.VK_TIME_DOMAIN_DEVICE

	// DriverRADV is Driver.ID of Mesa's RADV.
	DriverRADV = C.VK_DRIVER_ID_MESA_RADV
)

// hostClocks can be read by the host, the best first.
var hostClocks = []uint32{
	C.VK_TIME_DOMAIN_CLOCK_MONOTONIC, C.VK_TIME_DOMAIN_CLOCK_MONOTONIC_RAW, C.VK_TIME_DOMAIN_QUERY_PERFORMANCE_COUNTER,
}

// coopMatrixStructures are those of VK_KHR_cooperative_matrix.
var coopMatrixStructures = []uint32{
	C.VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
	C.VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR,
	C.VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR,
}

func (t deviceTable) newPipeline(m vulkan.ShaderModule, l vulkan.PipelineLayout, cache vulkan.PipelineCache, flags uint32, subgroupSize int, fullSubgroups bool, constants []uint32) (vulkan.Pipeline, vulkan.Result) {
	c := C.svk_new_pipeline(t.c, C.uint64_t(raw(m)), C.uint64_t(raw(l)), C.uint64_t(raw(cache)), C.uint32_t(flags),
		C.uint32_t(subgroupSize), on(fullSubgroups), C.uint32_t(len(constants)), (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(constants))))
	return fromRaw[vulkan.Pipeline](uint64(c.value)), vulkan.Result(c.result)
}

// bufferInfo is a VkDescriptorBufferInfo.
type bufferInfo = C.VkDescriptorBufferInfo

func newBufferInfo(b vulkan.Buffer, offset, size int64) bufferInfo {
	return bufferInfo{buffer: C.uint64_t(raw(b)), offset: C.uint64_t(offset), _range: C.uint64_t(size)}
}

func (t deviceTable) writeSet(set vulkan.DescriptorSet, buffers []bufferInfo) {
	C.svk_write_set(t.c, C.uint64_t(raw(set)), C.uint32_t(len(buffers)), unsafe.SliceData(buffers))
}

func (t deviceTable) barrier(cb vulkan.CommandBuffer, e edge) {
	const writes = vulkan.AccessShaderWriteBit | vulkan.AccessTransferWriteBit // what was read only waits its turn
	fromStages, fromAccess := e.from.masks()
	toStages, toAccess := e.to.masks()
	C.svk_barrier(t.c, unsafe.Pointer(cb), C.uint32_t(fromStages), C.uint32_t(toStages), C.uint32_t(fromAccess&writes), C.uint32_t(toAccess))
}

func (t deviceTable) copyBuffer(cb vulkan.CommandBuffer, dst vulkan.Buffer, dstOffset int64, src vulkan.Buffer, srcOffset, size int64) {
	C.svk_copy(t.c, unsafe.Pointer(cb), C.uint64_t(raw(dst)), C.uint64_t(dstOffset), C.uint64_t(raw(src)), C.uint64_t(srcOffset), C.uint64_t(size))
}

func (t deviceTable) name(buf *[]byte, kind vulkan.ObjectType, h uint64, name string) {
	C.svk_name(t.c, C.uint32_t(kind), C.uint64_t(h), cString(buf, name))
}

func (t deviceTable) beginLabel(buf *[]byte, cb vulkan.CommandBuffer, name string) {
	C.svk_begin_label(t.c, unsafe.Pointer(cb), cString(buf, name))
}

func (t deviceTable) endLabel(cb vulkan.CommandBuffer) { C.svk_end_label(t.c, unsafe.Pointer(cb)) }

func (t deviceTable) calibrate(domain uint32) (device, host, deviation uint64, r vulkan.Result) {
	c := C.svk_calibrate(t.c, C.uint32_t(domain))
	return uint64(c.device), uint64(c.host), uint64(c.deviation), vulkan.Result(c.result)
}
