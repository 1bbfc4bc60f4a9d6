package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sealvk/cli/batch"
	"sealvk/engine"
)

// batchRun is one run of batch, as far as it has come.
type batchRun struct {
	p *program
	f *batchFlags
	o *opened

	source  *batch.Source
	job     batch.Job
	header  batch.Header
	beside  *batch.HeaderFile // nil: the output is no file that a run can go on with
	resumed bool              // the header was there
	journal *batch.Journal
	plain   *os.File // an output that is a pipe or a device
	stats   *batch.Stats

	sequences, context int // of the model
}

// batch answers the lines of the inputs. given tells whether the user gave a flag.
func (p *program) batch(f *batchFlags, names []string, given func(string) bool) (err error) {
	r := &batchRun{p: p, f: f}
	defer func() { err = errors.Join(err, r.close()) }()
	in, err := f.inputs(p, names)
	if err != nil {
		return err
	}
	if r.source, err = batch.Open(in); err != nil {
		return err
	}
	fields, fieldsText, err := f.fieldsTemplate()
	if err != nil {
		return err
	}
	named, err := namedTemplate(f.sampling.template)
	if err != nil {
		return err
	}
	r.job = batch.Job{Template: fields, Seen: batch.NewSeen(""), Records: f.records(&in)}
	ctx, release := stoppable()
	defer release()
	if err := r.openHeader(ctx); err != nil {
		return err
	}
	if r.resumed {
		if !given("seed") {
			f.sampling.seed.value = r.header.Seed
		}
		if !given("ctx") {
			_ = f.model.context.Set(r.header.Settings["--ctx"]) // a value that was there before
		}
	}
	file, err := p.openFile(f.model.path)
	if err != nil {
		return err
	}
	o := &opened{file: file}
	digest, err := file.Digest()
	if err == nil {
		err = o.readText(f.model, named, f.raw)
	}
	if err == nil {
		err = r.compare(r.settings(o, digest, fieldsText))
	}
	if err == nil {
		err = r.openOutput()
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.model.sessions = int(f.parallel.value)
	if err := p.bring(ctx, o, f.model, func() error { return nil }); err != nil {
		return err
	}
	r.o = o
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	if err := r.begin(); err != nil {
		return err
	}
	return r.run(ctx)
}

// openHeader has the job beside the output for this process, and reads what it was.
func (r *batchRun) openHeader(ctx context.Context) error {
	out := r.f.output
	if out == "" {
		return nil
	}
	info, err := os.Stat(out)
	there := err == nil && info.Size() > 0
	if err == nil && !info.Mode().IsRegular() {
		if r.f.resume {
			return fmt.Errorf("--resume: %s is not a file that a run can go on with", out)
		}
		// A named pipe without a reader has open wait for one.
		r.plain, _, err = unlessStopped(ctx, 0, func() (*os.File, error) { return os.OpenFile(out, os.O_WRONLY, 0) })
		return err
	}
	if there && !r.f.resume {
		return fmt.Errorf("%s exists: go on with it by --resume, or remove it and %s.job", out, out)
	}
	if r.beside, err = batch.LockHeader(out); err != nil {
		return err
	}
	if !r.f.resume {
		return nil
	}
	switch h, err := r.beside.Read(); {
	case err != nil:
		return err
	case h != nil:
		r.header, r.resumed = *h, true
	case there:
		return fmt.Errorf("--resume: %s is missing, by which %s could be gone on with; remove %s to begin again", r.beside.Path(), out, out)
	}
	return nil
}

// compare refuses to go on where records would be others than those that are there.
func (r *batchRun) compare(settings map[string]string) error {
	if !r.resumed {
		r.header.Settings = settings
		return nil
	}
	was := maps.Clone(r.header.Settings)
	delete(was, "--ctx") // begin compares it
	all := batch.Differences(was, settings)
	if r.header.Seed != r.f.sampling.seed.value {
		all = append(all, fmt.Sprintf("--seed was %d, is %d", r.header.Seed, r.f.sampling.seed.value))
	}
	return r.refuse(all)
}

func (r *batchRun) refuse(differences []string) error {
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("--resume: %s was begun otherwise: %s; give what it was begun with, or choose another OUT", r.f.output, strings.Join(differences, "; "))
}

// openOutput reads what the output holds.
func (r *batchRun) openOutput() (err error) {
	if r.beside == nil {
		return nil
	}
	if r.journal, err = batch.OpenJournal(r.f.output, r.job.Records, r.f.retry); err != nil {
		return err
	}
	if r.journal.Torn {
		r.p.note("%s: its last line was cut, and is computed again", r.f.output)
	}
	return nil
}

// begin completes the header by what the model on its device is, and writes it in front of the first record.
func (r *batchRun) begin() error {
	o := r.o
	decode, prefill := o.model.Arithmetic()
	caps := o.device.Caps()
	r.sequences, r.context = o.model.Sequences(), o.model.Context()
	context := strconv.Itoa(r.context)
	noted := map[string]string{
		"the device":  fmt.Sprintf("%s (%s)", caps.Name, strings.TrimSpace(caps.Driver.Name+" "+caps.Driver.Info)),
		"arithmetic":  fmt.Sprintf("decode by %s, prompts by %s", decode, prefill),
		"the program": version(),
	}
	if r.resumed {
		if was := r.header.Settings["--ctx"]; was != context {
			return r.refuse([]string{fmt.Sprintf("--ctx was %s, is %s", was, context)})
		}
		for _, d := range batch.Differences(r.header.Noted, noted) {
			r.p.note("%s: %s; answers from here on may differ in their last digits from what they would have been", r.f.output, d)
		}
	} else {
		r.header.Created, r.header.Model, r.header.Seed = time.Now().Unix(), modelName(r.f.model.path), r.f.sampling.seed.value
		r.header.Settings["--ctx"], r.header.Noted = context, noted
		if r.beside != nil {
			if err := r.beside.Write(r.header); err != nil {
				return err
			}
		}
	}
	if r.f.model.verbose {
		r.p.note("%d answers at a time, seed %d", o.model.Sequences(), r.header.Seed)
	}
	r.job.Requests = o.requests(r.f.sampling, r.f.raw, r.f.special, o.model.Context())
	r.job.Requests.Look = r.p.noteDecomposed
	r.job.Requests.Model, r.job.Requests.Created, r.job.Requests.Seed = r.header.Model, r.header.Created, r.header.Seed
	return nil
}

// run answers the lines, and says how it went.
func (r *batchRun) run(ctx context.Context) error {
	f, p := r.f, r.p
	r.stats = batch.NewStats()
	work := batch.Run{
		Source: r.source, Skip: int64(f.skip.value), Limit: int64(f.limit.value), Order: batch.Order(f.order.value),
		Ask: r.job.Ask, Places: r.sequences, Submit: r.o.model.Submit, Reopen: r.o.submitAgain, Write: r.write, Stats: r.stats,
	}
	if r.journal != nil {
		work.Done = r.journal.Done
	}
	end := p.meter(r)
	err := work.Do(ctx)
	end()
	if r.journal != nil {
		order := batch.CompletionOrder // as the lines are, while there are more to come
		if err == nil {
			order = batch.Order(f.order.value)
		}
		err = errors.Join(err, r.journal.Finish(order))
	}
	if errors.Is(p.stdout.err, syscall.EPIPE) || errors.Is(p.stdout.err, io.ErrClosedPipe) {
		return err
	}
	p.note("%s", r.summary())
	if f.statisticsFile != "" {
		err = errors.Join(err, writeFile(f.statisticsFile, func(w io.Writer) error { return encodeJSON(w, "  ", r.statistics()) }))
	}
	if err != nil && r.journal != nil {
		p.note("%s holds %s: sealvk batch --resume with the same flags goes on", f.output, counted(r.journal.Records, "line"))
	}
	if stopped := stopCause(ctx, nil); stopped != nil {
		return stopped
	}
	if err != nil {
		return err
	}
	return r.failed()
}

// statistics are those of --stats.
func (r *batchRun) statistics() batchStatistics {
	c := r.o.counters()
	s := batchStatistics{
		Summary: r.stats.Summary(), Sequences: r.sequences, Context: r.context,
		Reused: reusedShare(c), Computed: c.Computed, Replayed: c.Replayed, Steps: c.Steps, LoadSeconds: r.o.load.Seconds(),
		Model: r.header.Model, Device: r.header.Noted["the device"], Numerics: r.o.numerics.String(),
	}
	if s.Output, s.Failed = s.Lines, s.Errors; r.journal != nil {
		s.Output, s.Failed = r.journal.Records, r.journal.Failed
	}
	return s
}

// reusedShare is how much of the prompts did not have to be computed.
func reusedShare(c engine.Counters) float64 {
	if c.Reused+c.Computed == 0 {
		return 0
	}
	return float64(c.Reused) / float64(c.Reused+c.Computed)
}

// failed is the error of lines that have no answer.
func (r *batchRun) failed() error {
	s := r.stats.Summary()
	failed, lines, again := s.Errors, s.Lines, ""
	if r.journal != nil {
		failed, lines, again = r.journal.Failed, r.journal.Records, "; --resume --retry-errors computes them again"
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %s got an error instead of an answer: see \"error\" in them%s", failed, counted(lines, "line"), again)
}

// counted is a number of things.
func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// write writes a record.
func (r *batchRun) write(index int64, record []byte, failed bool) error {
	if r.journal != nil {
		return r.journal.Append(index, record, failed)
	}
	record = r.job.Records.Begin(record)
	switch {
	case r.plain != nil:
		if _, err := r.plain.Write(record); err != nil {
			return fmt.Errorf("%s: %w", r.f.output, bare(err))
		}
		return nil
	}
	if _, err := r.p.stdout.Write(record); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}

// close gives back what the run has besides the model.
func (r *batchRun) close() error {
	var errs []error
	if r.source != nil {
		r.source.Close()
	}
	if r.job.Seen != nil {
		r.job.Seen.Close()
	}
	if r.journal != nil {
		errs = append(errs, r.journal.Close())
	}
	if r.plain != nil {
		errs = append(errs, r.plain.Close())
	}
	if r.beside != nil {
		errs = append(errs, r.beside.Close())
	}
	return errors.Join(errs...)
}
