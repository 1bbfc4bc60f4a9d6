// Package vk is the device: it finds a Vulkan driver, opens a device, hands out
// memory, builds compute pipelines, records commands and submits them. It knows
// neither tensors nor models.
//
//	Instance        the loader and the physical devices; Select chooses one
//	Device          one compute queue, its memory and its timeline; safe for concurrent use
//	Buffer, Range   sub-allocated memory and a part of it
//	Uploader        a staging ring for filling device memory from many goroutines
//	Pipeline        a compiled compute shader
//	Commands        recorded dispatches and copies with automatic barriers,
//	                submitted again and again
//	Ticket          a point on the device's timeline, to wait for
//
// Tests have it fail by Config.Fault, and drivers compile wrongly by Config.Shader.
//
// The minimum is a Vulkan 1.2 device without any optional feature; Caps is what a
// device has beyond that, and OpenDevice enables all of it that kernels may use.
//
// The package stands on github.com/vulkan-go/vulkan; the ext files add what it lacks,
// and ext.go says which of its calls are not used and why.
package vk
