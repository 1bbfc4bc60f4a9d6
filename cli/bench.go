package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sealvk/engine"
	"sealvk/engine/profile/bench"
	"sealvk/engine/profile/roofline"
	"sealvk/weights"
)

const (
	mostPositions = 1 << 20
	mostParallel  = 256
	allLayers     = -1 // -ngl: as many as there are, which is what always happens
)

type benchFlags struct {
	*modelFlags
	models                       modelNames // none: the embedded seallm-nano, or the synthetic one
	prompt, gen, depth, parallel numbers
	both                         promptGen
	batch, ubatch                numbers
	typeK, typeV                 choices
	limit, repetitions, delay    whole
	layers                       int
	noWarmup                     bool
	output                       outputFlags
	errors                       choice // the form on standard error
}

// noForm is where nothing is written.
const noForm = "none"

func (p *program) benchCommand() *cli.Command {
	f := &benchFlags{
		modelFlags: newModelFlags(),
		prompt:     numbers{values: []int{512}, max: mostPositions},
		gen:        numbers{values: []int{128}, max: mostPositions},
		depth:      numbers{values: []int{0}, max: mostPositions},
		parallel:   numbers{values: []int{1}, min: 1, max: mostParallel},
		both:       promptGen{max: mostPositions},
		batch:      numbers{values: []int{2048}, min: 1, max: mostPositions},
		ubatch:     numbers{min: 1, max: mostPositions},
		limit:      whole{0, 0, mostPositions}, repetitions: whole{5, 1, 1000}, delay: whole{0, 0, 1 << 20},
		output: newOutputFlags("md", "csv", "json", "jsonl", "sql"),
	}
	f.errors = choice{noForm, append([]string{noForm}, f.output.form.words...)}
	f.typeK = choices{choice: f.kv, values: []string{f.kv.value}}
	f.typeV = choices{choice: f.kv}
	flags := append([]cli.Flag{
		valueFlag(&f.models, categoryModel, "model, m", "`MODEL[,MODEL…]`, each as other commands take it (may be given several times; default: the embedded demo seallm-nano)"),
		f.syntheticFlag(),
		&cli.IntFlag{Name: "ngl", Aliases: []string{"n-gpu-layers"}, Destination: &f.layers, Value: allLayers, DefaultText: "all", Category: categoryModel,
			Usage: "`N` layers on the device: all, whatever N; an N below is an error"},
		&cli.GenericFlag{Name: "ctx", Value: &f.limit, DefaultText: "the model's", Category: categoryMeasure,
			Usage: "allow tests up to `N` positions"},
		valueFlag(&f.prompt, categoryMeasure, "p, n-prompt", "process a prompt of `N[,N…]` tokens; 0: no such test"),
		valueFlag(&f.gen, categoryMeasure, "n, n-gen", "generate `N[,N…]` tokens; 0: no such test"),
		valueFlag(&f.both, categoryMeasure, "pg", "process a prompt of PP and generate TG tokens: `PP,TG` (may be given several times)"),
		valueFlag(&f.depth, categoryMeasure, "d, n-depth", "positions in the KV cache before: `N[,N…]`, random ones"),
		valueFlag(&f.parallel, categoryMeasure, "npl", "generate in `N[,N…]` sequences together"),
		valueFlag(&f.batch, categoryMeasure, "b, batch-size", "`N[,N…]` tokens of a prompt at once, at most: the lesser of this and -ub counts"),
		&cli.GenericFlag{Name: "ub", Aliases: []string{"ubatch-size"}, Value: &f.ubatch, DefaultText: "the device's", Category: categoryMeasure,
			Usage: "`N[,N…]` tokens of a prompt at once, at most"},
		valueFlag(&f.typeK, categoryMeasure, "ctk, cache-type-k", "`TYPE[,TYPE…]` of the KV cache: "+strings.Join(f.kv.words, ", ")),
		&cli.GenericFlag{Name: "ctv", Aliases: []string{"cache-type-v"}, Value: &f.typeV, DefaultText: "as -ctk", Category: categoryMeasure,
			Usage: "the same list as -ctk: `TYPE[,TYPE…]`"},
		valueFlag(&f.repetitions, categoryMeasure, "r, repetitions", "repeat each test `R` times"),
		valueFlag(&f.delay, categoryMeasure, "delay", "wait for `S` seconds between two tests"),
		toggleFlag(&f.noWarmup, categoryMeasure, "no-warmup", "no run of a test before those that are measured"),
		f.numericsFlag(),
		f.intDotFlag(),
		f.tuneFlag(categoryModel),
	}, f.deviceFlags()...)
	return &cli.Command{
		Name:  "bench",
		Usage: "measure speed by llama-bench's tests, names and outputs",
		Description: "Lists may hold ranges: 1-16*2 is 1,2,4,8,16. Prompts are random. Nothing else should run\n" +
			"meanwhile. Ctrl-C ends the measurement with the tests that are complete.",
		Flags: append(append(flags, f.output.benchFlags()...),
			valueFlag(&f.errors, categoryShow, "oe, output-err", "the same on standard error, in a `FORM` of its own, or none")),
		Subcommands: []*cli.Command{p.benchCompareCommand()},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return p.bench(f)
		},
	}
}

