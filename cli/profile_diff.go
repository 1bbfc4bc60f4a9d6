package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine/profile"
)

// percent is a flag's percentage, with or without the sign.
type percent struct{ real }

func (p *percent) String() string { return p.real.String() + "%" }

func (p *percent) Set(s string) error {
	if p.real.Set(strings.TrimSuffix(s, "%")) != nil {
		return fmt.Errorf("want a percentage from %g%% to %g%%", p.min, p.max)
	}
	return nil
}

type diffFlags struct {
	failOver, confidence percent
	by                   choice
	filter               string
	output               outputFlags
}

func (p *program) profileDiffCommand() *cli.Command {
	f := &diffFlags{
		failOver:   percent{real{0, 0, 1000}},
		confidence: percent{real{95, 50, 99.99}},
		by:         choice{"operation", []string{"operation", "layer", "kernel", "dispatch"}},
		output:     newOutputFlags("text", "json", "csv", "md"),
	}
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two profiles that were written as JSON",
		ArgsUsage: "A.json B.json",
		Description: "Runs of the same phase, depth and tokens are compared, step by step; one of the names may be -,\n" +
			"standard input. A row counts as slower or faster if that is certain at the confidence, all\n" +
			"rows taken together; its interval is its own. Exit code 3: slower than --fail-over allows.",
		Flags: append([]cli.Flag{
			&cli.GenericFlag{Name: "fail-over", Value: &f.failOver, DefaultText: "never", Category: categoryShow,
				Usage: "end with exit code 3 if a step or a row is slower, for certain, and by more than `PERCENT`"},
			valueFlag(&f.confidence, categoryShow, "confidence", "of intervals and verdicts, in `PERCENT`"),
			valueFlag(&f.by, categoryShow, "by", "a row is a `GROUP`: "+strings.Join(f.by.words, ", ")),
			textFlag(&f.filter, categoryShow, "filter", "only rows whose name `REGEXP` finds"),
		}, f.output.flags("")...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return fmt.Errorf("profile diff takes two profiles, A.json B.json, got %d; see sealvk profile diff --help", c.NArg())
			}
			return p.profileDiff(c.Args().Get(0), c.Args().Get(1), f, c.IsSet("fail-over"))
		},
	}
}

func (p *program) profileDiff(nameA, nameB string, f *diffFlags, fail bool) error {
	options := profile.CompareOptions{By: profile.By(f.by.value), Confidence: f.confidence.value / 100}
	if f.filter != "" {
		var err error
		if options.Filter, err = regexp.Compile(f.filter); err != nil {
			return fmt.Errorf("--filter: %w", err)
		}
	}
	if nameA == "-" && nameB == "-" {
		return errors.New("both profiles are -: only one of them can be standard input")
	}
	if err := f.output.check(nameA, nameB); err != nil {
		return err
	}
	a, err := p.readProfile(nameA)
	if err != nil {
		return err
	}
	b, err := p.readProfile(nameB)
	if err != nil {
		return err
	}
	result, err := profile.Compare(a, b, options)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", nameA, nameB, err)
	}
	err = f.output.write(p, func(w io.Writer) error { return writeDiff(w, f.output.form.value, result, nameA, nameB) })
	if err != nil || !fail {
		return err
	}
	return slowerThan(result, f.failOver.value, nameA, nameB)
}

// slowerError is the verdict of profile diff --fail-over; all has worked.
type slowerError struct{ text string }

func (e slowerError) Error() string { return e.text }

// slowerCode is its exit code, which sets it apart from errors.
const slowerCode = 3

// slowerThan is a slowerError that names the worst rows, if any is slower by more than limit
// percent.
func slowerThan(c *profile.Comparison, limit float64, nameA, nameB string) error {
	const named = 3
	list := c.Regressions(limit / 100)
	if len(list) == 0 {
		return nil
	}
	var texts []string
	for _, r := range list[:min(named, len(list))] {
		texts = append(texts, fmt.Sprintf("%v: %s %s (%s)", r.RunKey, plainName(r.Row.Name), changeText(*r.Row.Change), intervalText(r.Row.Interval)))
	}
	if more := len(list) - named; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return slowerError{fmt.Sprintf("%s is slower than %s by more than %g %%: %s", nameB, nameA, limit, strings.Join(texts, "; "))}
}
