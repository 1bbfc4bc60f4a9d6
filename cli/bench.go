package main

import (
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
	prompt, gen, depth, parallel numbers
	both                         promptGen
	batch, ubatch                numbers
	typeK, typeV                 choices
	limit, repetitions           whole
	layers                       int
	noWarmup                     bool
	output                       outputFlags
}

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
		limit:      whole{0, 0, mostPositions}, repetitions: whole{5, 1, 1000},
		output: newOutputFlags("md", "csv", "json", "jsonl", "sql"),
	}
	f.typeK = choices{choice: f.kv, values: []string{f.kv.value}}
	f.typeV = choices{choice: f.kv}
	flags := append([]cli.Flag{
		f.pathFlag(),
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
		Flags:       append(flags, f.output.benchFlags()...),
		Subcommands: []*cli.Command{p.benchCompareCommand()},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return fmt.Errorf("bench: unknown argument %q: see sealvk bench --help", c.Args().First())
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
	file, err := p.profiledModel(f.modelFlags)
	if err != nil {
		return err
	}
	o := &opened{file: file}
	defer func() { err = errors.Join(err, o.closeFile()) }()
	if err := f.check(file); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close(ctx)) }()
	if err := p.openDevice(o, f.modelFlags); err != nil {
		return err
	}
	caps := o.device.Caps()
	s := &benchSession{program: p, flags: f, opened: o, base: benchBase(o, f)}
	s.suite = bench.Suite{
		Tests: f.tests(), Repetitions: int(f.repetitions.value), NoWarmup: f.noWarmup,
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
		s.table = newBenchTable(w, f, s.roof > 0, s.suite.Meters)
		err := s.measure(ctx)
		if err != nil && errors.As(stopCause(ctx, err), &stoppedError{}) {
			stopped, err = stopCause(ctx, err), nil // what is there is written
		}
		return errors.Join(err, s.table.end())
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
	base   bench.Row // what all rows have in common
	table  *benchTable
}

func (s *benchSession) measure(ctx context.Context) error {
	for _, setup := range s.flags.setups() {
		if err := s.measureSetup(ctx, setup); err != nil {
			return err
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
		return s.table.row(&row)
	})
}

// benchBase is what all rows have in common.
func benchBase(o *opened, f *benchFlags) bench.Row {
	caps, file := o.device.Caps(), o.file
	row := bench.Row{
		BuildCommit: revision(9), GPU: caps.Name, Driver: strings.TrimSpace(caps.Driver.Name + ", " + caps.Driver.Info), Backends: "Vulkan", Tuning: f.tune.String(),
		ModelFilename: f.path, ModelType: llamaModelType(file), GPULayers: f.layers,
	}
	switch {
	case f.synthetic != "":
		row.ModelFilename = f.synthetic
	case f.path == "":
		row.ModelFilename = nanoName
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
