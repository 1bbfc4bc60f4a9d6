#include "ext.h"

#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

typedef void (*proc)(void);
typedef proc(SVK_CALL *get_proc)(void *parent, const char *name);

enum { EXTENSION_NOT_PRESENT = -7 };

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#include <malloc.h>
size_t svk_heap(void) {
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}
#else
size_t svk_heap(void) { return 0; }
#endif

// ---- the loader ----

void *svk_open_loader(const char *name) {
	// The library stays open: the binding keeps pointers into it for the process's life.
#if defined(_WIN32)
	HMODULE library = LoadLibraryA(name);
	return library ? (void *)GetProcAddress(library, "vkGetInstanceProcAddr") : NULL;
#else
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	return library ? dlsym(library, "vkGetInstanceProcAddr") : NULL;
#endif
}

uint32_t svk_instance_version(void *gipa) {
	int32_t(SVK_CALL *f)(uint32_t *) = (int32_t(SVK_CALL *)(uint32_t *))((get_proc)gipa)(NULL, "vkEnumerateInstanceVersion");
	uint32_t version = 1u << 22; // a 1.0 loader has no such function
	if (f) f(&version);
	return version;
}

typedef struct {
	char name[256];
	uint32_t specVersion;
} VkExtensionProperties;

typedef struct {
	char name[256];
	uint32_t specVersion, implementationVersion;
	char description[256];
} VkLayerProperties;

// Copies at most max names of stride bytes each.
static int64_t names(const void *properties, size_t stride, uint32_t count, char (*out)[256], uint32_t max) {
	if (count > max) count = max;
	for (uint32_t i = 0; i < count; i++) {
		memcpy(out[i], (const char *)properties + i * stride, 256);
		out[i][255] = 0;
	}
	return count;
}

int64_t svk_instance_extensions(void *gipa, const char *layer, char (*out)[256], uint32_t max) {
	int32_t(SVK_CALL *f)(const char *, uint32_t *, VkExtensionProperties *) =
		(int32_t(SVK_CALL *)(const char *, uint32_t *, VkExtensionProperties *))((get_proc)gipa)(NULL, "vkEnumerateInstanceExtensionProperties");
	if (!f) return EXTENSION_NOT_PRESENT;
	uint32_t count = max;
	VkExtensionProperties *p = calloc(max, sizeof *p);
	int32_t r = f(layer, &count, p);
	int64_t n = r < 0 ? r : names(p, sizeof *p, count, out, max);
	free(p);
	return n;
}

int64_t svk_instance_layers(void *gipa, char (*out)[256], uint32_t max) {
	int32_t(SVK_CALL *f)(uint32_t *, VkLayerProperties *) =
		(int32_t(SVK_CALL *)(uint32_t *, VkLayerProperties *))((get_proc)gipa)(NULL, "vkEnumerateInstanceLayerProperties");
	if (!f) return EXTENSION_NOT_PRESENT;
	uint32_t count = max;
	VkLayerProperties *p = calloc(max, sizeof *p);
	int32_t r = f(&count, p);
	int64_t n = r < 0 ? r : names(p, sizeof *p, count, out, max);
	free(p);
	return n;
}

// ---- instance ----

typedef struct {
	uint32_t sType;
	void *pNext;
	uint64_t memory[80]; // VkPhysicalDeviceMemoryProperties; read through the binding
} VkPhysicalDeviceMemoryProperties2;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint64_t budget[16], usage[16];
} VkPhysicalDeviceMemoryBudgetPropertiesEXT;

struct svk_instance {
	get_proc get;
	void *handle;
	int32_t(SVK_CALL *device_extensions)(void *, const char *, uint32_t *, VkExtensionProperties *);
	void(SVK_CALL *properties2)(void *, VkPhysicalDeviceProperties2 *);
	void(SVK_CALL *features2)(void *, VkPhysicalDeviceFeatures2 *);
	void(SVK_CALL *memory2)(void *, VkPhysicalDeviceMemoryProperties2 *);
	void(SVK_CALL *queue_families)(void *, uint32_t *, VkQueueFamilyProperties *);
	int32_t(SVK_CALL *coop)(void *, uint32_t *, VkCooperativeMatrixPropertiesKHR *);
	int32_t(SVK_CALL *time_domains)(void *, uint32_t *, uint32_t *);
	int32_t(SVK_CALL *new_messenger)(void *, const VkDebugUtilsMessengerCreateInfoEXT *, const void *, uint64_t *);
	void(SVK_CALL *free_messenger)(void *, uint64_t, const void *);
};

