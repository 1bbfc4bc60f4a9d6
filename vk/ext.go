package vk

// This file, extdevice.go and extexecutables.go are the only cgo files. They wrap ext.c
// and extdevice.c: what came to Vulkan after the binding's headers, and the calls of 1.0
// that the binding makes unsafe:
//
// The binding copies Go slices of structures to C memory that only a finalizer frees,
// and that finalizer may run while the driver still reads the memory. So no slice of
// structures goes through it: submission, barriers, copies, descriptor writes, pipeline
// creation and the enumerations are here, and create-infos that hold arrays are built in
// an arena of C memory and handed to the binding by its New…Ref functions. Plain
// structures go through the binding and must be freed (their memory is kept until Free).
// Handles are received in local variables: cgo refuses the address of a field of a Go
// structure that holds other Go pointers.

/*
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "ext.h"
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// handle is a Vulkan handle's 64 bits.
type handle interface {
	vulkan.Semaphore | vulkan.Buffer | vulkan.DeviceMemory | vulkan.Pipeline | vulkan.PipelineLayout |
		vulkan.PipelineCache | vulkan.DescriptorSetLayout | vulkan.DescriptorPool | vulkan.DescriptorSet |
		vulkan.CommandPool | vulkan.QueryPool | vulkan.ShaderModule | vulkan.CommandBuffer | vulkan.Queue | vulkan.Device
}

func raw[H handle](h H) uint64 { return *(*uint64)(unsafe.Pointer(&h)) }

func fromRaw[H handle](v uint64) H { return *(*H)(unsafe.Pointer(&v)) }

// arena is C memory for the duration of a call: structures in it may point at each other.
type arena struct{ blocks []unsafe.Pointer }

func (a *arena) bytes(n int) unsafe.Pointer {
	p := C.calloc(1, C.size_t(max(n, 1)))
	a.blocks = append(a.blocks, p)
	return p
}

func (a *arena) free() {
	for _, p := range a.blocks {
		C.free(p)
	}
	a.blocks = nil
}

func (a *arena) text(s string) *C.char {
	p := C.CString(s)
	a.blocks = append(a.blocks, unsafe.Pointer(p))
	return p
}

func (a *arena) texts(list []string) **C.char {
	if len(list) == 0 {
		return nil
	}
	p := slice[*C.char](a, len(list))
	for i, s := range list {
		p[i] = a.text(s)
	}
	return &p[0]
}

func one[T any](a *arena) *T { return (*T)(a.bytes(int(unsafe.Sizeof(*new(T))))) }

func slice[T any](a *arena, n int) []T {
	return unsafe.Slice((*T)(a.bytes(n*int(unsafe.Sizeof(*new(T))))), n)
}

// copied returns v's elements in C memory.
func copied[T any](a *arena, v []T) []T {
	s := slice[T](a, len(v))
	copy(s, v)
	return s
}

// bytesAt is the n bytes at p.
func bytesAt(p unsafe.Pointer, n int) []byte { return unsafe.Slice((*byte)(p), n) }

// cString appends the NUL that C wants to buf[:0] and returns its address; buf is kept by
// the caller, so that recording does not allocate for each label.
func cString(buf *[]byte, s string) *C.char {
	*buf = append(append((*buf)[:0], s...), 0)
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(*buf)))
}

// heapInUse is the C memory in use, 0 where unknown: tests watch it for leaks.
func heapInUse() int64 { return int64(C.svk_heap()) }

func openLoader(name string) unsafe.Pointer {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.svk_open_loader(c)
}

func instanceVersion(gipa unsafe.Pointer) vulkan.Version {
	return vulkan.Version(C.svk_instance_version(gipa))
}

const maxNames = 1024 // more extensions or layers than any driver has

func nameSet(list func(out *[256]C.char) C.int64_t) (map[string]bool, error) {
	var a arena
	defer a.free()
	names := slice[[256]C.char](&a, maxNames)
	n := list(&names[0])
	if n < 0 {
		return nil, resultError("enumerate extensions", vulkan.Result(n))
	}
	set := make(map[string]bool, n)
	for i := range names[:n] {
		set[C.GoString(&names[i][0])] = true
	}
	return set, nil
}

// instanceExtensions lists those of the loader and drivers, or of a layer if it is named.
func instanceExtensions(gipa unsafe.Pointer, layer string) (map[string]bool, error) {
	var a arena
	defer a.free()
	var name *C.char
	if layer != "" {
		name = a.text(layer)
	}
	return nameSet(func(out *[256]C.char) C.int64_t {
		return C.svk_instance_extensions(gipa, name, out, maxNames)
	})
}

// instanceLayers lists the layers with the version of Vulkan that each is of.
func instanceLayers(gipa unsafe.Pointer) (map[string]vulkan.Version, error) {
	var a arena
	defer a.free()
	names, versions := slice[[256]C.char](&a, maxNames), slice[C.uint32_t](&a, maxNames)
	n := C.svk_instance_layers(gipa, &names[0], &versions[0], maxNames)
	if n < 0 {
		return nil, resultError("vkEnumerateInstanceLayerProperties", vulkan.Result(n))
	}
	layers := make(map[string]vulkan.Version, n)
	for i := range names[:n] {
		layers[C.GoString(&names[i][0])] = vulkan.Version(versions[i])
	}
	return layers, nil
}

// instanceInfo is what createInstance asks for.
type instanceInfo struct {
	version    uint32
	flags      uint32
	layers     []string
	extensions []string
	syncChecks bool       // VK_EXT_validation_features: synchronization validation
	messages   cgo.Handle // 0, or the messenger's receiver
}

func createInstance(info instanceInfo) (vulkan.Instance, vulkan.Result) {
	var a arena
	defer a.free()
	app := one[C.VkApplicationInfo](&a)
	app.engineName, app.engineVersion = a.text("sealvk"), 1
	app.applicationName = app.engineName
	app.apiVersion = C.uint32_t(info.version)
	ci := one[C.VkInstanceCreateInfo](&a)
	ci.sType = C.uint32_t(vulkan.StructureTypeInstanceCreateInfo)
	ci.flags = C.uint32_t(info.flags)
	ci.applicationInfo = app
	ci.layerCount, ci.layers = C.uint32_t(len(info.layers)), a.texts(info.layers)
	ci.extensionCount, ci.extensions = C.uint32_t(len(info.extensions)), a.texts(info.extensions)
	if info.messages != 0 { // messages about the instance itself
		m := one[C.VkDebugUtilsMessengerCreateInfoEXT](&a)
		C.svk_fill_messenger(m, C.uintptr_t(info.messages))
		m.pNext = ci.pNext
		ci.pNext = unsafe.Pointer(m)
	}
	if info.syncChecks {
		v := one[C.VkValidationFeaturesEXT](&a)
		v.sType = C.VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT
		v.enabledCount = 1
		v.enabled = &copied(&a, []C.uint32_t{C.VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT})[0]
		v.pNext = ci.pNext
		ci.pNext = unsafe.Pointer(v)
	}
	var in vulkan.Instance
	r := vulkan.CreateInstance(vulkan.NewInstanceCreateInfoRef(unsafe.Pointer(ci)), nil, &in)
	return in, r
}

// instanceTable holds an instance's functions.
type instanceTable struct{ c *C.svk_instance }

func newInstanceTable(gipa unsafe.Pointer, in vulkan.Instance) instanceTable {
	return instanceTable{C.svk_new_instance(gipa, unsafe.Pointer(in))}
}

func (t instanceTable) free() { C.free(unsafe.Pointer(t.c)) }

func (t instanceTable) deviceExtensions(pd vulkan.PhysicalDevice) (map[string]bool, error) {
	return nameSet(func(out *[256]C.char) C.int64_t {
		return C.svk_device_extensions(t.c, unsafe.Pointer(pd), out, maxNames)
	})
}

// What came to VkQueueFlagBits after the binding's headers.
const videoDecode, videoEncode vulkan.QueueFlagBits = 0x20, 0x40

func (t instanceTable) queueFamilies(pd vulkan.PhysicalDevice) []QueueFamily {
	var a arena
	defer a.free()
	p := slice[C.VkQueueFamilyProperties](&a, 32)
	n := C.svk_queue_families(t.c, unsafe.Pointer(pd), &p[0], 32)
	families := make([]QueueFamily, n)
	for i := range families {
		flags := vulkan.QueueFlagBits(p[i].queueFlags)
		families[i] = QueueFamily{
			Queues:             int(p[i].queueCount),
			TimestampValidBits: int(p[i].timestampValidBits),
			Graphics:           flags&vulkan.QueueGraphicsBit != 0,
			Compute:            flags&vulkan.QueueComputeBit != 0,
			Transfer:           flags&vulkan.QueueTransferBit != 0,
			Video:              flags&(videoDecode|videoEncode) != 0,
		}
	}
	return families
}

// budgets reads each heap's budget and usage.
func (t instanceTable) budgets(pd vulkan.PhysicalDevice, heaps []Heap) {
	var budget, usage [16]C.uint64_t
	C.svk_budget(t.c, unsafe.Pointer(pd), &budget[0], &usage[0])
	for i := range heaps {
		heaps[i].Budget, heaps[i].Usage = clampInt64(uint64(budget[i])), clampInt64(uint64(usage[i]))
	}
}

// timeDomains has bit i set if VkTimeDomainEXT i can be calibrated with the device's.
func (t instanceTable) timeDomains(pd vulkan.PhysicalDevice) uint32 {
	return uint32(C.svk_time_domains(t.c, unsafe.Pointer(pd)))
}

func (t instanceTable) newMessenger(h cgo.Handle) (uint64, vulkan.Result) {
	var m C.uint64_t
	r := C.svk_new_messenger(t.c, C.uintptr_t(h), &m)
	return uint64(m), vulkan.Result(r)
}

func (t instanceTable) freeMessenger(m uint64) { C.svk_free_messenger(t.c, C.uint64_t(m)) }

//export svkMessage
func svkMessage(h C.uintptr_t, severity, types C.uint32_t, id, text *C.char) {
	receiver := cgo.Handle(h).Value().(*messenger)
	receiver.receive(uint32(severity), C.GoString(id), C.GoString(text))
}

// query fills c from properties2 and features2. has is a mask of SVK_HAS_….
func (t instanceTable) query(pd vulkan.PhysicalDevice, has uint32, c *Caps) {
	var a arena
	defer a.free()
	p, f := one[C.svk_properties](&a), one[C.svk_features](&a)
	C.svk_query(t.c, unsafe.Pointer(pd), C.uint32_t(has), p, f)
	c.DeviceUUID, c.DriverUUID = goUUID(p.id.deviceUUID), goUUID(p.id.driverUUID)
	c.Driver.ID = int(p.driver.driverID)
	c.Driver.Name, c.Driver.Info = C.GoString(&p.driver.driverName[0]), C.GoString(&p.driver.driverInfo[0])
	c.Limits.MaxMemoryAllocationSize = clampInt64(uint64(p.maintenance3.maxMemoryAllocationSize))
	c.Limits.MaxBufferSize = c.Limits.MaxMemoryAllocationSize
	if has&C.SVK_HAS_MAINTENANCE4 != 0 {
		c.Limits.MaxBufferSize = clampInt64(uint64(p.maintenance4.maxBufferSize))
	}
	c.Subgroup = Subgroup{
		Size: int(p.subgroup.subgroupSize), MinSize: int(p.subgroup.subgroupSize), MaxSize: int(p.subgroup.subgroupSize),
		Operations: flagNames(uint32(p.subgroup.supportedOperations), subgroupOperations),
		Compute:    p.subgroup.supportedStages&C.VK_SHADER_STAGE_COMPUTE_BIT != 0,
	}
	if has&C.SVK_HAS_SIZE_CONTROL != 0 && f.size_control.on[0] != 0 {
		c.Subgroup.MinSize, c.Subgroup.MaxSize = int(p.size_control.minSubgroupSize), int(p.size_control.maxSubgroupSize)
		c.Subgroup.SizeControl = p.size_control.requiredSubgroupSizeStages&C.VK_SHADER_STAGE_COMPUTE_BIT != 0
		c.Subgroup.ComputeFullSubgroups = f.size_control.on[1] != 0
		c.Subgroup.MaxPerWorkGroup = int(p.size_control.maxComputeWorkgroupSubgroups)
	}
	c.Features = Features{
		ShaderFloat16: f.float16_int8.on[0] != 0, ShaderInt8: f.float16_int8.on[1] != 0,
		ShaderFloat64: f.base.core[C.SVK_SHADER_FLOAT64] != 0,
		ShaderInt64:   f.base.core[C.SVK_SHADER_INT64] != 0, ShaderInt16: f.base.core[C.SVK_SHADER_INT16] != 0,
		StorageBuffer16BitAccess: f.storage16.on[0] != 0, StorageBuffer8BitAccess: f.storage8.on[0] != 0,
		TimelineSemaphore: f.timeline.on[0] != 0, ScalarBlockLayout: f.scalar_layout.on[0] != 0,
		// Only with its device scope, without which atomics of that scope are invalid.
		VulkanMemoryModel:           f.memory_model.on[0] != 0 && f.memory_model.on[1] != 0,
		ShaderSubgroupExtendedTypes: f.subgroup_types.on[0] != 0, Maintenance4: f.maintenance4.on[0] != 0,
		IntegerDotProduct: f.dot.on[0] != 0, CooperativeMatrix: f.coop.on[0] != 0 && p.coop.supportedStages&C.VK_SHADER_STAGE_COMPUTE_BIT != 0,
		PipelineExecutableProperties: f.executable.on[0] != 0,
	}
	if c.Features.IntegerDotProduct {
		c.DotProduct = DotProduct{
			Accelerated8BitUnsigned: p.dot.accelerated[0] != 0, Accelerated8BitSigned: p.dot.accelerated[1] != 0,
			Accelerated8BitMixed:          p.dot.accelerated[2] != 0,
			Accelerated4x8PackedUnsigned:  p.dot.accelerated[3] != 0,
			Accelerated4x8PackedSigned:    p.dot.accelerated[4] != 0,
			Accelerated4x8PackedMixed:     p.dot.accelerated[5] != 0,
			Accelerated4x8PackedSignedSat: p.dot.accelerated[15+4] != 0,
		}
	}
	c.ShaderCores = int(p.sm_builtins.shaderSMCount)
	if core := &p.shader_core; c.ShaderCores == 0 {
		c.ShaderCores = int(core.shaderEngineCount * core.shaderArraysPerEngineCount * core.computeUnitsPerShaderArray)
	}
	if c.Features.CooperativeMatrix {
		component := func(t C.uint32_t) string { return nameOr(componentNames, uint32(t), "type") }
		shapes := slice[C.VkCooperativeMatrixPropertiesKHR](&a, 256)
		for _, s := range shapes[:C.svk_coop_matrices(t.c, unsafe.Pointer(pd), &shapes[0], 256)] {
			c.CooperativeMatrices = append(c.CooperativeMatrices, CooperativeMatrix{
				M: int(s.MSize), N: int(s.NSize), K: int(s.KSize),
				A: component(s.AType), B: component(s.BType), C: component(s.CType), Result: component(s.ResultType),
				Saturating: s.saturatingAccumulation != 0, Scope: nameOr(scopeNames, uint32(s.scope), "scope"),
			})
		}
	}
}

func goUUID(u [16]C.uint8_t) UUID { return *(*UUID)(unsafe.Pointer(&u)) }

// on is a bool as C has it.
func on(b bool) C.uint32_t {
	if b {
		return 1
	}
	return 0
}

// createDevice enables the features that kernels or this package use, where caps says that the
// device has them, and a queue of each family. Validation layers object to a shader that needs another one.
func createDevice(pd vulkan.PhysicalDevice, families []int, extensions []string, has uint32, c *Caps) (vulkan.Device, vulkan.Result) {
	var a arena
	defer a.free()
	f := one[C.svk_features](&a)
	C.svk_link_features(f, C.uint32_t(has))
	x := &c.Features
	f.storage16.on[0] = on(x.StorageBuffer16BitAccess)
	f.float16_int8.on[0] = on(x.ShaderFloat16)
	f.timeline.on[0] = on(x.TimelineSemaphore)
	f.memory_model.on[0], f.memory_model.on[1] = on(x.VulkanMemoryModel), on(x.VulkanMemoryModel)
	f.size_control.on[0], f.size_control.on[1] = on(c.Subgroup.SizeControl), on(c.Subgroup.ComputeFullSubgroups)
	f.dot.on[0] = on(x.IntegerDotProduct)
	f.coop.on[0] = on(x.CooperativeMatrix)
	f.executable.on[0] = on(x.PipelineExecutableProperties)
	queues := slice[C.VkDeviceQueueCreateInfo](&a, len(families))
	for i, family := range families {
		q := &queues[i]
		q.sType = C.uint32_t(vulkan.StructureTypeDeviceQueueCreateInfo)
		q.queueFamilyIndex, q.queueCount = C.uint32_t(family), 1
		q.priorities = &copied(&a, []C.float{1})[0]
	}
	ci := one[C.VkDeviceCreateInfo](&a)
	ci.sType = C.uint32_t(vulkan.StructureTypeDeviceCreateInfo)
	ci.pNext = unsafe.Pointer(&f.base)
	ci.queueCount, ci.queues = C.uint32_t(len(families)), &queues[0]
	ci.extensionCount, ci.extensions = C.uint32_t(len(extensions)), a.texts(extensions)
	var d vulkan.Device
	r := vulkan.CreateDevice(pd, vulkan.NewDeviceCreateInfoRef(unsafe.Pointer(ci)), nil, &d)
	return d, r
}
