// Vulkan declarations that the binding lacks, written from the specification's text.
//
// Two kinds: entry points and structures newer than the binding's headers (1.1.88), and
// the structures of 1.0 that hold arrays, which must not go through the binding's Go
// structs (ext.go says why). Handles are 64-bit integers: only 64-bit platforms are built.
#ifndef SEALVK_EXT_H
#define SEALVK_EXT_H

#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(void *) == 8, "sealvk needs a 64-bit platform");

#if defined(_WIN32)
#define SVK_CALL __stdcall
#else
#define SVK_CALL
#endif

// ---- Numbers by Vulkan's names ----

enum {
	VK_STRUCTURE_TYPE_SUBMIT_INFO = 4,
	VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO = 18,
	VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO = 29,
	VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET = 35,
	VK_STRUCTURE_TYPE_MEMORY_BARRIER = 46,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2 = 1000059000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2 = 1000059001,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2 = 1000059006,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES = 1000071004,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES = 1000082000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES = 1000083000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES = 1000094000,
	VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT = 1000128000,
	VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT = 1000128002,
	VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT = 1000128004,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV = 1000154001,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES = 1000168000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES = 1000175000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES = 1000177000,
	VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT = 1000184000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD = 1000185000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES = 1000196000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES = 1000207000,
	VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO = 1000207002,
	VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO = 1000207003,
	VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO = 1000207004,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES = 1000211000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SCALAR_BLOCK_LAYOUT_FEATURES = 1000221000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES = 1000225000,
	VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO = 1000225001,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES = 1000225002,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT = 1000237000,
	VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT = 1000247000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR = 1000269000,
	VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR = 1000269001,
	VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR = 1000269002,
	VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR = 1000269003,
	VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR = 1000269004,
	VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR = 1000269005,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES = 1000280000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES = 1000280001,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES = 1000413000,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES = 1000413001,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR = 1000506000,
	VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR = 1000506001,
	VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR = 1000506002,
};

enum {
	VK_SHADER_STAGE_COMPUTE_BIT = 0x20,
	VK_PIPELINE_STAGE_ALL_COMMANDS_BIT = 0x10000,
	VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT = 0x2,
	VK_DESCRIPTOR_TYPE_STORAGE_BUFFER = 7,
	VK_SEMAPHORE_TYPE_TIMELINE = 1,
	VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT = 0x100,
	VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT = 0x1000,
	VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT = 0x2,
	VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT = 4,
	VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR = 0x40,
	VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR = 0x80,
	VK_ERROR_EXTENSION_NOT_PRESENT = -7,
	VK_API_VERSION_1_0 = 1 << 22,
	VK_DRIVER_ID_MESA_RADV = 3,
};

// VkTimeDomainKHR
enum {
	VK_TIME_DOMAIN_DEVICE = 0,
	VK_TIME_DOMAIN_CLOCK_MONOTONIC = 1,
	VK_TIME_DOMAIN_CLOCK_MONOTONIC_RAW = 2,
	VK_TIME_DOMAIN_QUERY_PERFORMANCE_COUNTER = 3,
};

// VkPipelineExecutableStatisticFormatKHR
enum {
	VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32 = 0,
	VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64 = 1,
	VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64 = 2,
	VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64 = 3,
};

// ---- Vulkan 1.0 structures with arrays ----

typedef struct {
	uint32_t sType;
	const void *pNext;
	const char *applicationName;
	uint32_t applicationVersion;
	const char *engineName;
	uint32_t engineVersion;
	uint32_t apiVersion;
} VkApplicationInfo;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	const VkApplicationInfo *applicationInfo;
	uint32_t layerCount;
	const char *const *layers;
	uint32_t extensionCount;
	const char *const *extensions;
} VkInstanceCreateInfo;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	uint32_t queueFamilyIndex;
	uint32_t queueCount;
	const float *priorities;
} VkDeviceQueueCreateInfo;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	uint32_t queueCount;
	const VkDeviceQueueCreateInfo *queues;
	uint32_t layerCount;
	const char *const *layers;
	uint32_t extensionCount;
	const char *const *extensions;
	const void *enabledFeatures;
} VkDeviceCreateInfo;

