// Package shaders holds the compute kernels. A kernel is a family of files: NAME.comp (GLSL),
// NAME.go (its descriptor, a [Kernel], its arguments, and how it is recorded) and cases/NAME.go, which
// compares it with plain Go (package reference). go generate makes its SPIR-V, in spv/, and its
// interface in Go, in kernels_gen.go.
//
// [Kernels] is the kernels of one device; its methods record one dispatch each. [All] lists the
// descriptors. [Matrix] is a weight matrix on the device, in the layout that [Type] and
// [RepackFirst] define. [Row] and [Sampling] are what a step reads of its tokens.
// Nothing here knows a model, but for the shapes that profiling takes when none is given.
package shaders