// LOAD sets t->field to the first of two names that exists. Through a plain pointer,
// because every function pointer here has the same size and a different type.
#define LOAD(t, field, name, other)                          \
	do {                                                     \
		proc p_ = get(handle, name);                         \
		if (!p_ && other) p_ = get(handle, other);           \
		memcpy(&(t)->field, &p_, sizeof p_);                 \
	} while (0)

svk_instance *svk_new_instance(void *gipa, void *handle) {
	svk_instance *in = calloc(1, sizeof *in);
	get_proc get = in->get = (get_proc)gipa;
	in->handle = handle;
	const char *none = NULL;
	LOAD(in, device_extensions, "vkEnumerateDeviceExtensionProperties", none);
	LOAD(in, properties2, "vkGetPhysicalDeviceProperties2", none);
	LOAD(in, features2, "vkGetPhysicalDeviceFeatures2", none);
	LOAD(in, memory2, "vkGetPhysicalDeviceMemoryProperties2", none);
	LOAD(in, queue_families, "vkGetPhysicalDeviceQueueFamilyProperties", none);
	LOAD(in, coop, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR", none);
	LOAD(in, time_domains, "vkGetPhysicalDeviceCalibrateableTimeDomainsKHR", "vkGetPhysicalDeviceCalibrateableTimeDomainsEXT");
	LOAD(in, new_messenger, "vkCreateDebugUtilsMessengerEXT", none);
	LOAD(in, free_messenger, "vkDestroyDebugUtilsMessengerEXT", none);
	return in;
}

int64_t svk_device_extensions(svk_instance *in, void *physical, char (*out)[256], uint32_t max) {
	uint32_t count = max;
	VkExtensionProperties *p = calloc(max, sizeof *p);
	int32_t r = in->device_extensions(physical, NULL, &count, p);
	int64_t n = r < 0 ? r : names(p, sizeof *p, count, out, max);
	free(p);
	return n;
}

// A chain is built by appending: *tail is the pNext of the last structure.
static void append(void ***tail, void *structure, void **next, uint32_t *type, uint32_t value) {
	*type = value;
	*next = NULL;
	**tail = structure;
	*tail = next;
}

#define APPEND(s, value) append(&tail, (s), &(s)->pNext, &(s)->sType, (value))

void svk_link_features(svk_features *f, uint32_t has) {
	f->base.sType = 1000059000;
	f->base.pNext = NULL;
	void **tail = &f->base.pNext;
	APPEND(&f->storage16, 1000083000);
	APPEND(&f->storage8, 1000177000);
	APPEND(&f->float16_int8, 1000082000);
	APPEND(&f->timeline, 1000207000);
	APPEND(&f->scalar_layout, 1000221000);
	APPEND(&f->memory_model, 1000211000);
	APPEND(&f->subgroup_types, 1000175000);
	if (has & SVK_HAS_MAINTENANCE4) APPEND(&f->maintenance4, 1000413000);
	if (has & SVK_HAS_SIZE_CONTROL) APPEND(&f->size_control, 1000225002);
	if (has & SVK_HAS_DOT) APPEND(&f->dot, 1000280000);
	if (has & SVK_HAS_COOP) APPEND(&f->coop, 1000506000);
	if (has & SVK_HAS_EXECUTABLE) APPEND(&f->executable, 1000269000);
}

void svk_query(svk_instance *in, void *physical, uint32_t has, svk_properties *p, svk_features *f) {
	p->base.sType = 1000059001;
	p->base.pNext = NULL;
	void **tail = &p->base.pNext;
	APPEND(&p->id, 1000071004);
	APPEND(&p->driver, 1000196000);
	APPEND(&p->subgroup, 1000094000);
	APPEND(&p->maintenance3, 1000168000);
	if (has & SVK_HAS_MAINTENANCE4) APPEND(&p->maintenance4, 1000413001);
	if (has & SVK_HAS_SIZE_CONTROL) APPEND(&p->size_control, 1000225000);
	if (has & SVK_HAS_DOT) APPEND(&p->dot, 1000280001);
	if (has & SVK_HAS_COOP) APPEND(&p->coop, 1000506002);
	in->properties2(physical, &p->base);
	svk_link_features(f, has);
	in->features2(physical, &f->base);
}

uint32_t svk_queue_families(svk_instance *in, void *physical, VkQueueFamilyProperties *out, uint32_t max) {
	uint32_t count = 0; // asked for first: SwiftShader fills as many as it is told
	in->queue_families(physical, &count, NULL);
	if (count > max) count = max;
	in->queue_families(physical, &count, out);
	return count;
}

void svk_budget(svk_instance *in, void *physical, uint64_t budget[16], uint64_t usage[16]) {
	VkPhysicalDeviceMemoryBudgetPropertiesEXT b = {.sType = 1000237000};
	VkPhysicalDeviceMemoryProperties2 m = {.sType = 1000059006, .pNext = &b};
	in->memory2(physical, &m);
	memcpy(budget, b.budget, sizeof b.budget);
	memcpy(usage, b.usage, sizeof b.usage);
}

uint32_t svk_coop_matrices(svk_instance *in, void *physical, VkCooperativeMatrixPropertiesKHR *out, uint32_t max) {
	if (!in->coop) return 0;
	for (uint32_t i = 0; i < max; i++) out[i].sType = 1000506001;
	return in->coop(physical, &max, out) < 0 ? 0 : max;
}

uint32_t svk_time_domains(svk_instance *in, void *physical) {
	uint32_t domains[16], count = 16, mask = 0;
	if (!in->time_domains || in->time_domains(physical, &count, domains) < 0) return 0;
	for (uint32_t i = 0; i < count; i++)
		if (domains[i] < 32) mask |= 1u << domains[i];
	return mask;
}

// ---- debug messenger ----

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	const char *messageIdName;
	int32_t messageIdNumber;
	const char *message;
	// labels and objects follow; the text names them already
} VkDebugUtilsMessengerCallbackDataEXT;

