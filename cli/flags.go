package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine"
	"sealvk/prompt/grammar"
	"sealvk/vk"
)

// real is a flag's number with the range it must lie in, ends included.
type real struct{ value, min, max float64 }

func (r *real) String() string { return strconv.FormatFloat(r.value, 'g', -1, 64) }

func (r *real) Set(s string) error {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || v < r.min || v > r.max {
		return fmt.Errorf("want a number from %g to %g", r.min, r.max)
	}
	r.value = v
	return nil
}

// whole is a flag's integer with the range it must lie in, ends included.
type whole struct{ value, min, max uint64 }

func (w *whole) String() string { return strconv.FormatUint(w.value, 10) }

func (w *whole) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil || v < w.min || v > w.max {
		return fmt.Errorf("want a whole number from %d to %d", w.min, w.max)
	}
	w.value = v
	return nil
}

// wholeOr is a whole, or one of a few words that stand for other numbers.
type wholeOr struct {
	whole
	words map[string]uint64
	names string // of the words, for errors
}

// auto is beyond every number that a flag takes.
const auto = math.MaxUint64

func newContextSize() wholeOr {
	return wholeOr{whole{0, 0, 1 << 20}, map[string]uint64{"auto": auto}, "or auto"}
}

func newDrafts() wholeOr {
	return wholeOr{whole{auto, 1, engine.MostDrafted}, map[string]uint64{"auto": auto, "off": 0}, "auto or off"}
}

func (w *wholeOr) String() string {
	for word, value := range w.words {
		if value == w.value {
			return word
		}
	}
	return w.whole.String()
}

func (w *wholeOr) Set(text string) error {
	if value, ok := w.words[text]; ok {
		w.value = value
		return nil
	}
	if err := w.whole.Set(text); err != nil {
		return fmt.Errorf("%w, %s", err, w.names)
	}
	return nil
}

// number is the value, or what auto means to the engine.
func (w *wholeOr) number(forAuto int) int {
	if w.value == auto {
		return forAuto
	}
	return int(w.value)
}

// choice is a flag that takes one of a few words.
type choice struct {
	value string
	words []string
}

func (c *choice) String() string { return c.value }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return errors.New("want " + strings.Join(c.words, " or "))
	}
	c.value = s
	return nil
}

const (
	categoryModel    = "Model and device:"
	categorySampling = "Sampling:"
	categoryMeasure  = "What is measured:"
	categoryShow     = "What is shown:"
)

// toggleFlag is a flag that is given or not. A flag's name is followed by its alias where it has
// one, as in "verbose, v"; its category is "" where the command has none.
func toggleFlag(into *bool, category, name, usage string) cli.Flag {
	name, aliases := nameAndAliases(name)
	return &cli.BoolFlag{Name: name, Aliases: aliases, Destination: into, Category: category, Usage: usage, DisableDefaultText: true}
}

// textFlag is a flag with any text.
func textFlag(into *string, category, name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Destination: into, Category: category, Usage: usage}
}

// fileFlag is a flag with the name of a file, which must not be empty.
func fileFlag(into *string, category, name, usage string) cli.Flag {
	name, aliases := nameAndAliases(name)
	return &cli.StringFlag{Name: name, Aliases: aliases, Destination: into, Category: category, Usage: usage, TakesFile: true}
}

// valueFlag is a flag with a value of its own type, the default before it is given.
func valueFlag(into cli.Generic, category, name, usage string) cli.Flag {
	name, aliases := nameAndAliases(name)
	return &cli.GenericFlag{Name: name, Aliases: aliases, Value: into, Category: category, Usage: usage}
}

func nameAndAliases(name string) (string, []string) {
	names := strings.Split(name, ", ")
	return names[0], names[1:]
}

