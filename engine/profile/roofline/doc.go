// Package roofline measures what a Vulkan device can really do, so that a kernel's rate can
// be given as a share of it.
//
//	Roofs      the figures, of one device and driver
//	Measure    runs the microbenchmarks and checks what they computed
//	Load, Save keep Roofs in a folder, a file for each device and driver
//	For        loads, or measures and saves
//
// A roof is the best of several variants of a kernel and of several runs: work is added
// until a run takes 20 ms of the device's time. Spread says how much the runs of the best
// variant differed, so that a noisy machine shows.
package roofline