// setup is what a model is loaded for: tests on one KV cache and one chunk size.
type setup struct {
	batch, ubatch int // as asked for; ubatch 0: the device's
	kv            string
}

// chunk is engine.Options.Chunk.
func (s setup) chunk() int {
	if s.ubatch == 0 {
		return 0
	}
	return min(s.batch, s.ubatch)
}

func (f *benchFlags) setups() []setup {
	var list []setup
	ubatches := f.ubatch.values
	if len(ubatches) == 0 {
		ubatches = []int{0}
	}
	for _, batch := range f.batch.values {
		for _, ubatch := range ubatches {
			if ubatch == 0 && f.batch.given {
				ubatch = batch
			}
			for _, kv := range f.typeK.values {
				list = append(list, setup{batch, ubatch, kv})
			}
		}
	}
	return list
}

// tests are those of a setup, in llama-bench's order.
func (f *benchFlags) tests() []bench.Test {
	var list []bench.Test
	for _, depth := range f.depth.values {
		for _, n := range f.prompt.values {
			if n > 0 {
				list = append(list, bench.Test{Prompt: n, Depth: depth, Parallel: 1})
			}
		}
		var generate []bench.Test
		for _, n := range f.gen.values {
			if n > 0 {
				generate = append(generate, bench.Test{Gen: n})
			}
		}
		for _, t := range append(generate, f.both.values...) {
			for _, n := range f.parallel.values {
				list = append(list, bench.Test{Prompt: t.Prompt, Gen: t.Gen, Depth: depth, Parallel: n})
			}
		}
	}
	return list
}

// check finds, before anything is loaded, what cannot be measured.
func (f *benchFlags) check(model *weights.Model) error {
	tests := f.tests()
	if len(tests) == 0 {
		return errors.New("nothing to measure: -p 0 and -n 0 leave no test; want one of them above 0, or -pg PP,TG")
	}
	if f.typeV.given && !slices.Equal(f.typeK.values, f.typeV.values) {
		return fmt.Errorf("-ctk %v and -ctv %v: keys and values have one type here; want the same for both, or -ctk alone", &f.typeK, &f.typeV)
	}
	if n := model.Config.Layers; f.layers != allLayers && f.layers < n {
		return fmt.Errorf("-ngl %d: all %d layers run on the device; want %d or more, or no -ngl", f.layers, n, n)
	}
	limit, whose := model.Config.Context, "the model was trained for"
	if f.limit.value > 0 {
		limit, whose = int(f.limit.value), "--ctx allows"
	}
	for _, t := range tests {
		if n := t.Positions(); n > limit {
			return fmt.Errorf("test %v needs %d positions, %s %d; want smaller -p, -n, -pg or -d, or --ctx %d", t, n, whose, limit, n)
		}
	}
	return f.output.check()
}

func (p *program) bench(f *benchFlags) (err error) {
	ctx, release := stoppable()
	defer release()
	o := &opened{}
	models, err := p.benchModels(f)
	defer func() {
		for _, m := range models {
			o.file = m.file
			err = errors.Join(err, o.closeFile())
		}
	}()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close(ctx)) }()
	if err := p.openDevice(o, f.modelFlags); err != nil {
		return err
	}
	caps := o.device.Caps()
	s := &benchSession{program: p, flags: f, opened: o}
	s.suite = bench.Suite{
		Tests: f.tests(), Repetitions: int(f.repetitions.value), NoWarmup: f.noWarmup,
		Delay:  time.Duration(f.delay.value) * time.Second,
		Meters: bench.Meters("/sys", caps.VendorID, caps.DeviceID),
	}
	roofs, err := roofline.Load(pipelineCache(), caps)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		s.roof = roofs.ReadBytesPerS
	}
	if s.roof == 0 && slices.ContainsFunc(s.suite.Tests, func(t bench.Test) bool { return t.Prompt == 0 }) {
		p.note("the device's bandwidth is not known, so that no share of it is shown: sealvk devices --measure finds it")
	}
	var stopped error
	err = f.output.write(p, func(w io.Writer) error {
		s.tables = []*benchTable{newBenchTable(w, f.output.form.value, s)}
		if f.errors.value != noForm {
			s.tables = append(s.tables, newBenchTable(p.stderr, f.errors.value, s))
		}
		err := s.measure(ctx, models)
		if err != nil && errors.As(stopCause(ctx, err), &stoppedError{}) {
			stopped, err = stopCause(ctx, err), nil // what is there is written
		}
		for _, t := range s.tables {
			err = errors.Join(err, t.end())
		}
		return err
	})
	return errors.Join(err, stopped)
}

