package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sealvk/engine/profile"
)

// Form is one that Write gives a profile.
type Form struct {
	Name  string // text, json, …
	File  string // its usual name in a folder of them
	write func(io.Writer, *profile.Profile, View) error
}

var forms = []Form{
	{"text", "profile.txt", writeText},
	{"json", "profile.json", writeJSON},
	{"csv", "profile.csv", writeCSV},
	{"trace", "trace.json", writeTrace},
	{"folded", "profile.folded", writeFolded},
	{"html", "report.html", writeHTML},
}

// Forms are those that Write knows.
func Forms() []Form { return slices.Clone(forms) }

// Write writes p in the form of that name. The view chooses what the tables of the text
// show; other forms hold everything.
func Write(w io.Writer, form string, p *profile.Profile, v View) error {
	var names []string
	for _, f := range forms {
		if f.Name == form {
			if err := check(p); err != nil {
				return err
			}
			return f.write(w, p, v)
		}
		names = append(names, f.Name)
	}
	return fmt.Errorf("report: unknown format %q: want one of %s", form, strings.Join(names, ", "))
}

// check finds what a file that was edited by hand may get wrong.
func check(p *profile.Profile) error {
	for _, r := range p.Runs {
		for _, d := range r.Dispatches {
			if d.Pipeline < 0 || d.Pipeline >= len(p.Pipelines) {
				return fmt.Errorf("report: %s of %s refers to program %d, the profile has %d", d.Label, runName(&r), d.Pipeline, len(p.Pipelines))
			}
			if d.Calls < 1 || len(d.SamplesUS) == 0 || len(d.SamplesUS)%d.Calls != 0 {
				return fmt.Errorf("report: %s of %s has %d samples of %d calls a step", d.Label, runName(&r), len(d.SamplesUS), d.Calls)
			}
		}
	}
	return nil
}

func writeJSON(w io.Writer, p *profile.Profile, _ View) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(p); err != nil {
		return fmt.Errorf("report: json: %w", err)
	}
	return nil
}

// runName is "decode at depth 512", or "prefill of 128 tokens at depth 0".
func runName(r *profile.Run) string { return r.Key().String() }

// runFile is a run's part of a file's name. Every run of a profile has its own.
func runFile(p *profile.Profile, run int) string {
	name := func(r *profile.Run) string { return fmt.Sprintf("%s-%d", r.Phase, r.Depth) }
	r := &p.Runs[run]
	for i := range p.Runs {
		if i != run && name(&p.Runs[i]) == name(r) {
			return fmt.Sprintf("%s-%d-%d", r.Phase, r.Depth, run+1)
		}
	}
	return name(r)
}

// modelName is the model in a few words.
func modelName(p *profile.Profile) string {
	return strings.TrimSpace(p.Model.Name + " " + p.Model.FileType)
}

// tokensPerS is the unprofiled speed; 0 if it was not measured.
func tokensPerS(r *profile.Run) float64 {
	if r.Unprofiled.MedianUS <= 0 {
		return 0
	}
	return float64(r.Tokens) / r.Unprofiled.MedianUS * 1e6
}

// floorUS is the least time of a step; 0 if the roofs are unknown.
func floorUS(r *profile.Run) float64 { return max(r.Floor.MemoryUS, r.Floor.ComputeUS) }

// part is a share of a step's wall time.
type part struct {
	name  string
	us    float64
	about string
}

// parts are those of the wall time of a step, in the order of their table.
func parts(b *profile.Budget) []part {
	return []part{
		{"kernels", b.KernelsUS, "a kernel runs"},
		{"gaps", b.GapsUS, "between kernels: barriers and launches"},
		{"submit", b.SubmitUS, "device idle, host submits"},
		{"wait", b.WaitUS, "device idle, host waits: start and wake-up"},
		{"readback", b.ReadUS, "device idle, host reads the token or writes the next tokens"},
		{"host", b.HostUS, "device idle, host does anything else"},
		{"profile", b.ProfileUS, "device idle, host reads timestamps"},
	}
}
