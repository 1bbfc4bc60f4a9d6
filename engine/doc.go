// Package engine runs a Gemma-architecture model on a Vulkan device.
//
// [Load] puts a file's weights on the device and gives a [Model]; a [Session]
// is one sequence with its part of the paged KV cache; [Session.Generate]
// answers a prompt. forward.go is the whole model as one flat list of
// dispatches. A decode step is recorded once and submitted again for every
// token: token ids, positions and sampling parameters live on the device, where
// the kernels read and advance them (decode.go). [Model.Trace] tells what is
// submitted and how long it took, for package profile (trace.go).
package engine
