package vk

import (
	"fmt"
	"math"
	"slices"

	vulkan "github.com/vulkan-go/vulkan"
)

// PhysicalDevice is a device as the loader lists it, not yet opened.
type PhysicalDevice struct {
	Index int // in Instance.Devices
	Caps  Caps

	handle     vulkan.PhysicalDevice
	has        uint32   // SVK_HAS_… mask for the chains
	extensions []string // to enable
	hostClock  uint32   // VkTimeDomainEXT to calibrate with, if CalibratedTimestamps
}

// read gathers everything about a device, including what is wrong with it.
func (in *Instance) read(index int, h vulkan.PhysicalDevice) (*PhysicalDevice, error) {
	pd := &PhysicalDevice{Index: index, handle: h}
	c := &pd.Caps
	var p vulkan.PhysicalDeviceProperties
	vulkan.GetPhysicalDeviceProperties(h, &p)
	p.Deref()
	p.Limits.Deref()
	defer p.Free()
	c.Name = vulkan.ToString(p.DeviceName[:])
	c.Type = Other
	if t := uint32(p.DeviceType); t < uint32(len(deviceTypes)) {
		c.Type = deviceTypes[t]
	}
	c.VendorID, c.DeviceID = p.VendorID, p.DeviceID
	c.APIVersion = vulkan.Version(p.ApiVersion).String()
	c.Driver.Version = p.DriverVersion
	c.PipelineCacheUUID = UUID(p.PipelineCacheUUID)
	c.Limits = readLimits(&p.Limits)
	pd.readMemory()
	c.QueueFamilies = in.fn.queueFamilies(h)
	c.QueueFamily = computeFamily(c.QueueFamilies)
	c.TransferFamily = transferFamily(c.QueueFamilies)
	if c.QueueFamily < 0 {
		c.Unsupported = "it has no compute queue"
	}
	version := min(vulkan.Version(p.ApiVersion), in.version)
	if vulkan.Version(p.ApiVersion) < minimumVersion {
		c.Unsupported = fmt.Sprintf("it supports only Vulkan %s; 1.2 is needed (for timeline semaphores): update its driver", c.APIVersion)
		return pd, nil // the chains below need 1.2
	}
	have, err := in.fn.deviceExtensions(h)
	if err != nil {
		return nil, err
	}
	pd.chooseExtensions(have, version)
	in.fn.query(h, pd.has, c)
	c.Features.MemoryBudget = slices.Contains(pd.extensions, memoryBudget)
	pd.readCalibration(in)
	if !c.Features.TimelineSemaphore {
		c.Unsupported = "it lacks timeline semaphores, which Vulkan 1.2 requires: update its driver"
	}
	in.refreshBudgets(pd)
	return pd, nil
}

const (
	memoryBudget         = "VK_EXT_memory_budget"
	portabilitySubset    = "VK_KHR_portability_subset"
	calibratedTimestamps = "VK_EXT_calibrated_timestamps"
	calibratedKHR        = "VK_KHR_calibrated_timestamps"
	cooperativeMatrix    = "VK_KHR_cooperative_matrix"
)

// chooseExtensions picks those to enable and sets the mask of structures that the
// device knows, by extension or because a later Vulkan version took them in.
func (pd *PhysicalDevice) chooseExtensions(have map[string]bool, version vulkan.Version) {
	v13 := vulkan.Version(vulkan.MakeVersion(1, 3, 0))
	for _, e := range []struct {
		name string
		bit  uint32
		core bool
	}{
		{"VK_EXT_subgroup_size_control", hasSizeControl, version >= v13},
		{"VK_KHR_shader_integer_dot_product", hasDotProduct, version >= v13},
		{"VK_KHR_maintenance4", hasMaintenance4, version >= v13},
		{cooperativeMatrix, hasCoopMatrix, false},
		{"VK_KHR_pipeline_executable_properties", hasExecutable, false},
		{memoryBudget, 0, false},
		{portabilitySubset, 0, false}, // must be enabled where it exists
		{calibratedKHR, 0, false},
		{calibratedTimestamps, 0, have[calibratedKHR]},
	} {
		if e.core {
			pd.has |= e.bit
		} else if have[e.name] {
			pd.has |= e.bit
			pd.extensions = append(pd.extensions, e.name)
		}
	}
	for name, bit := range map[string]uint32{"VK_NV_shader_sm_builtins": hasSMBuiltins, "VK_AMD_shader_core_properties": hasShaderCore} {
		if have[name] { // only asked, not enabled
			pd.has |= bit
		}
	}
}

// readCalibration finds the host clock that timestamps can be compared with.
func (pd *PhysicalDevice) readCalibration(in *Instance) {
	if !slices.Contains(pd.extensions, calibratedKHR) && !slices.Contains(pd.extensions, calibratedTimestamps) {
		return
	}
	domains := in.fn.timeDomains(pd.handle)
	for _, clock := range hostClocks {
		if domains>>deviceClock&1 != 0 && domains>>clock&1 != 0 {
			pd.hostClock = clock
			pd.Caps.Features.CalibratedTimestamps = true
			return
		}
	}
}