typedef struct {
	uint32_t binding;
	uint32_t descriptorType;
	uint32_t descriptorCount;
	uint32_t stageFlags;
	const uint64_t *immutableSamplers;
} VkDescriptorSetLayoutBinding;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	uint32_t bindingCount;
	const VkDescriptorSetLayoutBinding *bindings;
} VkDescriptorSetLayoutCreateInfo;

typedef struct {
	uint32_t stageFlags;
	uint32_t offset;
	uint32_t size;
} VkPushConstantRange;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	uint32_t setLayoutCount;
	const uint64_t *setLayouts;
	uint32_t pushConstantRangeCount;
	const VkPushConstantRange *pushConstantRanges;
} VkPipelineLayoutCreateInfo;

typedef struct {
	uint32_t type;
	uint32_t descriptorCount;
} VkDescriptorPoolSize;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	uint32_t maxSets;
	uint32_t poolSizeCount;
	const VkDescriptorPoolSize *poolSizes;
} VkDescriptorPoolCreateInfo;

typedef struct {
	uint32_t queueFlags;
	uint32_t queueCount;
	uint32_t timestampValidBits;
	uint32_t minImageTransferGranularity[3];
} VkQueueFamilyProperties;

typedef struct {
	uint64_t buffer;
	uint64_t offset;
	uint64_t range;
} VkDescriptorBufferInfo;

// ---- properties2 and features2 chains (1.1 and later, and extensions) ----

// The contents are read through the binding; here it is only the head of a chain.
typedef struct {
	uint32_t sType;
	void *pNext;
	uint64_t properties[128];
} VkPhysicalDeviceProperties2;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint8_t deviceUUID[16];
	uint8_t driverUUID[16];
	uint8_t deviceLUID[8];
	uint32_t deviceNodeMask;
	uint32_t deviceLUIDValid;
} VkPhysicalDeviceIDProperties;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t driverID;
	char driverName[256];
	char driverInfo[256];
	uint8_t conformanceVersion[4];
} VkPhysicalDeviceDriverProperties;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t subgroupSize;
	uint32_t supportedStages;
	uint32_t supportedOperations;
	uint32_t quadOperationsInAllStages;
} VkPhysicalDeviceSubgroupProperties;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t maxPerSetDescriptors;
	uint64_t maxMemoryAllocationSize;
} VkPhysicalDeviceMaintenance3Properties;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint64_t maxBufferSize;
} VkPhysicalDeviceMaintenance4Properties;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t minSubgroupSize;
	uint32_t maxSubgroupSize;
	uint32_t maxComputeWorkgroupSubgroups;
	uint32_t requiredSubgroupSizeStages;
} VkPhysicalDeviceSubgroupSizeControlProperties;

// The order of the first 15 flags: {8, packed 4x8, 16, 32, 64 bit} x {unsigned, signed,
// mixed}; then the same 15 for the saturating accumulation.
typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t accelerated[30];
} VkPhysicalDeviceShaderIntegerDotProductProperties;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t supportedStages;
} VkPhysicalDeviceCooperativeMatrixPropertiesKHR;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t MSize, NSize, KSize;
	uint32_t AType, BType, CType, ResultType;
	uint32_t saturatingAccumulation;
	uint32_t scope;
} VkCooperativeMatrixPropertiesKHR;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t shaderSMCount;
	uint32_t shaderWarpsPerSM;
} VkPhysicalDeviceShaderSMBuiltinsPropertiesNV;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t shaderEngineCount;
	uint32_t shaderArraysPerEngineCount;
	uint32_t computeUnitsPerShaderArray;
	uint32_t rest[11]; // of a compute unit
} VkPhysicalDeviceShaderCorePropertiesAMD;

