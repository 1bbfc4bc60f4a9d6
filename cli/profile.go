package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine"
	"sealvk/engine/profile"
	"sealvk/engine/profile/report"
	"sealvk/engine/profile/roofline"
	"sealvk/weights"
)

// depths is a flag's list of positions, separated by commas.
type depths struct{ values []int }

func (d *depths) String() string {
	var texts []string
	for _, n := range d.values {
		texts = append(texts, strconv.Itoa(n))
	}
	return strings.Join(texts, ",")
}

func (d *depths) Set(s string) error {
	const largest, most = 1 << 20, 64
	var values []int
	for item := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 0 || n > largest || len(values) == most {
			return fmt.Errorf("want whole numbers from 0 to %d, at most %d, separated by commas", largest, most)
		}
		if !slices.Contains(values, n) {
			values = append(values, n)
		}
	}
	d.values = values
	return nil
}

type profileFlags struct {
	*modelFlags
	phase        choice
	depths       depths
	tokens, reps whole
	show         *showFlags
}

func (p *program) profileCommand() *cli.Command {
	f := &profileFlags{
		modelFlags: newModelFlags(),
		phase:      choice{"decode", []string{"decode", "prefill", "both"}},
		depths:     depths{[]int{0}},
		tokens:     whole{64, 1, 1 << 16},
		reps:       whole{0, 0, 1000},
		show:       newShowFlags(),
	}
	flags := append([]cli.Flag{
		f.pathFlag(),
		f.syntheticFlag(),
		f.kvFlag(categoryModel),
		valueFlag(&f.phase, categoryMeasure, "phase", "`PHASE`: decode, prefill or both"),
		valueFlag(&f.depths, categoryMeasure, "depth", "positions in the KV cache before: `N[,N…]`, a run each"),
		valueFlag(&f.tokens, categoryMeasure, "tokens", "`N` tokens of a prompt, in prefill"),
		&cli.GenericFlag{Name: "reps", Value: &f.reps, Category: categoryMeasure, DefaultText: "as many as take some seconds",
			Usage: "`R` steps in each mode"},
		f.numericsFlag(),
		f.intDotFlag(),
		f.tuneFlag(categoryModel),
	}, f.deviceFlags()...)
	return &cli.Command{
		Name:  "profile",
		Usage: "see where the time of a token goes",
		Description: "Times every kernel of prefill or decode, and compares it with what the device can do.\n" +
			"Nothing else should run meanwhile.",
		Flags:       append(flags, f.show.all()...),
		Subcommands: []*cli.Command{p.profileShowCommand(), p.profileKernelCommand(), p.profileDiffCommand(), p.profileRooflineCommand(), p.profileStaticCommand()},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if err := f.show.check(); err != nil {
				return err
			}
			return p.profile(f)
		},
	}
}

func (p *program) profile(f *profileFlags) error {
	ctx, release := stoppable()
	defer release()
	result, err := p.measureProfile(ctx, f)
	if err != nil {
		return stopCause(ctx, err)
	}
	result.Program, result.Command = version(), p.args
	return p.showProfile(result, f.show)
}

func (p *program) measureProfile(ctx context.Context, f *profileFlags) (_ *profile.Profile, err error) {
	file, err := p.profiledModel(f.modelFlags)
	if err != nil {
		return nil, err
	}
	o := &opened{file: file, kv: f.kvType(), numerics: f.numericsMode()}
	defer func() { err = errors.Join(err, o.closeFile()) }()
	defer func() { err = errors.Join(err, o.close(ctx)) }()
	if err := p.openDevice(o, f.modelFlags); err != nil {
		return nil, err
	}
	if err := o.device.CheckTimestamps(); err != nil { // before minutes of loading
		return nil, fmt.Errorf("%w; choose another device, see sealvk devices", err)
	}
	progress, end := p.status()
	defer end()
	options := profile.MeasureOptions{
		Phases: []string{f.phase.value}, Depths: f.depths.values, Tokens: int(f.tokens.value), Steps: int(f.reps.value), Progress: progress,
	}
	if f.phase.value == "both" {
		options.Phases = []string{"decode", "prefill"}
	}
	measured := func(what string) { progress("measuring the device: " + what) }
	if options.Roofs, err = roofline.For(ctx, o.device, pipelineCache(), measured); err != nil {
		return nil, err
	}
	load := engine.Options{
		Context: options.Positions(), KV: o.kv, Tuning: o.tuning, Numerics: f.numericsMode(), IntDot: f.intDot, Statistics: true, Fault: p.fault(o.device, f.verbose),
	}
	err = o.loadModel(ctx, func() (*engine.Model, error) {
		return engine.Load(ctx, o.device, file, load, func(done, total int64) { progress(fmt.Sprintf("loading: %d %%", 100*done/max(total, 1))) })
	})
	if errors.Is(err, engine.ErrDoesNotFit) {
		err = fmt.Errorf("%w (the context here is what --depth and --tokens need)", whatFits(err))
	}
	if err != nil {
		return nil, err
	}
	if err := o.model.Complete(ctx); ctx.Err() != nil { // what cannot be built fails what needs it
		return nil, err
	}
	result, err := profile.Measure(ctx, o.device, o.model, options)
	if err != nil {
		return nil, err
	}
	result.Model.Synthetic, result.Model.FileType = f.synthetic != "", file.FileType.String()
	result.Model.Tuning = f.tune.String()
	return result, nil
}