// benchSession is the measurement on one device.
type benchSession struct {
	*program
	flags  *benchFlags
	opened *opened
	suite  bench.Suite
	roof   float64   // bytes a second that the device reads, 0: not known
	base   bench.Row // what all rows of a model have in common
	tables []*benchTable
}

// benched is one of the models, its file open.
type benched struct {
	name string
	file *weights.Model
}

// benchModels opens all that are named, with what was open at an error, and finds what cannot be measured.
func (p *program) benchModels(f *benchFlags) (models []benched, err error) {
	names := f.models
	if len(names) == 0 {
		names = modelNames{""}
	}
	for _, name := range names {
		f.path = name
		file, err := p.profiledModel(f.modelFlags)
		if err != nil {
			return models, err
		}
		models = append(models, benched{cmp.Or(name, f.synthetic, nanoName), file})
		if err := f.check(file); err != nil {
			return models, err
		}
	}
	return models, nil
}

func (s *benchSession) measure(ctx context.Context, models []benched) error {
	for _, m := range models {
		s.opened.file, s.base = m.file, s.common(m)
		for _, setup := range s.flags.setups() {
			if err := s.measureSetup(ctx, setup); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *benchSession) measureSetup(ctx context.Context, setup setup) (err error) {
	progress, end := s.status()
	defer end()
	flags := *s.flags.modelFlags
	flags.kv.value = setup.kv
	options := engine.Options{
		Context: s.suite.Positions(), Sequences: s.suite.Sequences(), Chunk: setup.chunk(), KV: flags.kvType(),
		Tuning: s.opened.tuning, Numerics: flags.numericsMode(), IntDot: flags.intDot,
		Fault: s.fault(s.opened.device, flags.verbose),
	}
	begun := time.Now()
	o := s.opened
	err = o.loadModel(ctx, func() (*engine.Model, error) {
		return engine.Load(ctx, o.device, o.file, options, func(done, total int64) { progress(fmt.Sprintf("loading: %d %%", 100*done/max(total, 1))) })
	})
	if errors.Is(err, engine.ErrDoesNotFit) {
		err = fmt.Errorf("%w (the context here is what -p, -n, -pg and -d need, the sequences are those of -npl)", whatFits(err))
	}
	if err != nil {
		return err
	}
	m := o.model
	defer func() {
		o.model = nil
		err = errors.Join(err, m.Close())
	}()
	row := s.base
	if s.flags.synthetic == "" {
		row.LoadNS, row.LoadGBPerS = new(int64(time.Since(begun))), new(m.Loaded().GBPerS())
	}
	if err := m.Complete(ctx); ctx.Err() != nil { // compilers take their share of the host; what they cannot build fails the test that needs it
		return err
	}
	row.Batch, row.UBatch, row.TypeK, row.TypeV = setup.batch, m.Chunk(), setup.kv, setup.kv
	row.Numerics = m.Numerics().String()
	suite := s.suite
	suite.Progress = progress
	return suite.Run(ctx, m, func(r *bench.Result) error {
		end() // the terminal's line
		row := r.Row(row, s.roof)
		for _, t := range s.tables {
			if err := t.row(&row); err != nil {
				return err
			}
		}
		return nil
	})
}

// common is what all rows of a model have in common.
func (s *benchSession) common(m benched) bench.Row {
	caps, file, f := s.opened.device.Caps(), m.file, s.flags
	row := bench.Row{
		BuildCommit: revision(9), GPU: caps.Name, Driver: strings.TrimSpace(caps.Driver.Name + ", " + caps.Driver.Info), Backends: "Vulkan", Tuning: f.tune.String(),
		ModelFilename: printable(m.name), ModelType: llamaModelType(file), GPULayers: f.layers,
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		row.CPU = bench.CPUName(string(text))
	}
	for _, t := range file.Tensors {
		row.ModelSize += t.Bytes()
		row.ModelParams += int64(t.Rows) * int64(t.Cols)
	}
	return row
}

// llamaModelType names the model as llama-bench does, so that files of both can be compared.
func llamaModelType(m *weights.Model) string {
	size := map[int]string{18: "2B", 28: "7B"}[m.Config.Layers]
	if size == "" {
		size = "?B"
	}
	mix := m.FileType.String()
	if m.FileType < 0 {
		mix = m.Format
		if t := m.Tensor("blk.0.ffn_up.weight"); t != nil {
			mix = t.Type.String()
		}
	}
	if mix == "F32" {
		mix = "all F32"
	}
	for suffix, word := range map[string]string{"_S": "Small", "_M": "Medium", "_L": "Large"} {
		if kind, ok := strings.CutSuffix(mix, suffix); ok {
			mix = kind + " - " + word
		}
	}
	if mix == "Q2_K" {
		mix = "Q2_K - Medium"
	}
	return m.Config.Arch + " " + size + " " + mix
}
