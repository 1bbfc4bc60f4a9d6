package main

import (
	"fmt"
	"strings"
	"time"

	"sealvk/cli/batch"
)

// told is the time between two lines where there is no terminal.
const told = 30 * time.Second

// meter shows on standard error how far a run has come until end is called: a bar on a terminal, which end wipes
// away; else a line now and then. Where the lines themselves come on the terminal they are enough.
func (p *program) meter(r *batchRun) (end func()) {
	bar, interval := p.line != nil, told
	if bar && r.f.output == "" && isTerminal(p.stdout.w) {
		return func() {}
	}
	if bar {
		interval = drawn
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		var m pace
		for {
			select {
			case <-stop:
				if bar {
					p.line.wipe()
				}
				return
			case now := <-ticker.C:
				m.add(sample{now, r.stats.Summary(), r.stats.Share(r.source.Progress())})
				parts, share := m.parts()
				if bar {
					p.line.show(fitted(parts, share, p.line.columns()-1))
				} else {
					p.note("%s", strings.Join(parts, ", "))
				}
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// sample is what a run had done at a time.
type sample struct {
	at    time.Time
	sum   batch.Summary
	share float64 // of the input; below 0: not known
}

// pace is what a run does a second, by samples of the last while.
type pace []sample

// lately is the while.
const lately = 15 * time.Second

func (p *pace) add(s sample) {
	*p = append(*p, s)
	for len(*p) > 2 && s.at.Sub((*p)[0].at) > lately {
		*p = (*p)[1:]
	}
}

// parts are the words of the newest sample, the most important first.
func (p pace) parts() (parts []string, share float64) {
	from, to := p[0], p[len(p)-1]
	if to.share >= 0 {
		parts = append(parts, fmt.Sprintf("%.0f %%", 100*to.share))
	}
	parts = append(parts, counted(to.sum.Lines, "line"))
	if n := to.sum.Errors; n > 0 {
		parts = append(parts, counted(n, "error"))
	}
	took := to.at.Sub(from.at).Seconds()
	if took <= 0 {
		return parts, to.share
	}
	if more := to.share - from.share; to.share >= 0 && more > 0 {
		left := time.Duration((1 - to.share) / more * took * float64(time.Second))
		parts = append(parts, left.Round(time.Second).String()+" left")
	}
	rate := func(from, to int64) float64 { return float64(to-from) / took }
	parts = append(parts,
		fmt.Sprintf("%.0f tok/s out", rate(from.sum.CompletionTokens, to.sum.CompletionTokens)),
		fmt.Sprintf("%.0f tok/s in", rate(from.sum.PromptTokens, to.sum.PromptTokens)))
	return parts, to.share
}

// summary is what is said at the end.
func (r *batchRun) summary() string {
	s := r.stats.Summary()
	var b strings.Builder
	b.WriteString(counted(s.Lines, "line"))
	if s.Skipped > 0 {
		fmt.Fprintf(&b, " (%d were done before)", s.Skipped)
	}
	if s.Errors > 0 {
		fmt.Fprintf(&b, ", %s", counted(s.Errors, "error"))
	}
	fmt.Fprintf(&b, " in %.1f s: %d tokens in, %d out, %.1f and %.1f tok/s", s.Seconds, s.PromptTokens, s.CompletionTokens, s.PromptTPS, s.CompletionTPS)
	c := r.o.counters()
	if c.Reused > 0 {
		fmt.Fprintf(&b, "; %.0f %% of the prompts' tokens reused", 100*reusedShare(c))
	}
	if c.PutBack > 0 {
		fmt.Fprintf(&b, "; %s put back", counted(c.PutBack, "answer"))
	}
	return b.String()
}

// batchStatistics is the object of --stats. Others script against its fields.
type batchStatistics struct {
	batch.Summary
	Output      int64   `json:"output_lines"` // that the output holds by now
	Failed      int64   `json:"output_errors"`
	Sequences   int     `json:"sequences"` // that were computed together
	Context     int     `json:"context"`
	Reused      float64 `json:"reused"`          // share of the prompts' tokens that were not computed again
	Computed    int64   `json:"computed_tokens"` // of prompts
	Replayed    int64   `json:"replayed_tokens"` // of answers that were put back
	Steps       int64   `json:"steps"`           // of decode
	LoadSeconds float64 `json:"load_seconds"`
	Model       string  `json:"model"`
	Device      string  `json:"device"`
	Numerics    string  `json:"numerics"`
}
