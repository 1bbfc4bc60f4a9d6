package vk

/*
#include "ext.h"
*/
import "C"

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// maxExecutables is more executables of a pipeline, and figures and forms of an
// executable, than any driver has.
const maxExecutables = 64

func (t deviceTable) executables(p vulkan.Pipeline, statistics bool) ([]Executable, vulkan.Result) {
	var a arena
	defer a.free()
	props := slice[C.VkPipelineExecutablePropertiesKHR](&a, maxExecutables)
	n := C.svk_executables(t.c, C.uint64_t(raw(p)), &props[0], maxExecutables)
	if n < 0 {
		return nil, vulkan.Result(n)
	}
	list := make([]Executable, n)
	for i := range list {
		list[i] = Executable{Name: C.GoString(&props[i].name[0]), SubgroupSize: int(props[i].subgroupSize)}
		if !statistics {
			continue
		}
		stats := slice[C.VkPipelineExecutableStatisticKHR](&a, maxExecutables)
		m := C.svk_statistics(t.c, C.uint64_t(raw(p)), C.uint32_t(i), &stats[0], maxExecutables)
		if m < 0 {
			return nil, vulkan.Result(m)
		}
		for j := range stats[:m] {
			s := &stats[j]
			list[i].Statistics = append(list[i].Statistics, Statistic{
				Name: C.GoString(&s.name[0]), Value: statisticValue(uint32(s.format), uint64(s.value)),
			})
		}
	}
	return list, vulkan.Success
}

func statisticValue(format uint32, bits uint64) string {
	switch format {
	case C.VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32:
		return fmt.Sprint(uint32(bits) != 0)
	case C.VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64:
		return fmt.Sprint(int64(bits))
	case C.VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64:
		return fmt.Sprint(bits)
	}
	return fmt.Sprint(*(*float64)(unsafe.Pointer(&bits)))
}

// representations asks twice: for the sizes, then with room for the data.
func (t deviceTable) representations(p vulkan.Pipeline, executable int) ([]Representation, vulkan.Result) {
	var a arena
	defer a.free()
	forms := slice[C.VkPipelineExecutableInternalRepresentationKHR](&a, maxExecutables)
	get := func() C.int64_t {
		return C.svk_representations(t.c, C.uint64_t(raw(p)), C.uint32_t(executable), &forms[0], maxExecutables)
	}
	n := get()
	if n < 0 {
		return nil, vulkan.Result(n)
	}
	for i := range forms[:n] {
		forms[i].data = a.bytes(int(forms[i].dataSize))
	}
	if n = get(); n < 0 {
		return nil, vulkan.Result(n)
	}
	list := make([]Representation, n)
	for i := range list {
		f := &forms[i]
		list[i] = Representation{
			Name: C.GoString(&f.name[0]), Text: strings.TrimSpace(C.GoString(&f.description[0])),
			IsText: f.isText != 0, Data: slices.Clone(bytesAt(f.data, int(f.dataSize))),
		}
		if list[i].IsText { // the size counts the text's NUL
			list[i].Data, _, _ = bytes.Cut(list[i].Data, []byte{0})
		}
	}
	return list, vulkan.Success
}
