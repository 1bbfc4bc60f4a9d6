package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine/profile"
	"sealvk/engine/profile/report"
)

type rooflineFlags struct {
	names, expected string
	phase           choice
	depth           whole
	top             whole
	output          outputFlags
}

func (p *program) profileRooflineCommand() *cli.Command {
	f := &rooflineFlags{
		phase: choice{"decode", []string{"decode", "prefill"}}, depth: whole{0, 0, 1 << 20}, top: whole{0, 0, 1 << 20},
		output: newOutputFlags(report.PictureFormats()...),
	}
	f.output.form.value = "svg"
	return &cli.Command{
		Name:      "roofline",
		Usage:     "draw profiles that were written as JSON on one roofline",
		ArgsUsage: "A.json [B.json…]",
		Description: "Draws one run of each profile in a colour of its own: the first run of the first profile, and of the\n" +
			"others that of the same phase, depth and tokens. Lines join what has one name, before and after.",
		Flags: append([]cli.Flag{
			&cli.GenericFlag{Name: "phase", Value: &f.phase, Category: categoryShow, DefaultText: "that of the first run",
				Usage: "a run of `PHASE`: decode or prefill"},
			&cli.GenericFlag{Name: "depth", Value: &f.depth, Category: categoryShow, DefaultText: "that of the first run",
				Usage: "a run at depth `N`"},
			textFlag(&f.names, categoryShow, "names", "`NAME[,NAME…]` of the profiles in the legend, instead of those of the files"),
			fileFlag(&f.expected, categoryShow, "expected", "a profile of what is expected, from `FILE`: its marks are hollow"),
			valueFlag(&f.top, categoryShow, "top", "only the `N` longest operations of each; 0: all"),
		}, f.output.flags("")...),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return errors.New("profile roofline takes profiles, A.json [B.json…]; see sealvk profile roofline --help")
			}
			wanted := func(k profile.RunKey) bool {
				return !(c.IsSet("phase") && k.Phase != f.phase.value || c.IsSet("depth") && k.Depth != int(f.depth.value))
			}
			return p.profileRoofline(c.Args().Slice(), f, wanted)
		},
	}
}

// profileRoofline draws the first run of the first profile that is wanted.
func (p *program) profileRoofline(files []string, f *rooflineFlags, wanted func(profile.RunKey) bool) error {
	if f.expected != "" {
		files = append(files, f.expected)
	}
	names, err := f.legend(files)
	if err != nil {
		return err
	}
	if err := f.output.check(files...); err != nil {
		return err
	}
	var series []report.Series
	for i, file := range files {
		r, err := p.readProfile(file)
		if err != nil {
			return err
		}
		series = append(series, report.Series{Name: names[i], Profile: r, Expected: f.expected != "" && i == len(files)-1})
	}
	for _, r := range series[0].Profile.Runs {
		if !wanted(r.Key()) {
			continue
		}
		picture, err := report.Rooflines(series, r.Key(), int(f.top.value))
		if err != nil {
			return err
		}
		return f.output.write(p, func(w io.Writer) error { return picture.Write(w, f.output.form.value) })
	}
	return fmt.Errorf("%s has no run of that phase and depth; sealvk profile show lists those that it has", files[0])
}

// legend is the names of the files, or those that are given.
func (f *rooflineFlags) legend(files []string) (names []string, err error) {
	if f.names != "" {
		names = strings.Split(f.names, ",")
		if len(names) != len(files) {
			return nil, fmt.Errorf("--names %s: %d names for %d profiles", f.names, len(names), len(files))
		}
		return names, nil
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".json")
		names = append(names, name)
	}
	return names, nil
}