// VkPhysicalDeviceFeatures as an array of its 55 flags; the indices in use:
enum { SVK_SHADER_FLOAT64 = 39, SVK_SHADER_INT64 = 40, SVK_SHADER_INT16 = 41 };

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t core[55];
} VkPhysicalDeviceFeatures2;

// A features structure with up to four flags, enough for each one in use.
typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t on[4];
} svk_feature;

typedef struct {
	VkPhysicalDeviceProperties2 base;
	VkPhysicalDeviceIDProperties id;
	VkPhysicalDeviceDriverProperties driver;
	VkPhysicalDeviceSubgroupProperties subgroup;
	VkPhysicalDeviceMaintenance3Properties maintenance3;
	VkPhysicalDeviceMaintenance4Properties maintenance4;
	VkPhysicalDeviceSubgroupSizeControlProperties size_control;
	VkPhysicalDeviceShaderIntegerDotProductProperties dot;
	VkPhysicalDeviceCooperativeMatrixPropertiesKHR coop;
	VkPhysicalDeviceShaderSMBuiltinsPropertiesNV sm_builtins;
	VkPhysicalDeviceShaderCorePropertiesAMD shader_core;
} svk_properties;

typedef struct {
	VkPhysicalDeviceFeatures2 base;
	svk_feature storage16;        // storageBuffer, uniformAndStorageBuffer, push, in/out
	svk_feature storage8;         // storageBuffer, uniformAndStorageBuffer, push
	svk_feature float16_int8;     // shaderFloat16, shaderInt8
	svk_feature timeline;         // timelineSemaphore
	svk_feature scalar_layout;    // scalarBlockLayout
	svk_feature memory_model;     // vulkanMemoryModel, device scope, chains
	svk_feature subgroup_types;   // shaderSubgroupExtendedTypes
	svk_feature maintenance4;     // maintenance4
	svk_feature size_control;     // subgroupSizeControl, computeFullSubgroups
	svk_feature dot;              // shaderIntegerDotProduct
	svk_feature coop;             // cooperativeMatrix, robust access
	svk_feature executable;       // pipelineExecutableInfo
} svk_features;

// What a device has beyond 1.2, by extension or by version; chains hold nothing else.
enum {
	SVK_HAS_SIZE_CONTROL = 1,
	SVK_HAS_DOT = 2,
	SVK_HAS_MAINTENANCE4 = 4,
	SVK_HAS_COOP = 8,
	SVK_HAS_EXECUTABLE = 16,
	SVK_HAS_SM_BUILTINS = 32,
	SVK_HAS_SHADER_CORE = 64,
};

// Bytes that C code holds from malloc, or 0 where the C library has no such figure.
size_t svk_heap(void);

// ---- function tables ----

typedef struct svk_instance svk_instance;
typedef struct svk_device svk_device;

// Opens the named library and returns its vkGetInstanceProcAddr, or NULL.
void *svk_open_loader(const char *name);
uint32_t svk_instance_version(void *get_instance_proc_addr);
// Fill out[count][256] with names, at most max of them; return the number, or a VkResult < 0.
int64_t svk_instance_extensions(void *gipa, const char *layer, char (*out)[256], uint32_t max);
// versions[count] gets the version of Vulkan that each layer is of.
int64_t svk_instance_layers(void *gipa, char (*out)[256], uint32_t *versions, uint32_t max);

svk_instance *svk_new_instance(void *gipa, void *instance);
int64_t svk_device_extensions(svk_instance *in, void *physical, char (*out)[256], uint32_t max);
void svk_link_features(svk_features *f, uint32_t has);
void svk_query(svk_instance *in, void *physical, uint32_t has, svk_properties *p, svk_features *f);
uint32_t svk_queue_families(svk_instance *in, void *physical, VkQueueFamilyProperties *out, uint32_t max);
void svk_budget(svk_instance *in, void *physical, uint64_t budget[16], uint64_t usage[16]);
uint32_t svk_coop_matrices(svk_instance *in, void *physical, VkCooperativeMatrixPropertiesKHR *out, uint32_t max);
// Bit i is set when VkTimeDomainKHR i can be calibrated.
uint32_t svk_time_domains(svk_instance *in, void *physical);