// profiledModel is the file that is named, or the synthetic model.
func (p *program) profiledModel(f *modelFlags) (*weights.Model, error) {
	if f.synthetic == "" {
		return p.openFile(f.path)
	}
	if f.path != "" {
		return nil, errors.New("--model and --synthetic: want one of them")
	}
	at := strings.LastIndexByte(f.synthetic, ':')
	if at < 0 {
		return nil, fmt.Errorf("--synthetic %s: want SHAPE:TYPE, such as seallm-7b-v2.5:Q4_K_M", f.synthetic)
	}
	shape, err := weights.ParseShape(f.synthetic[:at])
	if err != nil {
		return nil, fmt.Errorf("--synthetic: %w", err)
	}
	mix, err := weights.ParseMix(f.synthetic[at+1:])
	if err != nil {
		return nil, fmt.Errorf("--synthetic %s: %w", f.synthetic, err)
	}
	return weights.Synth(shape, mix, 1)
}

// showFlags say what of a profile is shown, and how.
type showFlags struct {
	by, sort, format choice
	filter           string
	top              whole
	output           string
}

func newShowFlags() *showFlags {
	s := &showFlags{
		by:   choice{"operation", []string{"operation", "layer", "kernel", "dispatch"}},
		sort: choice{"total", report.Sorts()}, top: whole{0, 0, 1 << 20},
	}
	s.format.value = "text"
	for _, f := range report.Forms() {
		s.format.words = append(s.format.words, f.Name)
	}
	return s
}

func (s *showFlags) all() []cli.Flag {
	words := func(c *choice) string { return strings.Join(c.words, ", ") }
	return []cli.Flag{
		valueFlag(&s.by, categoryShow, "by", "a row of the table is a `GROUP`: "+words(&s.by)),
		valueFlag(&s.sort, categoryShow, "sort", "by `COLUMN`: "+words(&s.sort)),
		textFlag(&s.filter, categoryShow, "filter", "only dispatches whose label or kernel `REGEXP` finds"),
		valueFlag(&s.top, categoryShow, "top", "only the first `N` rows; 0: all"),
		valueFlag(&s.format, categoryShow, "format", "`FORM` on standard output: "+words(&s.format)),
		fileFlag(&s.output, categoryShow, "output, o", "write every form and the pictures into `FOLDER`, which is made"),
	}
}

func (s *showFlags) view() (report.View, error) {
	v := report.View{By: profile.By(s.by.value), Sort: s.sort.value, Top: int(s.top.value)}
	if s.filter != "" {
		var err error
		if v.Filter, err = regexp.Compile(s.filter); err != nil {
			return v, fmt.Errorf("--filter: %w", err)
		}
	}
	return v, nil
}

// check finds, before anything is measured, what could not be shown.
func (s *showFlags) check() error {
	if _, err := s.view(); err != nil || s.output == "" {
		return err
	}
	if info, err := os.Stat(s.output); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file; want the name of a folder for the profile's files", s.output)
	}
	return nil
}

// showProfile prints r, or with -o writes it in all forms.
func (p *program) showProfile(r *profile.Profile, s *showFlags) error {
	view, err := s.view()
	if err != nil {
		return err
	}
	if s.output == "" {
		return report.Write(p.stdout, s.format.value, r, view)
	}
	if err := os.MkdirAll(s.output, 0o777); err != nil {
		return err
	}
	for _, f := range report.Forms() {
		err := writeFile(filepath.Join(s.output, f.File), func(w io.Writer) error { return report.Write(w, f.Name, r, view) })
		if err != nil {
			return err
		}
	}
	pictures, omitted, err := report.Pictures(r)
	if err != nil {
		return err
	}
	for _, reason := range omitted {
		p.note("left out: %s", reason)
	}
	for _, picture := range pictures {
		for _, form := range report.PictureFormats() {
			err := writeFile(filepath.Join(s.output, picture.Name+"."+form), func(w io.Writer) error { return picture.Write(w, form) })
			if err != nil {
				return err
			}
		}
	}
	return report.Write(p.stdout, s.format.value, r, view)
}

func (p *program) profileShowCommand() *cli.Command {
	s := newShowFlags()
	return &cli.Command{
		Name:      "show",
		Usage:     "show a profile that was written as JSON, in any form",
		ArgsUsage: "PROFILE.json",
		Flags:     s.all(),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return errors.New("profile show takes one profile.json; see sealvk profile show --help")
			}
			if err := s.check(); err != nil {
				return err
			}
			r, err := p.readProfile(c.Args().First())
			if err != nil {
				return err
			}
			return p.showProfile(r, s)
		},
	}
}

// readProfile reads a profile's JSON file; "-" is standard input.
func (p *program) readProfile(name string) (*profile.Profile, error) {
	in, shown := p.stdin, "standard input"
	if name != "-" {
		file, err := openInput(name, "a profile's JSON file, such as the profile.json in it")
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in, shown = file, name
	}
	r, err := profile.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown, err)
	}
	return r, nil
}
