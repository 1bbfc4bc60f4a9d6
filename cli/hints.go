package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/cli/openai"
)

// foreign is a flag of llama.cpp's programs, Ollama or vLLM, and what to type here instead.
type foreign struct {
	names string   // without dashes, separated by blanks
	ours  []string // the flag here; of several the first that the command has
	text  string   // what to do where the command has no such flag, or why it is not needed; "": nothing to say then
}

const (
	allOnDevice  = "all layers run on one device, which --device names"
	deviceWorks  = "the device computes, and has its own number of threads: leave it out"
	oneFile      = "the model is read as fast as the device takes it: leave it out"
	noAdapter    = "adapters are not applied: merge it into the model first"
	templates    = "templates are Jinja and come with the model: leave it out"
	noSampler    = "there is no such sampler; --temp, --top-k, --top-p, --min-p and --repeat-penalty are there"
	inRequests   = "it is a field of batch's lines and of requests to serve"
	talks        = "sealvk chat talks, sealvk generate answers one prompt"
	plainOutput  = "nothing but the answer is on standard output: leave it out"
	ropeOfFile   = "positions are as the model's file has them: leave it out"
	chooseChunks = "as many tokens at once as suit the device: leave it out"
	pulled       = "-m org/repo[:quant], which sealvk pull brings first"
	guesses      = "there is no second model; --speculate guesses from the text"
)

var foreigns = []foreign{
	{"p prompt", nil, "the prompt is an argument: sealvk generate 'TEXT'"},
	{"f file bf binary-file", nil, "the prompt is an argument or standard input: sealvk generate < FILE"},
	{"sys system-prompt", []string{"system"}, ""},
	{"sysf system-prompt-file", []string{"system"}, ""},
	{"c ctx-size num-ctx max-model-len context-length max-seq-len", []string{"ctx"}, ""},
	{"s", []string{"seed"}, ""},
	{"predict n-predict num-predict max-tokens max-new-tokens", []string{"n"}, ""},
	{"temperature t0", []string{"temp"}, ""},
	{"repetition-penalty", []string{"repeat-penalty"}, ""},
	{"r reverse-prompt stop-sequence", []string{"stop"}, ""},
	{"chat-template chat-template-file", []string{"template"}, ""},
	{"jinja no-jinja", nil, templates},
	{"e escape no-escape", nil, `texts are taken as they are, but for --stop, which knows \n and \t; the shell has $'a\nb'`},
	{"i interactive interactive-first cnv conversation mli multiline-input", nil, talks},
	{"no-cnv no-conversation", []string{"raw"}, talks},
	{"st single-turn", nil, talks},
	{"grammar-file", []string{"grammar"}, ""},
	{"j", []string{"json-schema"}, ""},
	{"jf json-schema-file", []string{"json-schema"}, ""},
	{"ctk ctv cache-type-k cache-type-v kv-cache-dtype kv-cache-type", []string{"kv"}, ""},
	{"np max-num-seqs num-parallel", []string{"parallel"}, ""},
	{"a served-model-name", []string{"alias"}, ""},
	{"keep-alive keepalive sleep-idle-seconds", []string{"idle-unload"}, ""},
	{"ssl-key-file ssl-keyfile", []string{"tls-key"}, ""},
	{"ssl-cert-file ssl-certfile", []string{"tls-cert"}, ""},
	{"allowed-origins", []string{"cors"}, ""},
	{"timeout to", nil, "requests may take as long as they need; --grace is how long a stopped server goes on"},
	{"hf hfr hf-repo hff hf-file hft hf-token mu model-url dr docker-repo", nil, pulled},
	{"dev mg main-gpu sm split-mode ts tensor-split tensor-parallel-size pipeline-parallel-size", []string{"device"}, allOnDevice},
	{"ngl gpu-layers n-gpu-layers num-gpu cmoe ncmoe n-cpu-moe cpu-moe ot override-tensor nkvo no-kv-offload nopo no-op-offload no-host", nil, allOnDevice},
	{"t threads tb threads-batch num-thread C cpu-mask Cr cpu-range cpu-strict prio poll numa", nil, deviceWorks},
	{"mlock mmap no-mmap mmp dio direct-io lm load-mode lzm lazy-mode repack nr no-repack", nil, oneFile},
	{"fa flash-attn", nil, "attention is always computed in one kernel: leave it out"},
	{"b batch-size ub ubatch-size max-num-batched-tokens", nil, chooseChunks},
	{"fit fitt fit-target fitc fit-ctx gpu-memory-utilization", nil, "--ctx auto takes the longest context that fits"},
	{"lora lora-scaled control-vector adapter enable-lora", nil, noAdapter},
	{"samplers sampler-seq sampling-seq mirostat mirostat-lr mirostat-ent typical typical-p xtc-probability xtc-threshold " +
		"dynatemp-range dynatemp-exp dry-multiplier dry-base top-nsigma top-n-sigma repeat-last-n", nil, noSampler},
	{"presence-penalty frequency-penalty l logit-bias ignore-eos", nil, inRequests},
	{"color co log-colors log-disable log-prefix log-timestamps no-display-prompt simple-io no-show-timings", nil, plainOutput},
	{"perf no-perf show-timings verbose-prompt lv verbosity log-verbosity", []string{"verbose"}, ""},
	{"rope-scaling rope-scale rope-freq-base rope-freq-scale yarn-orig-ctx yarn-ext-factor", nil, ropeOfFile},
	{"keep context-shift no-context-shift", []string{"overflow"}, "a full context ends an answer; --ctx makes it larger"},
	{"md model-draft draft draft-max draft-min hfd spec-type speculative-config", []string{"speculate"}, guesses},
	{"no-warmup warmup", nil, "nothing is computed before it is asked for: leave it out"},
	{"offline", nil, "nothing but sealvk pull uses the network: leave it out"},
	{"list-devices", nil, "sealvk devices lists them"},
	{"cl cache-list", nil, "sealvk list lists them"},
	{"n-gen-warmup", []string{"no-warmup"}, ""},
	{"progress", nil, "how far it has come is shown on a terminal: leave it out"},
	{"embd embeddings embedding pooling rerank", nil, "it answers, and makes no embeddings"},
	{"dtype quantization q", nil, "weights are computed as they are stored; sealvk quantize makes a file of another type"},
	{"trust-remote-code enforce-eager enable-prefix-caching cache-prompt cont-batching cb kvu", nil, "it is not needed: leave it out"},
}

