#include "ext_private.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

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
	uint32_t version = VK_API_VERSION_1_0; // whose loader has no such function
	if (f) f(&version);
	return version;
}

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
	if (!f) return VK_ERROR_EXTENSION_NOT_PRESENT;
	uint32_t count = max;
	VkExtensionProperties *p = calloc(max, sizeof *p);
	int32_t r = f(layer, &count, p);
	int64_t n = r < 0 ? r : names(p, sizeof *p, count, out, max);
	free(p);
	return n;
}

int64_t svk_instance_layers(void *gipa, char (*out)[256], uint32_t *versions, uint32_t max) {
	int32_t(SVK_CALL *f)(uint32_t *, VkLayerProperties *) =
		(int32_t(SVK_CALL *)(uint32_t *, VkLayerProperties *))((get_proc)gipa)(NULL, "vkEnumerateInstanceLayerProperties");
	if (!f) return VK_ERROR_EXTENSION_NOT_PRESENT;
	uint32_t count = max;
	VkLayerProperties *p = calloc(max, sizeof *p);
	int32_t r = f(&count, p);
	int64_t n = r < 0 ? r : names(p, sizeof *p, count, out, max);
	for (int64_t i = 0; i < n; i++) versions[i] = p[i].specVersion;
	free(p);
	return n;
}

// ---- instance ----

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
	f->base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
	f->base.pNext = NULL;
	void **tail = &f->base.pNext;
	APPEND(&f->storage16, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
	APPEND(&f->storage8, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES);
	APPEND(&f->float16_int8, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES);
	APPEND(&f->timeline, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES);
	APPEND(&f->scalar_layout, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SCALAR_BLOCK_LAYOUT_FEATURES);
	APPEND(&f->memory_model, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES);
	APPEND(&f->subgroup_types, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES);
	if (has & SVK_HAS_MAINTENANCE4) APPEND(&f->maintenance4, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES);
	if (has & SVK_HAS_SIZE_CONTROL) APPEND(&f->size_control, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES);
	if (has & SVK_HAS_DOT) APPEND(&f->dot, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES);
	if (has & SVK_HAS_COOP) APPEND(&f->coop, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
	if (has & SVK_HAS_EXECUTABLE) APPEND(&f->executable, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR);
}

void svk_query(svk_instance *in, void *physical, uint32_t has, svk_properties *p, svk_features *f) {
	p->base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
	p->base.pNext = NULL;
	void **tail = &p->base.pNext;
	APPEND(&p->id, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES);
	APPEND(&p->driver, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
	APPEND(&p->subgroup, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES);
	APPEND(&p->maintenance3, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
	if (has & SVK_HAS_MAINTENANCE4) APPEND(&p->maintenance4, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES);
	if (has & SVK_HAS_SIZE_CONTROL) APPEND(&p->size_control, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES);
	if (has & SVK_HAS_DOT) APPEND(&p->dot, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES);
	if (has & SVK_HAS_COOP) APPEND(&p->coop, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR);
	if (has & SVK_HAS_SM_BUILTINS) APPEND(&p->sm_builtins, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV);
	if (has & SVK_HAS_SHADER_CORE) APPEND(&p->shader_core, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD);
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
	VkPhysicalDeviceMemoryBudgetPropertiesEXT b = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
	VkPhysicalDeviceMemoryProperties2 m = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &b};
	in->memory2(physical, &m);
	memcpy(budget, b.budget, sizeof b.budget);
	memcpy(usage, b.usage, sizeof b.usage);
}

uint32_t svk_coop_matrices(svk_instance *in, void *physical, VkCooperativeMatrixPropertiesKHR *out, uint32_t max) {
	if (!in->coop) return 0;
	for (uint32_t i = 0; i < max; i++) out[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
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
	info->sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
	info->severity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
	info->types = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT; // not the loader's or a driver's chatter
	info->callback = (void *)message;
	info->userData = (void *)handle;
}

int32_t svk_new_messenger(svk_instance *in, uintptr_t handle, uint64_t *out) {
	VkDebugUtilsMessengerCreateInfoEXT info;
	svk_fill_messenger(&info, handle);
	if (!in->new_messenger) return VK_ERROR_EXTENSION_NOT_PRESENT;
	return in->new_messenger(in->handle, &info, NULL, out);
}

void svk_free_messenger(svk_instance *in, uint64_t messenger) {
	in->free_messenger(in->handle, messenger, NULL);
}