// deviceTypes are in the order of VkPhysicalDeviceType.
var deviceTypes = [...]DeviceType{Other, Integrated, Discrete, Virtual, CPU}

func readLimits(l *vulkan.PhysicalDeviceLimits) Limits {
	three := func(v [3]uint32) [3]int { return [3]int{int(v[0]), int(v[1]), int(v[2])} }
	return Limits{
		MaxStorageBufferRange:              int64(l.MaxStorageBufferRange),
		MaxMemoryAllocationCount:           int(l.MaxMemoryAllocationCount),
		MaxPushConstantsSize:               int(l.MaxPushConstantsSize),
		MaxPerStageDescriptorStorageBuffer: int(min(l.MaxPerStageDescriptorStorageBuffers, l.MaxDescriptorSetStorageBuffers)),
		MaxComputeSharedMemorySize:         int(l.MaxComputeSharedMemorySize),
		MaxComputeWorkGroupCount:           three(l.MaxComputeWorkGroupCount),
		MaxComputeWorkGroupInvocations:     int(l.MaxComputeWorkGroupInvocations),
		MaxComputeWorkGroupSize:            three(l.MaxComputeWorkGroupSize),
		MinStorageBufferOffsetAlignment:    int64(l.MinStorageBufferOffsetAlignment),
		NonCoherentAtomSize:                int64(l.NonCoherentAtomSize),
		TimestampPeriod:                    finite(float64(l.TimestampPeriod)),
	}
}

// finite is v, or 0: the tick of a device that does not run is infinite.
func finite(v float64) float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	return v
}

func (pd *PhysicalDevice) readMemory() {
	var m vulkan.PhysicalDeviceMemoryProperties
	vulkan.GetPhysicalDeviceMemoryProperties(pd.handle, &m)
	m.Deref()
	defer m.Free()
	c := &pd.Caps.Memory
	for i := range m.MemoryHeaps[:m.MemoryHeapCount] {
		h := &m.MemoryHeaps[i]
		h.Deref()
		size := clampInt64(uint64(h.Size))
		c.Heaps = append(c.Heaps, Heap{Size: size, Budget: size,
			DeviceLocal: vulkan.MemoryHeapFlagBits(h.Flags)&vulkan.MemoryHeapDeviceLocalBit != 0})
	}
	for i := range m.MemoryTypes[:m.MemoryTypeCount] {
		t := &m.MemoryTypes[i]
		t.Deref()
		c.Types = append(c.Types, newMemoryType(int(t.HeapIndex), uint32(t.PropertyFlags)))
	}
	c.Mapped = mapsDeviceLocal(c, pd.Caps.Type)
	pd.Caps.CompileOnly = len(c.Types) == 0
}

func newMemoryType(heap int, flags uint32) MemoryType {
	has := func(b vulkan.MemoryPropertyFlagBits) bool { return vulkan.MemoryPropertyFlagBits(flags)&b != 0 }
	return MemoryType{Heap: heap, Flags: flags,
		DeviceLocal:  has(vulkan.MemoryPropertyDeviceLocalBit),
		HostVisible:  has(vulkan.MemoryPropertyHostVisibleBit),
		HostCoherent: has(vulkan.MemoryPropertyHostCoherentBit),
		HostCached:   has(vulkan.MemoryPropertyHostCachedBit),
	}
}

// refreshBudgets reads what the driver thinks each heap may give to this process. CPU
// drivers that don't say show a heap of a made-up size; theirs is the host's memory.
func (in *Instance) refreshBudgets(pd *PhysicalDevice) {
	heaps := pd.Caps.Memory.Heaps
	if pd.Caps.Features.MemoryBudget {
		in.fn.budgets(pd.handle, heaps)
	} else if available := hostAvailable(); pd.Caps.Type == CPU && available > 0 {
		for i := range heaps {
			heaps[i].Budget = available
		}
	}
}

// computeFamily prefers a queue without graphics, so that long submissions share nothing
// with the desktop's. -1 if there is none.
func computeFamily(families []QueueFamily) int {
	best := -1
	for i, f := range families {
		if !f.Compute || f.Queues == 0 {
			continue
		}
		if best < 0 || (families[best].Graphics && !f.Graphics && f.TimestampValidBits > 0) {
			best = i
		}
	}
	return best
}

// transferFamily is one whose queues only copy, a GPU's engines for it; -1 if there is none.
func transferFamily(families []QueueFamily) int {
	return slices.IndexFunc(families, func(f QueueFamily) bool {
		return f.Transfer && f.Queues > 0 && !f.Graphics && !f.Compute && !f.Video
	})
}