// modelFlags say which model runs, and where.
type modelFlags struct {
	path      string // "" for the embedded seallm-nano
	synthetic string // SHAPE:TYPE instead of path
	device    string
	restrict  string
	intDot    bool
	tune      settings
	numerics  choice
	context   wholeOr // 0: the model's own, at most 8192
	kv        choice
	verbose   bool
	validate  bool
	sessions  int // that requests share, fewer if more do not fit; 0: one, which is opened's
}

func newModelFlags() *modelFlags {
	return &modelFlags{
		context:  newContextSize(),
		kv:       choice{"f16", kvTypes},
		numerics: choice{engine.NumericsAuto.String(), numericsModes},
	}
}

// kvTypes are the words of --kv, in the order of engine.KVType.
var kvTypes = []string{engine.KVF16.String(), engine.KVF32.String(), engine.KVQ8.String()}

// numericsModes are the words of --numerics, in the order of engine.Numerics.
var numericsModes = []string{engine.NumericsAuto.String(), engine.NumericsInvariant.String(), engine.NumericsExact.String()}

func (m *modelFlags) numericsMode() engine.Numerics {
	return engine.Numerics(slices.Index(numericsModes, m.numerics.value))
}

func (m *modelFlags) kvType() engine.KVType { return engine.KVType(slices.Index(kvTypes, m.kv.value)) }

func (m *modelFlags) pathFlag() cli.Flag {
	return fileFlag(&m.path, categoryModel, "model, m",
		"`MODEL`: a GGUF file, a folder (safetensors, MLX), or org/repo[:quant] as pulled (default: the embedded demo seallm-nano)")
}

func (m *modelFlags) verboseFlag() cli.Flag {
	return toggleFlag(&m.verbose, categoryModel, "verbose, v", "print the device and why it was chosen, the seed, times and speeds")
}

func (m *modelFlags) deviceFlags() []cli.Flag {
	return []cli.Flag{
		textFlag(&m.device, categoryModel, "device", "Vulkan `DEVICE`: index, part of the name, or UUID (see sealvk devices)"),
		&cli.StringFlag{Name: "restrict", Destination: &m.restrict, Category: categoryModel, Hidden: true,
			Usage: "do without what the device has, as a lesser one: `LIST` of " + vk.Restrictions()},
		&cli.BoolFlag{Name: "validate", Destination: &m.validate, Category: categoryModel, Hidden: true,
			Usage: "run under Vulkan's validation layers, their messages on standard error"},
		m.verboseFlag(),
	}
}

func (m *modelFlags) kvFlag(category string) cli.Flag {
	return valueFlag(&m.kv, category, "kv", "`TYPE` of the KV cache: f16, f32 or q8_0")
}

// syntheticFlag is for the commands that measure; profiledModel makes the model.
func (m *modelFlags) syntheticFlag() cli.Flag {
	return fileFlag(&m.synthetic, categoryModel, "synthetic", "random weights of `SHAPE:TYPE`, without a file: seallm-7b-v2.5:Q4_K_M (see sealvk synth)")
}

// intDotFlag is for the commands that compute; openDevice checks that the device can.
func (m *modelFlags) intDotFlag() cli.Flag {
	return &cli.BoolFlag{Name: "int-dot", Destination: &m.intDot, Category: categoryModel, Hidden: true,
		Usage: "decode with 16-bit activations and integer dot products"}
}

// numericsFlag is for the commands that run the model.
func (m *modelFlags) numericsFlag() cli.Flag {
	return valueFlag(&m.numerics, categoryModel, "numerics",
		"`MODE`: auto, as fast as the device can; invariant, an answer has the same bits alone, among others and with guesses; exact, that in f32 throughout")
}

// all is every flag of a command that runs the model.
func (m *modelFlags) all() []cli.Flag {
	return append([]cli.Flag{
		m.pathFlag(),
		valueFlag(&m.context, categoryModel, "ctx",
			"context in `TOKENS`; 0: the model's, at most 8192 and what fits; auto: the model's or the most that fits"),
		m.kvFlag(categoryModel),
		m.numericsFlag(),
		m.intDotFlag(),
		m.tuneFlag(categoryModel),
	}, m.deviceFlags()...)
}

