// Package kernelbench runs one kernel alone: over shapes, types of weights and variants, each
// checked against its plain-Go reference and then timed by the device's clock, with caches
// flushed between the runs.
//
//	Sweep      what to try; Cases is its product
//	Case       a kernel of a shape, type and Variant
//	Workbench   a device with what stays from case to case; Run gives a Result
//
// Inputs, recording and check of a kernel are those of its case ([sealvk/shaders/cases]); sizes,
// usual shapes and tuning knobs those of its descriptor ([shaders.Kernel]).
package kernelbench
