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
};

// Bytes that C code holds from malloc, or 0 where the C library does not tell.
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
// Bit i is set when time domain i (device, monotonic, monotonic raw, QPC) can be calibrated.
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

int32_t svk_submit(svk_device *d, void *queue, uint32_t count, const uintptr_t *commands, uint64_t semaphore, uint64_t value);
int32_t svk_wait(svk_device *d, uint64_t semaphore, uint64_t value, uint64_t timeout_ns);
svk_counter svk_semaphore_value(svk_device *d, uint64_t semaphore);


enum { SVK_MAX_CONSTANTS = 32, SVK_MAX_BINDINGS = 32 };

svk_counter svk_new_pipeline(svk_device *d, uint64_t module, uint64_t layout, uint64_t cache, uint32_t flags,
	uint32_t subgroup_size, uint32_t constant_count, const uint32_t *constants);
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
	uint32_t format; // 0 bool, 1 int64, 2 uint64, 3 float64
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