// Exported by ext.go.
extern void svkMessage(uintptr_t handle, uint32_t severity, uint32_t types, char *id, char *text);

static uint32_t SVK_CALL message(uint32_t severity, uint32_t types, const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
	svkMessage((uintptr_t)user, severity, types, (char *)data->messageIdName, (char *)data->message);
	return 0; // never abort the call that caused it
}

void svk_fill_messenger(VkDebugUtilsMessengerCreateInfoEXT *info, uintptr_t handle) {
	memset(info, 0, sizeof *info);
	info->sType = 1000128004;
	info->severity = 0x100 | 0x1000; // warning, error
	info->types = 0x2;               // validation: not the loader's or a driver's chatter
	info->callback = (void *)message;
	info->userData = (void *)handle;
}

int32_t svk_new_messenger(svk_instance *in, uintptr_t handle, uint64_t *out) {
	VkDebugUtilsMessengerCreateInfoEXT info;
	svk_fill_messenger(&info, handle);
	if (!in->new_messenger) return EXTENSION_NOT_PRESENT;
	return in->new_messenger(in->handle, &info, NULL, out);
}

void svk_free_messenger(svk_instance *in, uint64_t messenger) {
	in->free_messenger(in->handle, messenger, NULL);
}

// ---- device ----

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t waitCount;
	const uint64_t *waits;
	const uint32_t *waitStages;
	uint32_t commandCount;
	const uintptr_t *commands;
	uint32_t signalCount;
	const uint64_t *signals;
} VkSubmitInfo;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t waitValueCount;
	const uint64_t *waitValues;
	uint32_t signalValueCount;
	const uint64_t *signalValues;
} VkTimelineSemaphoreSubmitInfo;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	uint32_t count;
	const uint64_t *semaphores;
	const uint64_t *values;
} VkSemaphoreWaitInfo;

typedef struct {
	uint32_t constantID, offset;
	size_t size;
} VkSpecializationMapEntry;

typedef struct {
	uint32_t mapEntryCount;
	const VkSpecializationMapEntry *mapEntries;
	size_t dataSize;
	const void *data;
} VkSpecializationInfo;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	uint32_t stage;
	uint64_t module;
	const char *name;
	const VkSpecializationInfo *specialization;
} VkPipelineShaderStageCreateInfo;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t flags;
	VkPipelineShaderStageCreateInfo stage;
	uint64_t layout;
	uint64_t basePipeline;
	int32_t basePipelineIndex;
} VkComputePipelineCreateInfo;

typedef struct {
	uint32_t sType;
	void *pNext;
	uint32_t requiredSubgroupSize;
} VkPipelineShaderStageRequiredSubgroupSizeCreateInfo;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint64_t set;
	uint32_t binding, arrayElement, count, type;
	const void *images;
	const VkDescriptorBufferInfo *buffers;
	const void *texelBuffers;
} VkWriteDescriptorSet;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t srcAccess, dstAccess;
} VkMemoryBarrier;

typedef struct {
	uint64_t src, dst, size;
} VkBufferCopy;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t objectType;
	uint64_t handle;
	const char *name;
} VkDebugUtilsObjectNameInfoEXT;

