// Command sealvk runs SeaLLM-7B-v2.5 and other models of the Gemma
// architecture on any GPU with Vulkan.
//
// The package reads flags, files and the environment, prints and exits, and
// leaves every computation to the packages below it. One command is one file:
// chat.go, generate.go, devices.go, inspect.go, tokenize.go, logits.go and
// synth.go. The types they share:
//
//   - program: the streams of this run and what every command needs of them
//   - modelFlags, samplingFlags: the flags of the commands that use a model
//   - opened: a model on its device, with its tokenizer and template
//
// Standard output carries answers and nothing else; notices, progress and
// errors go to standard error. Exit codes: 0 done, 1 an error (one line on
// standard error), 128+n stopped by signal n.
package main
