package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"sealvk/cli/batch"
	"sealvk/cli/openai"
	"sealvk/engine"
	"sealvk/prompt/grammar"
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
	source, err := batch.Open(batch.Input{Names: files, Stdin: p.stdin, Format: batch.JSONL})
	if err != nil {
		return err
	}
	defer source.Close()
	ctx, release := stoppable()
	defer release()
	f.model.sessions = int(f.parallel.value)
	o, err := p.open(ctx, f.model, named, f.raw)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	if f.model.verbose {
		p.note("%d prompts at a time", o.model.Sequences())
		if f.sampling.temperature.value > 0 {
			p.note("seed %d", f.sampling.seed.value)
		}
	}
	l := &promptLines{o: o, requests: o.requests(f.sampling, f.raw, f.special, o.model.Context())}
	run := batch.Run{
		Source: source, Ask: l.ask, Places: o.model.Sequences(), Submit: o.model.Submit, Reopen: o.submitAgain, Stats: batch.NewStats(),
		Write: func(_ int64, record []byte, _ bool) error {
			_, err := p.stdout.Write(record)
			return err
		},
	}
	err = run.Do(ctx)
	sum := run.Stats.Summary()
	if f.model.verbose {
		p.note("%s", l.summary(sum))
	}
	if err = stopCause(ctx, err); err != nil {
		return err
	}
	if sum.Errors > 0 {
		return fmt.Errorf("%d of %d prompts got no whole answer: see \"error\" in their lines", sum.Errors, sum.Lines)
	}
	return nil
}

// requests is what all lines have in common.
func (o *opened) requests(s *samplingFlags, raw, special bool, context int) *openai.Job {
	return &openai.Job{
		Tokenizer: o.tokenizer, Template: o.template, System: s.system, Raw: raw, Special: special, Control: s.special,
		Context: context, Stops: o.file.Stops, Seed: s.seed.value,
		Grammar: s.grammar, Vocabulary: sync.OnceValue(func() *grammar.Vocabulary { return grammar.NewVocabulary(o.tokenizer) }),
		Default: engine.Request{
			MaxTokens: int(s.tokens.value), Sampling: s.sampling(),
			StopStrings: s.stop.Value(), Speculate: s.speculate.number(engine.SpeculateAuto),
		},
	}
}

// promptLines makes the work of lines of --jsonl.
type promptLines struct {
	o                 *opened
	requests          *openai.Job
	drafted, accepted int
}

func (p *promptLines) ask(l *batch.Line, _ bool) (batch.Work, error) {
	asked, err := p.request(l)
	if err != nil {
		return batch.Work{Record: func([]batch.Result) ([]byte, bool, error) { return p.record(&answer{}, err) }}, nil
	}
	again := func() ([]engine.Request, error) {
		asked, err := p.request(l)
		if err != nil {
			return nil, err
		}
		return asked.Requests, nil
	}
	return batch.Work{Requests: asked.Requests, Again: again, Record: func(results []batch.Result) ([]byte, bool, error) {
		r := &results[0]
		p.drafted += r.Drafted
		p.accepted += r.Accepted
		return p.record(&answer{r.Result, r.FirstToken}, r.Err)
	}}, nil
}

// request reads a line.
func (p *promptLines) request(l *batch.Line) (*openai.Asked, error) {
	if l.Err != nil {
		return nil, l.Err
	}
	if l.Text[0] != '"' {
		return nil, errors.New("the line is not a JSON string (sealvk batch takes objects)")
	}
	r, err := openai.Parse(l.Text)
	if err != nil {
		return nil, fmt.Errorf("the line is not a JSON string: %w", err)
	}
	if strings.TrimSpace(r.Prompts[0].Text) == "" {
		return nil, errors.New("the prompt is empty")
	}
	return p.requests.Ask(r, l.Index)
}

// record is the object of --json in a line.
func (p *promptLines) record(a *answer, problem error) ([]byte, bool, error) {
	g := a.generated(p.o)
	if problem != nil {
		g.FinishReason, g.Error = "error", oneLine(problem)
	}
	var out bytes.Buffer
	err := encodeJSON(&out, "", g)
	return out.Bytes(), problem != nil, err
}

// summary is the closing line of -v.
func (p *promptLines) summary(s batch.Summary) string {
	text := fmt.Sprintf("%s, %d tokens in %.2f s, %.1f tok/s", counted(s.Lines, "answer"), s.CompletionTokens, s.Seconds, s.CompletionTPS)
	if p.drafted > 0 {
		text += fmt.Sprintf("; %d of %d drafted tokens accepted", p.accepted, p.drafted)
	}
	return text
}
