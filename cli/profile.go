package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine"
	"sealvk/engine/profile"
	"sealvk/weights"
)

// depths is a flag's list of whole numbers, separated by commas.
type depths struct{ values []int }

func (d *depths) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(d.values), " ", ","), "[]")
}

func (d *depths) Set(s string) error {
	const most, longest = 1 << 20, 64
	var values []int
	for item := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 0 || n > most || len(values) == longest {
			return fmt.Errorf("want up to %d whole numbers from 0 to %d, separated by commas", longest, most)
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
	synthetic    string
	phase        choice
	depths       depths
	tokens, reps whole
}

func (p *program) profileCommand() *cli.Command {
	f := &profileFlags{
		modelFlags: newModelFlags(),
		phase:      choice{"decode", []string{"decode", "prefill", "both"}},
		depths:     depths{[]int{0}},
		tokens:     whole{64, 1, 1 << 16},
		reps:       whole{0, 0, 1000},
	}
	return &cli.Command{
		Name:  "profile",
		Usage: "see where the time of a token goes",
		Flags: append([]cli.Flag{
			f.pathFlag(),
			&cli.StringFlag{Name: "synthetic", Destination: &f.synthetic, Category: categoryModel,
				Usage: "random weights of `SHAPE:TYPE`, without a file: seallm-7b-v2.5:Q4_K_M (see sealvk synth)"},
			&cli.GenericFlag{Name: "kv", Value: &f.kv, Category: categoryModel, Usage: "`TYPE` of the KV cache: f16 or f32"},
			&cli.GenericFlag{Name: "phase", Value: &f.phase, Usage: "`PHASE` to measure: decode, prefill or both"},
			&cli.GenericFlag{Name: "depth", Value: &f.depths, Usage: "positions in the KV cache before, one run each: `N[,N…]`"},
			&cli.GenericFlag{Name: "tokens", Value: &f.tokens, Usage: "`N` tokens of the prompt, in prefill"},
			&cli.GenericFlag{Name: "reps", Value: &f.reps, DefaultText: "as many as take some seconds", Usage: "`R` steps in each mode"},
		}, f.deviceFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return fmt.Errorf("profile: unknown argument %q; want kernel, diff or static, or flags alone: see sealvk profile --help", c.Args().First())
			}
			return p.profile(f)
		},
	}
}

// profiledModel is the file that is named, or the synthetic model.
func (p *program) profiledModel(f *profileFlags) (*weights.Model, error) {
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

func (p *program) profile(f *profileFlags) (err error) {
	ctx, release := stoppable()
	defer release()
	result, err := p.measureProfile(ctx, f)
	if err != nil {
		return stopCause(ctx, err)
	}
	return p.writeProfile(result, f)
}

func (p *program) measureProfile(ctx context.Context, f *profileFlags) (_ *profile.Profile, err error) {
	file, err := p.profiledModel(f)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	o := &opened{file: file, kv: engine.KVF16}
	defer func() { err = errors.Join(err, o.close()) }()
	if f.kv.value == "f32" {
		o.kv = engine.KVF32
	}
	if err := p.openDevice(o, f.modelFlags); err != nil {
		return nil, err
	}
	if err := profile.CanMeasure(o.device); err != nil { // before minutes of loading
		return nil, err
	}
	options := profile.Options{
		Phases: []string{f.phase.value}, Depths: f.depths.values, Tokens: int(f.tokens.value), Steps: int(f.reps.value),
		Progress: func(what string) { p.note("%s", what) },
	}
	if f.phase.value == "both" {
		options.Phases = []string{"decode", "prefill"}
	}
	f.context.value = uint64(options.Positions())
	if options.Roofs, err = profile.KnownRoofs(ctx, o.device, pipelineCache(), options.Progress); err != nil {
		return nil, err
	}
	if err := p.load(ctx, o, file, f.modelFlags); err != nil {
		return nil, err
	}
	result, err := profile.Measure(ctx, o.device, o.model, options)
	if err != nil {
		return nil, err
	}
	result.Program = version()
	result.Model.Synthetic, result.Model.FileType = f.synthetic != "", file.FileType.String()
	return result, nil
}

func (p *program) writeProfile(r *profile.Profile, _ *profileFlags) error {
	return encodeJSON(p.stdout, " ", r)
}
