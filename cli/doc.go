// Command sealvk runs SeaLLM-7B-v2.5 and other models of the Gemma
// architecture on any GPU with Vulkan.
//
// The package reads flags, files and the environment, prints and exits, and
// leaves every computation to the packages below it. One command is one file:
// generate.go (with generate_lines.go and structure.go), batch.go (with batch_run.go, batch_settings.go, batch_progress.go and batch_check.go;
// what it does with lines is package batch, what they ask package openai), chat.go (with chat_….go, one for a group of its
// commands; its files are package chats, its terminal packages terminal, edit, cells and markdown), serve.go (with serve_flags.go and serve_listen.go; the server
// is package serve, package resident keeps its model), pull.go, list.go, quantize.go, devices.go (with
// devices_measure.go and devices_check.go), inspect.go,
// tokenize.go (with tokenize_chat.go for conversations), logits.go, score.go, perplexity.go, synth.go,
// bench.go (with bench_lists.go, bench_forms.go and bench_compare.go)
// and profile.go (with profile_kernel.go, profile_diff.go, profile_roofline.go and
// profile_static.go for its own commands; the forms of a profile are in engine/profile/report).
// What they share:
//
//   - main.go: program, the streams of this run; from arguments to exit code
//   - args.go, flags.go: flags in any place; modelFlags and samplingFlags, the
//     flags of the commands that use a model
//   - tune.go: --tune, knobs of kernels for a whole run
//   - model.go: opened, a model on its device with its tokenizer.go and
//     template.go; nano.go is the demo, hub.go and ollama.go find names
//     in the caches of others
//   - reopen.go: a model's device is lost and opened again
//   - answer.go, lines.go, editor.go: one answer, and the lines that a chat's turns are
//   - ordered.go, conversations.go: lines of JSON on all cores, in order
//   - output.go, progress.go, signals.go: forms and files to write, bars and Ctrl-C
//
// Standard output carries answers and nothing else; notices, progress and
// errors go to standard error. Exit codes: 0 done, 1 an error (one line on
// standard error), 3 what profile diff must not find, 128+n stopped by signal n.
package main
