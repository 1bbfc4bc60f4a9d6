// Package engine runs a Gemma-architecture model on a Vulkan device.
//
// [Load] puts a file's weights on the device and gives a [Model]; a [Session]
// is one sequence with its part of the paged KV cache; [Session.Generate]
// answers a prompt. One goroutine of the model uses the device: others hand it
// requests ([Model.Submit]), which join and leave the running batch, and functions
// to run between two steps ([Model.BetweenSteps]); queue.go is their queue.
//
// forward.go is the whole model as one flat list of dispatches. A decode step is
// recorded once and submitted again for every token: token ids, positions and
// sampling parameters live on the device, where the kernels read and advance them
// (decode.go is the loop, steps.go the recordings; prefill.go computes prompts).
// [Model.Trace] tells what is submitted and how long it took, for package profile
// (trace.go).
// A [Logprob] is what the model thought of a token, of an answer's or of a prompt's
// (logprobs.go).
package engine
