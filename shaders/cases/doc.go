// Package cases runs single kernels and checks them: NAME.go has a kernel's inputs, its recording
// and what its outputs are compared with, once for its test, which goes over ragged sizes and odd
// inputs, and for whoever times it or doubts a driver.
//
//	Case    a kernel of a shape, type and Variant
//	Bench   a case on a device: Plan, Make, Record, then Check
//
// Sizes, usual shapes and tuning knobs are those of the kernel's descriptor ([shaders.Kernel]).
// Buffers are guarded and poisoned ([sealvk/shaders/guarded]).
package cases
