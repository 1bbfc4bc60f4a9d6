package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"sealvk/engine/profile"
)

// writeFolded writes a line per dispatch, "run;section;operation;kernel ns", and one for
// each other part of the serialized step: a run's lines add up to its wall time. Weights
// are whole nanoseconds, the mean of the steps.
func writeFolded(w io.Writer, p *profile.Profile, _ View) error {
	var b strings.Builder
	line := func(us float64, frames ...string) {
		for i, f := range frames {
			frames[i] = strings.NewReplacer(";", ",", "\n", " ", "\r", " ").Replace(f)
		}
		if ns := math.Round(us * 1000); ns > 0 {
			fmt.Fprintf(&b, "%s %.0f\n", strings.Join(frames, ";"), ns)
		}
	}
	for i := range p.Runs {
		r := &p.Runs[i]
		groups := groupsByLabel(p, r)
		for _, d := range r.Dispatches {
			if g := groups[d.Label]; g != nil {
				line(g.TotalUS, runName(r), d.Section, d.Operation, p.Pipelines[d.Pipeline].Name())
			}
		}
		for _, part := range parts(&r.Budget)[1:] {
			line(part.us, runName(r), part.name)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
