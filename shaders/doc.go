// Package shaders holds the compute kernels. A kernel is a family of files side
// by side: NAME.comp (GLSL), NAME.go (push constants, bindings, grid) and
// NAME_test.go, against its reference in plain Go (package reference); its SPIR-V
// lies in spv/, made by go generate.
//
// [Set] is the kernels of one device; its methods record one dispatch each.
// [Matrix] is a weight matrix on the device, in the layout that [Type] and
// [RepackFirst] define. [Row] and [Sampling] are what a step reads of its tokens.
// Nothing here knows a model.
package shaders
