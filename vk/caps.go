package vk

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
)

// UUID identifies a device or a driver; its text is the usual 8-4-4-4-12 form.
type UUID [16]byte

func (u UUID) String() string {
	s := hex.EncodeToString(u[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// DeviceType orders devices for Select: the lower, the better.
type DeviceType int

const (
	Discrete DeviceType = iota
	Integrated
	Virtual
	CPU
	Other
)

var deviceTypeNames = [...]string{"discrete", "integrated", "virtual", "cpu", "other"}

func (t DeviceType) String() string { return deviceTypeNames[t] }

func (t DeviceType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Caps is everything that is read of a device. Sizes are in bytes.
type Caps struct {
	Name       string     `json:"name"`
	Type       DeviceType `json:"type"`
	VendorID   uint32     `json:"vendor_id"`
	DeviceID   uint32     `json:"device_id"`
	APIVersion string     `json:"api_version"`
	Driver     Driver     `json:"driver"`
	DeviceUUID UUID       `json:"device_uuid"`
	DriverUUID UUID       `json:"driver_uuid"`
	// PipelineCacheUUID changes when compiled pipelines become invalid.
	PipelineCacheUUID UUID `json:"pipeline_cache_uuid"`

	Limits   Limits   `json:"limits"`
	Subgroup Subgroup `json:"subgroup"`
	// ShaderCores is NVIDIA's streaming multiprocessors or AMD's compute units (VK_NV_shader_sm_builtins,
	// VK_AMD_shader_core_properties); 0: the device doesn't tell.
	ShaderCores         int                 `json:"shader_cores,omitempty"`
	Features            Features            `json:"features"`
	DotProduct          DotProduct          `json:"dot_product"`
	CooperativeMatrices []CooperativeMatrix `json:"cooperative_matrices,omitempty"`
	Memory              MemoryCaps          `json:"memory"`
	QueueFamilies       []QueueFamily       `json:"queue_families"`
	// QueueFamily is the index of the one that is used.
	QueueFamily int `json:"queue_family"`
	// TransferFamily is the index of one that only copies, for uploads; -1 if there is none.
	TransferFamily int `json:"transfer_family"`
	// CompileOnly: pipelines can be built and nothing can run, because there is no memory:
	// RADV without hardware, for the chip in its environment variable RADV_FORCE_FAMILY.
	CompileOnly bool `json:"compile_only,omitempty"`
	// Unsupported says why OpenDevice refuses this device; empty if it does not.
	Unsupported string `json:"unsupported,omitempty"`
}

// Driver names the driver (VkPhysicalDeviceDriverProperties).
type Driver struct {
	ID      int    `json:"id"` // VkDriverId
	Name    string `json:"name"`
	Info    string `json:"info"`
	Version uint32 `json:"version"` // in the driver's own encoding
}

// Limits are VkPhysicalDeviceLimits and the limits of maintenance3 and maintenance4.
type Limits struct {
	MaxStorageBufferRange              int64   `json:"max_storage_buffer_range"`
	MaxMemoryAllocationSize            int64   `json:"max_memory_allocation_size"`
	MaxBufferSize                      int64   `json:"max_buffer_size"`
	MaxMemoryAllocationCount           int     `json:"max_memory_allocation_count"`
	MaxPushConstantsSize               int     `json:"max_push_constants_size"`
	MaxPerStageDescriptorStorageBuffer int     `json:"max_per_stage_descriptor_storage_buffers"`
	MaxComputeSharedMemorySize         int     `json:"max_compute_shared_memory_size"`
	MaxComputeWorkGroupCount           [3]int  `json:"max_compute_work_group_count"`
	MaxComputeWorkGroupInvocations     int     `json:"max_compute_work_group_invocations"`
	MaxComputeWorkGroupSize            [3]int  `json:"max_compute_work_group_size"`
	MinStorageBufferOffsetAlignment    int64   `json:"min_storage_buffer_offset_alignment"`
	NonCoherentAtomSize                int64   `json:"non_coherent_atom_size"`
	TimestampPeriod                    float64 `json:"timestamp_period"` // nanoseconds per tick
}

// Subgroup is the subgroup sizes and operations of compute shaders.
type Subgroup struct {
	Size       int      `json:"size"`     // where none is asked for
	MinSize    int      `json:"min_size"` // MinSize..MaxSize: powers of two that may be asked for
	MaxSize    int      `json:"max_size"`
	Operations []string `json:"operations"`
	Compute    bool     `json:"compute"` // Operations work in compute shaders
	// SizeControl: PipelineInfo.SubgroupSize may be any of MinSize..MaxSize, else only Size.
	SizeControl          bool `json:"size_control"`
	ComputeFullSubgroups bool `json:"compute_full_subgroups"`
	MaxPerWorkGroup      int  `json:"max_per_work_group,omitempty"` // 0: unknown
}

// Has reports whether compute shaders may use the operation, such as "arithmetic".
func (s *Subgroup) Has(operation string) bool {
	return s.Compute && slices.Contains(s.Operations, operation)
}

// Features are optional features that a device has. OpenDevice enables those that a kernel or
// this package uses: not the 64-bit types, 8- and 16-bit integers and 8-bit storage, nor
// ScalarBlockLayout, ShaderSubgroupExtendedTypes and Maintenance4.
type Features struct {
	ShaderFloat16                bool `json:"shader_float16"`
	ShaderFloat64                bool `json:"shader_float64"`
	ShaderInt8                   bool `json:"shader_int8"`
	ShaderInt16                  bool `json:"shader_int16"`
	ShaderInt64                  bool `json:"shader_int64"`
	StorageBuffer8BitAccess      bool `json:"storage_buffer_8bit_access"`
	StorageBuffer16BitAccess     bool `json:"storage_buffer_16bit_access"`
	ScalarBlockLayout            bool `json:"scalar_block_layout"`
	VulkanMemoryModel            bool `json:"vulkan_memory_model"`
	ShaderSubgroupExtendedTypes  bool `json:"shader_subgroup_extended_types"`
	Maintenance4                 bool `json:"maintenance4"`
	TimelineSemaphore            bool `json:"timeline_semaphore"`
	IntegerDotProduct            bool `json:"integer_dot_product"`
	CooperativeMatrix            bool `json:"cooperative_matrix"`
	MemoryBudget                 bool `json:"memory_budget"`
	PipelineExecutableProperties bool `json:"pipeline_executable_properties"`
	CalibratedTimestamps         bool `json:"calibrated_timestamps"`
}

// DotProduct is which integer dot products are faster than their parts
// (VkPhysicalDeviceShaderIntegerDotProductProperties).
type DotProduct struct {
	Accelerated8BitUnsigned       bool `json:"accelerated_8bit_unsigned"`
	Accelerated8BitSigned         bool `json:"accelerated_8bit_signed"`
	Accelerated8BitMixed          bool `json:"accelerated_8bit_mixed"`
	Accelerated4x8PackedUnsigned  bool `json:"accelerated_4x8_packed_unsigned"`
	Accelerated4x8PackedSigned    bool `json:"accelerated_4x8_packed_signed"`
	Accelerated4x8PackedMixed     bool `json:"accelerated_4x8_packed_mixed"`
	Accelerated4x8PackedSignedSat bool `json:"accelerated_4x8_packed_signed_saturating"`
}

// CooperativeMatrix is one shape and its component types (VK_KHR_cooperative_matrix):
// A is M x K, B is K x N, C and Result are M x N.
type CooperativeMatrix struct {
	M          int    `json:"m"`
	N          int    `json:"n"`
	K          int    `json:"k"`
	A          string `json:"a"`
	B          string `json:"b"`
	C          string `json:"c"`
	Result     string `json:"result"`
	Saturating bool   `json:"saturating"`
	Scope      string `json:"scope"`
}

// MemoryCaps are the heaps and types of memory.
type MemoryCaps struct {
	Heaps []Heap       `json:"heaps"`
	Types []MemoryType `json:"types"`
	// Mapped: DeviceLocal buffers are host visible, so that they are filled directly.
	Mapped bool `json:"mapped"`
}

// Heap is one memory heap. Without the memory_budget feature Usage is 0 and Budget is
// Size, or on CPU devices the host's available memory where that can be read.
type Heap struct {
	Size        int64 `json:"size"`
	Budget      int64 `json:"budget"`
	Usage       int64 `json:"usage"`
	DeviceLocal bool  `json:"device_local"`
}

// MemoryType is one kind of memory of a heap.
type MemoryType struct {
	Heap         int    `json:"heap"`
	DeviceLocal  bool   `json:"device_local"`
	HostVisible  bool   `json:"host_visible"`
	HostCoherent bool   `json:"host_coherent"`
	HostCached   bool   `json:"host_cached"`
	Flags        uint32 `json:"flags"` // VkMemoryPropertyFlags
}

// QueueFamily is one kind of queue.
type QueueFamily struct {
	Queues             int  `json:"queues"`
	TimestampValidBits int  `json:"timestamp_valid_bits"`
	Graphics           bool `json:"graphics"`
	Compute            bool `json:"compute"`
	Transfer           bool `json:"transfer"`
	Video              bool `json:"video"`
}

// In bit order of VkSubgroupFeatureFlagBits.
var subgroupOperations = []string{"basic", "vote", "arithmetic", "ballot", "shuffle", "shuffle_relative", "clustered", "quad"}

func flagNames(flags uint32, names []string) []string {
	var list []string
	for i, n := range names {
		if flags>>i&1 != 0 {
			list = append(list, n)
		}
	}
	return list
}

// componentNames are of VkComponentTypeKHR.
var componentNames = map[uint32]string{
	0: "f16", 1: "f32", 2: "f64", 3: "s8", 4: "s16", 5: "s32", 6: "s64", 7: "u8", 8: "u16", 9: "u32", 10: "u64",
	1000141000: "bf16", // VK_COMPONENT_TYPE_BFLOAT16_KHR
}

// scopeNames are of VkScopeKHR.
var scopeNames = map[uint32]string{1: "device", 2: "workgroup", 3: "subgroup", 5: "queue_family"}

// nameOr is the name of v, or what it is with its number if it is newer than names.
func nameOr(names map[uint32]string, v uint32, what string) string {
	if name, ok := names[v]; ok {
		return name
	}
	return fmt.Sprintf("%s %d", what, v)
}

// clampInt64 keeps limits such as 2^64-1 positive.
func clampInt64(v uint64) int64 { return int64(min(v, math.MaxInt64)) }