// Debug messenger. The callback is Go's svkMessage(handle, severity, types, id, text).
typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	uint32_t severity;
	uint32_t types;
	void *callback;
	void *userData;
} VkDebugUtilsMessengerCreateInfoEXT;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t enabledCount;
	const uint32_t *enabled;
	uint32_t disabledCount;
	const uint32_t *disabled;
} VkValidationFeaturesEXT;

void svk_fill_messenger(VkDebugUtilsMessengerCreateInfoEXT *info, uintptr_t handle);
int32_t svk_new_messenger(svk_instance *in, uintptr_t handle, uint64_t *out);
void svk_free_messenger(svk_instance *in, uint64_t messenger);

svk_device *svk_new_device(svk_instance *in, void *device);

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t semaphoreType;
	uint64_t initialValue;
} VkSemaphoreTypeCreateInfo;

typedef struct {
	int32_t result;
	uint64_t value;
} svk_counter;

// svk_submit waits for await's value first, unless await is 0.
int32_t svk_submit(svk_device *d, void *queue, uint64_t await, uint64_t await_value, uint32_t count, const uintptr_t *commands, uint64_t semaphore, uint64_t value);
int32_t svk_wait(svk_device *d, uint64_t semaphore, uint64_t value, uint64_t timeout_ns);
svk_counter svk_semaphore_value(svk_device *d, uint64_t semaphore);

enum { SVK_MAX_CONSTANTS = 32, SVK_MAX_BINDINGS = 32 };

svk_counter svk_new_pipeline(svk_device *d, uint64_t module, uint64_t layout, uint64_t cache, uint32_t flags,
	uint32_t subgroup_size, uint32_t full_subgroups, uint32_t constant_count, const uint32_t *constants);
void svk_write_set(svk_device *d, uint64_t set, uint32_t count, const VkDescriptorBufferInfo *buffers);
void svk_barrier(svk_device *d, void *commands, uint32_t src_stages, uint32_t dst_stages, uint32_t src_access, uint32_t dst_access);
void svk_copy(svk_device *d, void *commands, uint64_t dst, uint64_t dst_offset, uint64_t src, uint64_t src_offset, uint64_t size);

void svk_name(svk_device *d, uint32_t type, uint64_t handle, const char *name);
void svk_begin_label(svk_device *d, void *commands, const char *name);
void svk_end_label(svk_device *d, void *commands);

// Device ticks and host ticks of one moment; result < 0 on failure.
typedef struct {
	int32_t result;
	uint64_t device, host, deviation;
} svk_calibration;

svk_calibration svk_calibrate(svk_device *d, uint32_t host_domain);

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t stages;
	char name[256];
	char description[256];
	uint32_t subgroupSize;
} VkPipelineExecutablePropertiesKHR;

typedef struct {
	uint32_t sType;
	void *pNext;
	char name[256];
	char description[256];
	uint32_t format; // VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_…
	uint64_t value;
} VkPipelineExecutableStatisticKHR;

typedef struct {
	uint32_t sType;
	void *pNext;
	char name[256];
	char description[256];
	uint32_t isText;
	size_t dataSize; // set by a call with data NULL
	void *data;
} VkPipelineExecutableInternalRepresentationKHR;

// At most max; return the number, or a VkResult < 0.
int64_t svk_executables(svk_device *d, uint64_t pipeline, VkPipelineExecutablePropertiesKHR *out, uint32_t max);
int64_t svk_statistics(svk_device *d, uint64_t pipeline, uint32_t executable, VkPipelineExecutableStatisticKHR *out, uint32_t max);
int64_t svk_representations(svk_device *d, uint64_t pipeline, uint32_t executable, VkPipelineExecutableInternalRepresentationKHR *out, uint32_t max);

#endif