// samplingFlags say how the next token is chosen and when an answer ends.
type samplingFlags struct {
	temperature, topP, minP, repeatPenalty real
	topK, tokens, seed                     whole
	system                                 string
	template                               string // "" and "auto": what the file says
	stop                                   cli.StringSlice
	speculate                              wholeOr
	special                                bool
	grammar                                *grammar.Grammar // that answers follow, by generate's flags
}

// newSamplingFlags has llama.cpp's defaults, and no repeat penalty: SeaLLM's
// model card demands 1.
func newSamplingFlags() *samplingFlags {
	return &samplingFlags{
		temperature:   real{0.8, 0, 100},
		topK:          whole{40, 0, 1 << 20},
		topP:          real{0.95, 0, 1},
		minP:          real{0.05, 0, 1},
		repeatPenalty: real{1, 0.01, 100},
		seed:          whole{0, 0, math.MaxUint64},
		tokens:        whole{0, 0, 1 << 20},
		speculate:     newDrafts(),
	}
}

func (s *samplingFlags) all() []cli.Flag {
	return []cli.Flag{
		valueFlag(&s.temperature, categorySampling, "temp", "temperature `T`; 0: always the likeliest token"),
		valueFlag(&s.topK, categorySampling, "top-k", "only the `K` likeliest tokens; 0: all"),
		valueFlag(&s.topP, categorySampling, "top-p", "only the likeliest tokens that together reach probability `P`; 1: all"),
		valueFlag(&s.minP, categorySampling, "min-p", "only tokens at least `P` times as likely as the likeliest; 0: all"),
		valueFlag(&s.repeatPenalty, categorySampling, "repeat-penalty", "penalty `R` on tokens seen lately; 1: none, as SeaLLM's model card demands"),
		&cli.GenericFlag{Name: "seed", Value: &s.seed, Category: categorySampling, DefaultText: "random",
			Usage: "`S`: the same seed gives the same text on the same device"},
		valueFlag(&s.tokens, categorySampling, "n", "at most `N` tokens an answer; 0: until the answer or the context ends"),
		valueFlag(&s.speculate, categorySampling, "speculate",
			"guess up to `N` tokens from what the text repeats and check them in one step, which changes no token with --numerics invariant; off; auto: as it pays"),
		textFlag(&s.system, "", "system", "system prompt `TEXT`"),
		&cli.StringSliceFlag{Name: "stop", Destination: &s.stop, KeepSpace: true,
			Usage: "end the answer in front of `TEXT` too (may be given several times)"},
		toggleFlag(&s.special, "", "special", "spell out control tokens such as <eos> that the model samples, which have no text else"),
		templateFlag(&s.template, ""),
	}
}

func templateFlag(into *string, category string) cli.Flag {
	return &cli.StringFlag{Name: "template", Destination: into, DefaultText: "auto, as the model says", TakesFile: true, Category: category,
		Usage: "chat template: seallm, chatml, gemma, or a `FILE` with one in Jinja"}
}

// noArguments is an error if the command got one.
func noArguments(c *cli.Context) error {
	if c.NArg() > 0 {
		return fmt.Errorf("%s takes no argument, got %q", c.Command.Name, c.Args().First())
	}
	return nil
}

// finish checks what no single flag can, and draws a seed where the user gave none.
func (s *samplingFlags) finish(c *cli.Context) error {
	for _, text := range s.stop.Value() {
		if text == "" {
			return errors.New("--stop is empty: want the text that ends the answer")
		}
	}
	if !c.IsSet("seed") {
		s.seed.value = randomSeed()
	}
	return nil
}

// randomSeed is enough to differ, and short enough to type again.
func randomSeed() uint64 { return uint64(rand.Uint32()) }
