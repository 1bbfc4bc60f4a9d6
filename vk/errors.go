package vk

import (
	"errors"
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

var (
	// ErrNoDevice: there is no usable Vulkan device; the error's text says what to install.
	ErrNoDevice = errors.New("no usable Vulkan device")
	// ErrDeviceLost: the device is gone (reset, unplugged, driver crash). Every later
	// call on the Device returns it too; a new Device may work.
	ErrDeviceLost = errors.New("device lost")
	// ErrOutOfMemory: device or host memory is exhausted.
	ErrOutOfMemory = errors.New("out of memory")
	// ErrTimeout: the device has not reached the ticket yet.
	ErrTimeout = errors.New("timeout")
)

// errorUnknown is newer than the binding.
const errorUnknown vulkan.Result = -13

var resultNames = map[vulkan.Result]string{
	vulkan.NotReady:                  "VK_NOT_READY",
	vulkan.Timeout:                   "VK_TIMEOUT",
	vulkan.Incomplete:                "VK_INCOMPLETE",
	vulkan.ErrorOutOfHostMemory:      "VK_ERROR_OUT_OF_HOST_MEMORY",
	vulkan.ErrorOutOfDeviceMemory:    "VK_ERROR_OUT_OF_DEVICE_MEMORY",
	vulkan.ErrorInitializationFailed: "VK_ERROR_INITIALIZATION_FAILED",
	vulkan.ErrorDeviceLost:           "VK_ERROR_DEVICE_LOST",
	vulkan.ErrorMemoryMapFailed:      "VK_ERROR_MEMORY_MAP_FAILED",
	vulkan.ErrorLayerNotPresent:      "VK_ERROR_LAYER_NOT_PRESENT",
	vulkan.ErrorExtensionNotPresent:  "VK_ERROR_EXTENSION_NOT_PRESENT",
	vulkan.ErrorFeatureNotPresent:    "VK_ERROR_FEATURE_NOT_PRESENT",
	vulkan.ErrorIncompatibleDriver:   "VK_ERROR_INCOMPATIBLE_DRIVER",
	vulkan.ErrorTooManyObjects:       "VK_ERROR_TOO_MANY_OBJECTS",
	vulkan.ErrorFragmentedPool:       "VK_ERROR_FRAGMENTED_POOL",
	vulkan.ErrorInvalidShaderNv:      "VK_ERROR_INVALID_SHADER_NV",
	errorUnknown:                     "VK_ERROR_UNKNOWN",
	vulkan.ErrorOutOfPoolMemory:      "VK_ERROR_OUT_OF_POOL_MEMORY",
}

func resultName(r vulkan.Result) string {
	if s := resultNames[r]; s != "" {
		return s
	}
	return fmt.Sprintf("VkResult %d", int(r))
}

// resultError maps a failed VkResult to the sentinel that callers branch on; nil for
// success codes.
func resultError(op string, r vulkan.Result) error {
	switch {
	case r >= 0:
		return nil
	case r == vulkan.ErrorDeviceLost:
		return fmt.Errorf("vk: %s: %w", op, ErrDeviceLost)
	case r == vulkan.ErrorOutOfHostMemory, r == vulkan.ErrorOutOfDeviceMemory, r == vulkan.ErrorOutOfPoolMemory:
		return fmt.Errorf("vk: %s: %w (%s)", op, ErrOutOfMemory, resultName(r))
	}
	return fmt.Errorf("vk: %s: %s", op, resultName(r))
}

// SizeText is a byte count as every message and table has it: exact when small, else in MiB or GiB.
func SizeText(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<30:
		return fmt.Sprintf("%.2f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
}
