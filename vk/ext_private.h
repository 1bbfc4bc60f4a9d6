// What ext.c and extdevice.c share and Go does not see.
#ifndef SEALVK_EXT_PRIVATE_H
#define SEALVK_EXT_PRIVATE_H

#include "ext.h"

#include <stdlib.h>
#include <string.h>

typedef void (*proc)(void);
typedef proc(SVK_CALL *get_proc)(void *parent, const char *name);

// LOAD sets t->field to the first of two names that exists. Through a plain pointer,
// because every function pointer here has the same size and a different type.
#define LOAD(t, field, name, other)                          \
	do {                                                     \
		proc p_ = get(handle, name);                         \
		if (!p_ && other) p_ = get(handle, other);           \
		memcpy(&(t)->field, &p_, sizeof p_);                 \
	} while (0)

typedef struct {
	char name[256];
	uint32_t specVersion;
} VkExtensionProperties;

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

#endif
