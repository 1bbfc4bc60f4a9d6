#include "ext_private.h"

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
	int32_t(SVK_CALL *representations)(void *, const VkPipelineExecutableInfoKHR *, uint32_t *, VkPipelineExecutableInternalRepresentationKHR *);
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
	LOAD(d, representations, "vkGetPipelineExecutableInternalRepresentationsKHR", none);
	// Debug utils is an instance extension: its functions come from the instance.
	get = in->get;
	handle = in->handle;
	LOAD(d, name, "vkSetDebugUtilsObjectNameEXT", none);
	LOAD(d, begin_label, "vkCmdBeginDebugUtilsLabelEXT", none);
	LOAD(d, end_label, "vkCmdEndDebugUtilsLabelEXT", none);
	return d;
}

int32_t svk_submit(svk_device *d, void *queue, uint64_t await, uint64_t await_value, uint32_t count, const uintptr_t *commands, uint64_t semaphore, uint64_t value) {
	const uint32_t waits = await != 0, stages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	VkTimelineSemaphoreSubmitInfo timeline = {.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO, .waitValueCount = waits, .waitValues = &await_value,
		.signalValueCount = 1, .signalValues = &value};
	VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .pNext = &timeline, .waitCount = waits, .waits = &await, .waitStages = &stages,
		.commandCount = count, .commands = commands, .signalCount = 1, .signals = &semaphore};
	return d->submit(queue, 1, &info, 0);
}

int32_t svk_wait(svk_device *d, uint64_t semaphore, uint64_t value, uint64_t timeout_ns) {
	VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, .count = 1, .semaphores = &semaphore, .values = &value};
	return d->wait(d->handle, &info, timeout_ns);
}

svk_counter svk_semaphore_value(svk_device *d, uint64_t semaphore) {
	svk_counter c = {0};
	c.result = d->value(d->handle, semaphore, &c.value);
	return c;
}

svk_counter svk_new_pipeline(svk_device *d, uint64_t module, uint64_t layout, uint64_t cache, uint32_t flags,
	uint32_t subgroup_size, uint32_t full_subgroups, uint32_t constant_count, const uint32_t *constants) {
	VkSpecializationMapEntry entries[SVK_MAX_CONSTANTS];
	for (uint32_t i = 0; i < constant_count; i++)
		entries[i] = (VkSpecializationMapEntry){.constantID = i, .offset = 4 * i, .size = 4};
	VkSpecializationInfo specialization = {.mapEntryCount = constant_count, .mapEntries = entries,
		.dataSize = 4 * constant_count, .data = constants};
	VkPipelineShaderStageRequiredSubgroupSizeCreateInfo required = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
		.requiredSubgroupSize = subgroup_size,
	};
	VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.flags = flags,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .pNext = subgroup_size ? &required : NULL,
			.flags = full_subgroups ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = module, .name = "main",
			.specialization = constant_count ? &specialization : NULL,
		},
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
		writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.set = set, .binding = i, .count = 1, .type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .buffers = &buffers[i]};
	d->update_sets(d->handle, count, writes, 0, NULL);
}

void svk_barrier(svk_device *d, void *commands, uint32_t src_stages, uint32_t dst_stages, uint32_t src_access, uint32_t dst_access) {
	VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccess = src_access, .dstAccess = dst_access};
	d->barrier(commands, src_stages, dst_stages, 0, 1, &barrier, 0, NULL, 0, NULL);
}

void svk_copy(svk_device *d, void *commands, uint64_t dst, uint64_t dst_offset, uint64_t src, uint64_t src_offset, uint64_t size) {
	VkBufferCopy region = {.src = src_offset, .dst = dst_offset, .size = size};
	d->copy(commands, src, dst, 1, &region);
}

void svk_name(svk_device *d, uint32_t type, uint64_t handle, const char *name) {
	VkDebugUtilsObjectNameInfoEXT info = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, .objectType = type, .handle = handle, .name = name};
	if (d->name) d->name(d->handle, &info);
}

void svk_begin_label(svk_device *d, void *commands, const char *name) {
	VkDebugUtilsLabelEXT label = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT, .name = name};
	if (d->begin_label) d->begin_label(commands, &label);
}

void svk_end_label(svk_device *d, void *commands) {
	if (d->end_label) d->end_label(commands);
}

svk_calibration svk_calibrate(svk_device *d, uint32_t host_domain) {
	svk_calibration c = {.result = VK_ERROR_EXTENSION_NOT_PRESENT};
	if (!d->calibrate) return c;
	VkCalibratedTimestampInfoEXT infos[2] = {
		{.sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT, .domain = VK_TIME_DOMAIN_DEVICE},
		{.sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT, .domain = host_domain},
	};
	uint64_t ticks[2] = {0};
	c.result = d->calibrate(d->handle, 2, infos, ticks, &c.deviation);
	c.device = ticks[0];
	c.host = ticks[1];
	return c;
}

int64_t svk_executables(svk_device *d, uint64_t pipeline, VkPipelineExecutablePropertiesKHR *out, uint32_t max) {
	VkPipelineExecutableInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
	for (uint32_t i = 0; i < max; i++) out[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR;
	int32_t r = d->executables(d->handle, &info, &max, out);
	return r < 0 ? r : (int64_t)max;
}

int64_t svk_statistics(svk_device *d, uint64_t pipeline, uint32_t executable, VkPipelineExecutableStatisticKHR *out, uint32_t max) {
	VkPipelineExecutableInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline, .index = executable};
	for (uint32_t i = 0; i < max; i++) out[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
	int32_t r = d->statistics(d->handle, &info, &max, out);
	return r < 0 ? r : (int64_t)max;
}

int64_t svk_representations(svk_device *d, uint64_t pipeline, uint32_t executable, VkPipelineExecutableInternalRepresentationKHR *out, uint32_t max) {
	VkPipelineExecutableInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline, .index = executable};
	for (uint32_t i = 0; i < max; i++) out[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
	int32_t r = d->representations(d->handle, &info, &max, out);
	return r < 0 ? r : (int64_t)max;
}
