package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sealvk/engine"
)

// mostTogether is the default of --parallel: the sequences of which a decode step reads the
// weights once.
const mostTogether = 16

// generateLines answers the prompt in every line of the files, or of standard input. A line
// that gets no answer becomes an object that says why.
func (p *program) generateLines(f *generateFlags, files []string) (err error) {
	named, err := namedTemplate(f.sampling.template)
	if err != nil {
		return err
	}
	lines, err := p.promptLines(files)
	if err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	f.model.sessions = min(int(f.parallel.value), max(1, len(lines)))
	o, err := p.open(ctx, f.model, named, f.raw)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close(ctx)) }()
	o.session.Close() // the lines take whichever is free
	if f.model.verbose {
		p.note("%d prompts, %d at a time", len(lines), o.model.Sequences())
		if f.sampling.temperature.value > 0 {
			p.note("seed %d", f.sampling.seed.value)
		}
	}
	a := &answers{p: p, o: o, lines: make([]*generated, len(lines))}
	failed := p.answerLines(ctx, a, f, lines)
	if f.model.verbose {
		p.note("%s", a.summary())
	}
	if err := errors.Join(a.err, stopCause(ctx, nil)); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d prompts got no whole answer: see \"error\" in their lines", failed, len(lines))
	}
	return nil
}

// answerLines asks for all lines that hold a prompt, and tells how many failed.
func (p *program) answerLines(ctx context.Context, a *answers, f *generateFlags, lines [][]byte) (failed int) {
	ctx, cancel := context.WithCancel(ctx) // when nobody reads
	defer cancel()
	var requests []engine.Request
	for i, line := range lines {
		r, err := a.o.lineRequest(line, f)
		if err != nil {
			failed++
			a.put(i, &answer{}, err)
			continue
		}
		asked := time.Now()
		var first time.Duration
		r.Emit = func(engine.Token) error {
			if first == 0 {
				first = time.Since(asked)
			}
			return a.err
		}
		r.Done = func(result engine.Result) {
			if result.Err != nil && a.err == nil {
				failed++
			}
			if result.Finish == engine.FinishCancelled && len(result.Tokens) == 0 {
				return // as if the line had not been there
			}
			a.put(i, &answer{result, first}, result.Err)
			if a.err != nil {
				cancel()
			}
		}
		requests = append(requests, r)
	}
	begun := time.Now()
	a.o.model.GenerateBatch(ctx, requests) // each result has its error
	a.took = time.Since(begun)
	return failed
}

// lineRequest reads a line of --jsonl.
func (o *opened) lineRequest(line []byte, f *generateFlags) (engine.Request, error) {
	var text string
	if err := json.Unmarshal(line, &text); err != nil {
		return engine.Request{}, fmt.Errorf("the line is not a JSON string: %w", err)
	}
	if strings.TrimSpace(text) == "" {
		return engine.Request{}, errors.New("the prompt is empty")
	}
	ids, err := o.encode(text, f)
	if err != nil {
		return engine.Request{}, err
	}
	return o.request(ids, f.sampling, f.raw)
}

// answers prints the objects of lines in the order of the lines.
type answers struct {
	p       *program
	o       *opened
	lines   []*generated // nil where there is none yet
	printed int
	err     error // of printing

	count, tokens, drafted, accepted int
	took                             time.Duration
}

func (a *answers) put(i int, r *answer, err error) {
	g := r.generated(a.o)
	if err != nil {
		g.FinishReason, g.Error = "error", oneLine(err)
	}
	a.count++
	a.tokens += len(r.Tokens)
	a.drafted += r.Drafted
	a.accepted += r.Accepted
	a.lines[i] = &g
	for a.printed < len(a.lines) && a.lines[a.printed] != nil && a.err == nil {
		a.err = encodeJSON(a.p.stdout, "", a.lines[a.printed])
		a.lines[a.printed] = &generated{} // printed: its memory may go
		a.printed++
	}
}

// summary is the closing line of -v.
func (a *answers) summary() string {
	text := fmt.Sprintf("%d answers, %d tokens in %.2f s, %.1f tok/s", a.count, a.tokens, a.took.Seconds(), perSecond(a.tokens, a.took))
	if a.drafted > 0 {
		text += fmt.Sprintf("; %d of %d drafted tokens accepted", a.accepted, a.drafted)
	}
	return text
}

// promptLines reads the lines of the files as if they were one, or of standard input.
func (p *program) promptLines(files []string) (lines [][]byte, err error) {
	read := func(name string, r io.Reader) error {
		s := bufio.NewScanner(r)
		s.Buffer(nil, maxLineBytes)
		n := 0
		for ; s.Scan(); n++ {
			lines = append(lines, bytes.Clone(s.Bytes()))
		}
		if errors.Is(s.Err(), bufio.ErrTooLong) {
			return fmt.Errorf("%s: line %d is longer than %d MiB", name, n+1, maxLineBytes>>20)
		}
		return s.Err()
	}
	if len(files) == 0 {
		return lines, read("standard input", p.stdin)
	}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		err = read(path, f)
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	return lines, nil
}
