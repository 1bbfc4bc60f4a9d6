package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine/profile/kernelbench"
	"sealvk/engine/profile/static"
)

// products is a flag's lists of numbers by name, rows=1024/4096,cols=3072; each time that
// the flag is given adds an element.
type products struct {
	example string
	texts   []string
	values  []map[string][]int
}

func (p *products) String() string { return strings.Join(p.texts, " ") }

func (p *products) Set(s string) error {
	values := map[string][]int{}
	for item := range strings.SplitSeq(s, ",") {
		name, list, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || name == "" || values[name] != nil {
			return fmt.Errorf("want each name once, as in %s", p.example)
		}
		for text := range strings.SplitSeq(list, "/") {
			n, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("%s=%s: want whole numbers with / between them, as in %s", name, list, p.example)
			}
			values[name] = append(values[name], n)
		}
	}
	p.texts, p.values = append(p.texts, s), append(p.values, values)
	return nil
}

// orNothing is what was given, or one element without any name.
func (p *products) orNothing() []map[string][]int {
	if len(p.values) == 0 {
		return []map[string][]int{{}}
	}
	return p.values
}

type kernelFlags struct {
	*modelFlags
	shape, tuning products
	types         string
	depths        depths
	reps          whole
	warm          bool
	output        outputFlags
}

func (p *program) profileKernelCommand() *cli.Command {
	f := &kernelFlags{
		modelFlags: newModelFlags(),
		shape:      products{example: "rows=1024/4096,cols=3072"},
		tuning:     products{example: "lanes=32/64,groups=1"},
		reps:       whole{20, 1, 100000},
		output:     newOutputFlags("text", "json", "csv", "gobench"),
	}
	return &cli.Command{
		Name:      "kernel",
		Usage:     "time one kernel alone, over shapes, types and tunings",
		ArgsUsage: "KERNEL",
		Description: "Every combination is checked against a reference in plain Go, then timed by the device's clock.\n" +
			"Sizes that are not given are those of SeaLLM-7B-v2.5 decoding a token.\n\n" +
			"Kernels, their sizes and tunings:\n" + kernelLines(),
		Flags: append([]cli.Flag{
			valueFlag(&f.shape, categoryMeasure, "shape", "`SIZES`, of each one or several: rows=1024/4096,cols=3072 (may be given several times)"),
			&cli.StringFlag{Name: "type", Destination: &f.types, DefaultText: "Q4_K", Category: categoryMeasure,
				Usage: "`TYPE[,TYPE…]` of the weights, or all"},
			&cli.GenericFlag{Name: "tuning", Value: &f.tuning, DefaultText: "the device's own", Category: categoryMeasure,
				Usage: "`VALUES` to build the kernel with: lanes=32/64,groups=1/2 (may be given several times)"},
			f.kvFlag(categoryMeasure),
			&cli.GenericFlag{Name: "depth", Value: &f.depths, Category: categoryMeasure, DefaultText: "0",
				Usage: "positions in the KV cache before the tokens: `N[,N…]`"},
			valueFlag(&f.reps, categoryMeasure, "reps", "`R` timed runs of each combination"),
			toggleFlag(&f.warm, categoryMeasure, "warm", "leave the caches as they are, instead of flushing them before each run"),
			f.intDotFlag(),
		}, slices.Concat(f.output.flags(" (Go's benchmark format, for benchstat)"), f.deviceFlags())...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return fmt.Errorf("profile kernel takes one kernel, got %d arguments; there are %s", c.NArg(), strings.Join(kernelbench.Kernels(), ", "))
			}
			return p.profileKernel(c.Args().First(), f, c.IsSet("kv"))
		},
	}
}

// kernelLines names each kernel's sizes and tunings.
func kernelLines() string {
	var lines []string
	for _, k := range kernelbench.Kernels() {
		lines = append(lines, fmt.Sprintf("  %-16s %-34s %s", k, strings.Join(kernelbench.Sizes(k), " "), strings.Join(kernelbench.Knobs(k), " ")))
	}
	return strings.Join(lines, "\n")
}

