// Package kernelbench runs one kernel alone: over shapes, types of weights and variants, each
// checked against its plain-Go reference and then timed by the device's clock, with caches
// flushed between the runs.
//
//	Sweep      what to try; Cases is its product
//	Case       a kernel of a shape, type and Variant
//	Workbench   a device with what stays from case to case; Run gives a Result
//
// matmul.go, attention.go and sampling.go hold, for each kernel, the inputs of a case, how
// it is recorded and how its output is checked.
package kernelbench