// foreignCommands are what other programs call what a command does here.
var foreignCommands = map[string]string{
	"run": "sealvk chat -m MODEL", "cli": "sealvk chat -m MODEL", "completion": "sealvk generate -m MODEL 'TEXT'", "complete": "sealvk generate -m MODEL 'TEXT'",
	"server": "sealvk serve -m MODEL", "start": "sealvk serve -m MODEL", "ls": "sealvk list", "show": "sealvk inspect MODEL", "info": "sealvk inspect MODEL",
	"download": "sealvk pull MODEL", "convert": "sealvk quantize IN OUT.gguf --type MIX", "create": "sealvk quantize IN OUT.gguf --type MIX",
	"benchmark": "sealvk bench -m MODEL", "tokenizer": "sealvk tokenize 'TEXT'", "ppl": "sealvk perplexity FILE", "eval": "sealvk score FILE",
	"run-batch": "sealvk batch FILE -o OUT", "version": "sealvk --version",
}

// minusOne is what -1 means for a flag in other programs, and how to say it here.
var minusOne = map[string]string{
	"n":     "0 sets no limit",
	"seed":  "without the flag it is random",
	"top-k": "0 takes all",
}

// insteadOf says what to type for an unknown flag of a command, as the begin of a sentence; "" if nothing is like it.
func insteadOf(name string, c *cli.Command) string {
	var names []string
	for _, f := range c.Flags {
		if v, ok := f.(cli.VisibleFlag); ok && v.IsVisible() {
			names = append(names, f.Names()...)
		}
	}
	name = strings.ReplaceAll(name, "_", "-") // which llama.cpp takes for it
	for _, f := range foreigns {
		if !slices.Contains(strings.Fields(f.names), name) {
			continue
		}
		for _, ours := range f.ours {
			if slices.Contains(names, ours) {
				return "here it is " + dashed(ours) + "; "
			}
		}
		if f.text != "" {
			return f.text + "; "
		}
	}
	if like := openai.Nearest(name, names); like != "" {
		return "is " + dashed(like) + " meant? Else "
	}
	return ""
}

// insteadOfCommand does so for an unknown command.
func insteadOfCommand(name string, commands []*cli.Command) string {
	if ours, ok := foreignCommands[name]; ok {
		return "here it is " + ours + "; "
	}
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	if like := openai.Nearest(name, names); like != "" {
		return "is " + like + " meant? Else "
	}
	return ""
}