typedef struct {
	uint32_t sType;
	const void *pNext;
	const char *name;
	float color[4];
} VkDebugUtilsLabelEXT;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint64_t pipeline;
	uint32_t index; // VkPipelineInfoKHR ends before it
} VkPipelineExecutableInfoKHR;

typedef struct {
	uint32_t sType;
	const void *pNext;
	uint32_t domain;
} VkCalibratedTimestampInfoEXT;

struct svk_device {
	void *handle;
	int32_t(SVK_CALL *submit)(void *, uint32_t, const VkSubmitInfo *, uint64_t);
	int32_t(SVK_CALL *wait)(void *, const VkSemaphoreWaitInfo *, uint64_t);
	int32_t(SVK_CALL *value)(void *, uint64_t, uint64_t *);
	int32_t(SVK_CALL *new_pipelines)(void *, uint64_t, uint32_t, const VkComputePipelineCreateInfo *, const void *, uint64_t *);
	void(SVK_CALL *update_sets)(void *, uint32_t, const VkWriteDescriptorSet *, uint32_t, const void *);
	void(SVK_CALL *barrier)(void *, uint32_t, uint32_t, uint32_t, uint32_t, const VkMemoryBarrier *, uint32_t, const void *, uint32_t, const void *);
	void(SVK_CALL *copy)(void *, uint64_t, uint64_t, uint32_t, const VkBufferCopy *);
	int32_t(SVK_CALL *name)(void *, const VkDebugUtilsObjectNameInfoEXT *);
	void(SVK_CALL *begin_label)(void *, const VkDebugUtilsLabelEXT *);
	void(SVK_CALL *end_label)(void *);
	int32_t(SVK_CALL *calibrate)(void *, uint32_t, const VkCalibratedTimestampInfoEXT *, uint64_t *, uint64_t *);
	int32_t(SVK_CALL *executables)(void *, const VkPipelineExecutableInfoKHR *, uint32_t *, VkPipelineExecutablePropertiesKHR *);
	int32_t(SVK_CALL *statistics)(void *, const VkPipelineExecutableInfoKHR *, uint32_t *, VkPipelineExecutableStatisticKHR *);
};

svk_device *svk_new_device(svk_instance *in, void *handle) {
	svk_device *d = calloc(1, sizeof *d);
	d->handle = handle;
	proc p = in->get(in->handle, "vkGetDeviceProcAddr");
	get_proc get;
	memcpy(&get, &p, sizeof p);
	const char *none = NULL;
	LOAD(d, submit, "vkQueueSubmit", none);
	LOAD(d, wait, "vkWaitSemaphores", none);
	LOAD(d, value, "vkGetSemaphoreCounterValue", none);
	LOAD(d, new_pipelines, "vkCreateComputePipelines", none);
	LOAD(d, update_sets, "vkUpdateDescriptorSets", none);
	LOAD(d, barrier, "vkCmdPipelineBarrier", none);
	LOAD(d, copy, "vkCmdCopyBuffer", none);
	LOAD(d, calibrate, "vkGetCalibratedTimestampsKHR", "vkGetCalibratedTimestampsEXT");
	LOAD(d, executables, "vkGetPipelineExecutablePropertiesKHR", none);
	LOAD(d, statistics, "vkGetPipelineExecutableStatisticsKHR", none);
	// Debug utils is an instance extension: its functions come from the instance.
	get = in->get;
	handle = in->handle;
	LOAD(d, name, "vkSetDebugUtilsObjectNameEXT", none);
	LOAD(d, begin_label, "vkCmdBeginDebugUtilsLabelEXT", none);
	LOAD(d, end_label, "vkCmdEndDebugUtilsLabelEXT", none);
	return d;
}

int32_t svk_submit(svk_device *d, void *queue, uint32_t count, const uintptr_t *commands, uint64_t semaphore, uint64_t value) {
	VkTimelineSemaphoreSubmitInfo timeline = {.sType = 1000207003, .signalValueCount = 1, .signalValues = &value};
	VkSubmitInfo info = {.sType = 4, .pNext = &timeline, .commandCount = count, .commands = commands,
		.signalCount = 1, .signals = &semaphore};
	return d->submit(queue, 1, &info, 0);
}

int32_t svk_wait(svk_device *d, uint64_t semaphore, uint64_t value, uint64_t timeout_ns) {
	VkSemaphoreWaitInfo info = {.sType = 1000207004, .count = 1, .semaphores = &semaphore, .values = &value};
	return d->wait(d->handle, &info, timeout_ns);
}

svk_counter svk_semaphore_value(svk_device *d, uint64_t semaphore) {
	svk_counter c = {0};
	c.result = d->value(d->handle, semaphore, &c.value);
	return c;
}

