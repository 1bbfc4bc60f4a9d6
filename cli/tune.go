package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine"
	"sealvk/vk"
)

// settings is the flag --tune, which may be given several times: knobs of kernels for a whole run.
type settings []engine.Setting

func (s *settings) String() string {
	var texts []string
	for _, one := range *s {
		texts = append(texts, one.String())
	}
	return strings.Join(texts, ",")
}

func (s *settings) Set(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		kernel, knob, _ := strings.Cut(name, ".")
		n, err := strconv.Atoi(value)
		if kernel == "" || knob == "" || err != nil {
			return fmt.Errorf("%q: want KERNEL.KNOB=NUMBER, such as matmul_add.lanes=128; sealvk profile kernel --help lists them", item)
		}
		*s = append(*s, engine.Setting{Kernel: kernel, Knob: knob, Value: n})
	}
	return nil
}

func (m *modelFlags) tuneFlag(category string) cli.Flag {
	return &cli.GenericFlag{Name: "tune", Value: &m.tune, DefaultText: "the device's own", Category: category,
		Usage: "run kernels with other workgroups: `KERNEL.KNOB=N[,…]` (may be given several times; see sealvk profile kernel --help)"}
}

// applyTuning is what --tune and --int-dot mean for a device. With -v it says what else a setting
// changes.
func (p *program) applyTuning(o *opened, f *modelFlags, caps *vk.Caps) (err error) {
	if len(f.tune) == 0 {
		return nil
	}
	if f.intDot && slices.ContainsFunc(f.tune, func(s engine.Setting) bool { return s.Knob == "int_dot" }) {
		return errors.New("--int-dot and --tune …int_dot=…: want one of them")
	}
	if f.numericsMode() == engine.NumericsExact {
		for _, s := range f.tune {
			if (s.Knob == "int_dot" || s.Knob == "matrices") && s.Value != 0 {
				return fmt.Errorf("--tune %v and --numerics exact: want one of them", s)
			}
		}
	}
	if o.tuning, err = engine.Tuned(caps, f.kvType(), f.tune); err != nil {
		return fmt.Errorf("--tune: %w", err)
	}
	if !f.verbose {
		return nil
	}
	for _, s := range f.tune {
		shared := ""
		if others := s.Sharers(); others != nil {
			shared = ", for " + strings.Join(others, ", ") + " too"
		}
		p.note("tuning: %v%s", s, shared)
	}
	return nil
}