// sweeps are the combinations that the flags ask for.
func (f *kernelFlags) sweeps(kernel string) ([]kernelbench.Sweep, error) {
	s := kernelbench.Sweep{Kernel: kernel, KV: f.kvType(), Depths: f.depths.values}
	if f.types != "" {
		var err error
		if s.Types, err = static.ParseTypes(f.types); err != nil {
			return nil, fmt.Errorf("--type: %w", err)
		}
		if !kernelbench.HasWeights(kernel) {
			return nil, fmt.Errorf("--type: %s has no weights", kernel)
		}
	}
	tunings := f.tuning.orNothing()
	if f.intDot {
		if err := addIntDot(tunings, kernel); err != nil {
			return nil, err
		}
	}
	var list []kernelbench.Sweep
	for _, s.Sizes = range f.shape.orNothing() {
		for _, s.Knobs = range tunings {
			list = append(list, s)
		}
	}
	return list, nil
}

// addIntDot is what --int-dot means for a kernel: int_dot=1 in each of its tunings.
func addIntDot(tunings []map[string][]int, kernel string) error {
	const knob = "int_dot"
	without := func(kernel string) bool { return !slices.Contains(kernelbench.Knobs(kernel), knob) }
	if without(kernel) {
		return fmt.Errorf("--int-dot: %s has no integer dot products; %s have", kernel, strings.Join(slices.DeleteFunc(kernelbench.Kernels(), without), ", "))
	}
	for _, t := range tunings {
		if t[knob] != nil { // which of both is meant cannot be known
			return fmt.Errorf("--int-dot and --tuning %s=…: want one of them", knob)
		}
		t[knob] = []int{1}
	}
	return nil
}

func (p *program) profileKernel(kernel string, f *kernelFlags, kvGiven bool) (err error) {
	if err := kernelbench.CheckKernel(kernel); err != nil {
		return err
	}
	sweeps, err := f.sweeps(kernel)
	if err != nil {
		return err
	}
	if kvGiven && !kernelbench.HasCache(kernel) {
		return fmt.Errorf("--kv: %s has no KV cache", kernel)
	}
	if err := f.output.check(); err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	report, err := p.runKernel(ctx, sweeps, f)
	if err != nil {
		err = stopCause(ctx, err)
	}
	if report == nil || len(report.Results) == 0 {
		return err
	}
	if err == nil {
		err = failures(report.Results)
	}
	report.Program, report.Command = version(), p.args // what is there is written
	return errors.Join(f.output.write(p, func(w io.Writer) error { return writeKernel(w, f.output.form.value, report) }), err)
}

// failures is the error of a sweep of which some cases failed.
func failures(results []*kernelbench.Result) error {
	failed := slices.DeleteFunc(slices.Clone(results), func(r *kernelbench.Result) bool { return r.Error == "" })
	if len(failed) == 0 {
		return nil
	}
	first := failed[0]
	return fmt.Errorf("%d of %d cases failed, the first of them %s %s (%s): %s", len(failed), len(results), first.Kernel, first.ShapeText(), first.VariantText(), first.Error)
}

func (p *program) runKernel(ctx context.Context, sweeps []kernelbench.Sweep, f *kernelFlags) (_ *kernelbench.Report, err error) {
	o := &opened{}
	defer func() { err = errors.Join(err, o.close(ctx)) }()
	if err := p.openDevice(o, f.modelFlags); err != nil {
		return nil, err
	}
	var cases []kernelbench.Case
	for _, s := range sweeps {
		if err := s.FindMatrices(o.device); err != nil {
			return nil, err
		}
		some, err := s.Cases(o.device.Caps())
		if err != nil {
			return nil, err
		}
		cases = append(cases, some...)
	}
	w, err := kernelbench.New(o.device, kernelbench.Options{Reps: int(f.reps.value), Warm: f.warm, RoofsFolder: pipelineCache()})
	if err != nil {
		return nil, err
	}
	defer w.Free()
	report, end := p.status()
	defer end()
	var results []*kernelbench.Result
	progress := func() { report(fmt.Sprintf("%d of %d", len(results)+1, len(cases))) }
	progress()
	err = w.Run(ctx, cases, func(r *kernelbench.Result) error {
		results = append(results, r)
		progress()
		return nil
	})
	return w.Report(results), err
}