svk_counter svk_new_pipeline(svk_device *d, uint64_t module, uint64_t layout, uint64_t cache, uint32_t flags,
	uint32_t subgroup_size, uint32_t constant_count, const uint32_t *constants) {
	VkSpecializationMapEntry entries[SVK_MAX_CONSTANTS];
	for (uint32_t i = 0; i < constant_count; i++)
		entries[i] = (VkSpecializationMapEntry){.constantID = i, .offset = 4 * i, .size = 4};
	VkSpecializationInfo specialization = {.mapEntryCount = constant_count, .mapEntries = entries,
		.dataSize = 4 * constant_count, .data = constants};
	VkPipelineShaderStageRequiredSubgroupSizeCreateInfo required = {.sType = 1000225001, .requiredSubgroupSize = subgroup_size};
	VkComputePipelineCreateInfo info = {
		.sType = 29,
		.flags = flags,
		.stage = {.sType = 18, .pNext = subgroup_size ? &required : NULL, .stage = 0x20, .module = module, .name = "main",
			.specialization = constant_count ? &specialization : NULL},
		.layout = layout,
		.basePipelineIndex = -1,
	};
	svk_counter c = {0};
	c.result = d->new_pipelines(d->handle, cache, 1, &info, NULL, &c.value);
	return c;
}

void svk_write_set(svk_device *d, uint64_t set, uint32_t count, const VkDescriptorBufferInfo *buffers) {
	VkWriteDescriptorSet writes[SVK_MAX_BINDINGS];
	for (uint32_t i = 0; i < count; i++)
		writes[i] = (VkWriteDescriptorSet){.sType = 35, .set = set, .binding = i, .count = 1, .type = 7, .buffers = &buffers[i]};
	d->update_sets(d->handle, count, writes, 0, NULL);
}

void svk_barrier(svk_device *d, void *commands, uint32_t src_stages, uint32_t dst_stages, uint32_t src_access, uint32_t dst_access) {
	VkMemoryBarrier barrier = {.sType = 46, .srcAccess = src_access, .dstAccess = dst_access};
	d->barrier(commands, src_stages, dst_stages, 0, 1, &barrier, 0, NULL, 0, NULL);
}

void svk_copy(svk_device *d, void *commands, uint64_t dst, uint64_t dst_offset, uint64_t src, uint64_t src_offset, uint64_t size) {
	VkBufferCopy region = {.src = src_offset, .dst = dst_offset, .size = size};
	d->copy(commands, src, dst, 1, &region);
}

void svk_name(svk_device *d, uint32_t type, uint64_t handle, const char *name) {
	VkDebugUtilsObjectNameInfoEXT info = {.sType = 1000128000, .objectType = type, .handle = handle, .name = name};
	if (d->name) d->name(d->handle, &info);
}

void svk_begin_label(svk_device *d, void *commands, const char *name) {
	VkDebugUtilsLabelEXT label = {.sType = 1000128002, .name = name};
	if (d->begin_label) d->begin_label(commands, &label);
}

void svk_end_label(svk_device *d, void *commands) {
	if (d->end_label) d->end_label(commands);
}

svk_calibration svk_calibrate(svk_device *d, uint32_t host_domain) {
	svk_calibration c = {.result = EXTENSION_NOT_PRESENT};
	if (!d->calibrate) return c;
	VkCalibratedTimestampInfoEXT infos[2] = {{.sType = 1000184000, .domain = 0}, {.sType = 1000184000, .domain = host_domain}};
	uint64_t ticks[2] = {0};
	c.result = d->calibrate(d->handle, 2, infos, ticks, &c.deviation);
	c.device = ticks[0];
	c.host = ticks[1];
	return c;
}

int64_t svk_executables(svk_device *d, uint64_t pipeline, VkPipelineExecutablePropertiesKHR *out, uint32_t max) {
	VkPipelineExecutableInfoKHR info = {.sType = 1000269001, .pipeline = pipeline};
	for (uint32_t i = 0; i < max; i++) out[i].sType = 1000269002;
	int32_t r = d->executables(d->handle, &info, &max, out);
	return r < 0 ? r : (int64_t)max;
}

int64_t svk_statistics(svk_device *d, uint64_t pipeline, uint32_t executable, VkPipelineExecutableStatisticKHR *out, uint32_t max) {
	VkPipelineExecutableInfoKHR info = {.sType = 1000269003, .pipeline = pipeline, .index = executable};
	for (uint32_t i = 0; i < max; i++) out[i].sType = 1000269004;
	int32_t r = d->statistics(d->handle, &info, &max, out);
	return r < 0 ? r : (int64_t)max;
}
