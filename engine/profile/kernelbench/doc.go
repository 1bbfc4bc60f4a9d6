// Package kernelbench runs one kernel alone: over shapes, types of weights and variants, each
// checked against its plain-Go reference and then timed by the device's clock, with caches
// flushed between the runs.
//
//	Sweep      what to try; Cases is its product
//	Case       a kernel of a shape, type and Variant
//	Workbench   a device with what stays from case to case; Run gives a Result
//
// benches, in bench.go, names for each kernel what makes the inputs of a case, records it and
// checks its output; sizes, usual shapes and tuning knobs are those of its descriptor
// ([shaders.Kernel]).
package kernelbench
