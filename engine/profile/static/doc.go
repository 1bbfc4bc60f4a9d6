// Package static shows what a driver's compiler made of the kernels, without running them:
// registers, spills, occupancy, and the compiler's own estimate of the time.
//
// Mesa's RADV compiles for AMD chips that are not there: with the environment variable
// RADV_FORCE_FAMILY set to one of [Families] it shows one device, "Null hardware", on
// which pipelines can be built and nothing runs ([vk.Caps.CompileOnly]).
package static
