package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/urfave/cli/v2"

	"sealvk/cli/batch"
	"sealvk/cli/score"
	"sealvk/engine"
	"sealvk/prompt"
)

type scoreFlags struct {
	model    *modelFlags
	output   string // "": standard output
	template string // "" and "auto": what the model says
	special  bool
	parallel whole
}

func (p *program) scoreCommand() *cli.Command {
	f := &scoreFlags{model: newModelFlags(), parallel: whole{mostTogether, 1, 4096}}
	f.model.kv.value, f.model.numerics.value = engine.KVF32.String(), engine.NumericsExact.String()
	return &cli.Command{
		Name:      "score",
		Usage:     "tell how likely a model finds given continuations",
		ArgsUsage: "[FILE...|-]",
		Description: "Each line is an object with a \"prompt\" (text or token ids) or \"messages\", and a\n" +
			"\"continuation\" or several \"choices\". Each line of output has its index, the\n" +
			"log-likelihood of the continuation, that of each token, and the same by token, byte\n" +
			"and character; of choices a list of these, and which is the best. The output is in\n" +
			"the order of the lines; one that has an error says so in its own.",
		Flags: append(f.model.all(),
			fileFlag(&f.output, "", "output, o", "`FILE` to write instead of standard output; it appears when it is complete"),
			toggleFlag(&f.special, "", "parse-special", "read control tokens such as <eos> where prompt and continuation spell them"),
			templateFlag(&f.template, ""),
			valueFlag(&f.parallel, "", "parallel", "hold `N` continuations on the device, fewer if their contexts do not fit"),
		),
		Action: func(c *cli.Context) error { return p.score(f, c.Args().Slice()) },
	}
}

// score scores the lines of the files, or of standard input.
func (p *program) score(f *scoreFlags, files []string) (err error) {
	named, err := namedTemplate(f.template)
	if err != nil {
		return err
	}
	if f.output != "" {
		if err := errors.Join(checkOutput(f.output), checkNotRead(f.output, files)); err != nil {
			return err
		}
	}
	source, err := batch.Open(batch.Input{Names: files, Stdin: p.stdin, Format: batch.JSONL})
	if err != nil {
		return err
	}
	defer source.Close()
	ctx, release := stoppable()
	defer release()
	f.model.sessions = int(f.parallel.value)
	o, err := p.open(ctx, f.model, nil, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	s := &scoring{o: o, f: f, template: sync.OnceValues(func() (prompt.Template, error) {
		return chooseTemplate(named, o.file, o.tokenizer)
	})}
	begun := time.Now()
	write := func(w io.Writer) error { return s.run(ctx, source, w) }
	if f.output == "" {
		err = write(p.stdout)
	} else if err = checkNotInput(f.output, o.file); err == nil {
		err = writeFile(f.output, write)
	}
	if f.model.verbose {
		c, took := o.counters(), time.Since(begun)
		p.note("%s in %.2f s; %d tokens, %.1f tok/s, of which %d were there from prompts in front",
			counted(int64(s.lines), "line"), took.Seconds(), c.PromptTokens, perSecond(int(c.PromptTokens), took), c.Reused)
	}
	if s.gold > 0 {
		p.note("%s", s.accuracy())
	}
	if err = stopCause(ctx, err); err == nil && s.failed > 0 {
		err = fmt.Errorf("%d of %d lines have no score: see \"error\" in their lines of output", s.failed, s.lines)
	}
	return err
}

// scoring is one run of the command.
type scoring struct {
	o        *opened
	f        *scoreFlags
	template func() (prompt.Template, error) // of conversations

	lines, failed int
	gold          int // lines that say which choice is right
	right         [4]int
}

// scoredLine is a line of output. Others script against its fields.
type scoredLine struct {
	Index        int64          `json:"index"`
	Hash         string         `json:"hash"`
	ID           jsontext.Value `json:"id,omitempty"`
	PromptTokens int            `json:"prompt_tokens,omitempty"`
	*score.Value                // of one continuation
	Choices      []*score.Value `json:"choices,omitempty"`
	Best         *score.Choice  `json:"best,omitempty"` // places in Choices
	Correct      *scoreCorrect  `json:"correct,omitempty"`
	Error        string         `json:"error,omitempty"` // then there is no score
}

// scoreCorrect tells by which ways to compare the best of a line's choices is the right one.
type scoreCorrect struct {
	Sum        bool `json:"sum"`
	Tokens     bool `json:"per_token"`
	Bytes      bool `json:"per_byte"`
	Characters bool `json:"per_character"`
}

// run brings all lines through the model.
func (s *scoring) run(ctx context.Context, source *batch.Source, w io.Writer) error {
	r := &batch.Run{
		Source: source, Order: batch.InputOrder, Places: s.o.model.Sequences(), Submit: s.o.model.Submit, Reopen: s.o.submitAgain, Stats: batch.NewStats(),
		Ask: func(l *batch.Line, _ bool) (batch.Work, error) { return s.work(l), nil },
		Write: func(_ int64, record []byte, _ bool) error {
			_, err := w.Write(record)
			return err
		},
	}
	return r.Do(ctx)
}

// work is what a line asks for, and what becomes of it.
func (s *scoring) work(l *batch.Line) batch.Work {
	out := &scoredLine{Index: l.Index, Hash: l.Hash.String()}
	line, pairs, err := (*scoreLine)(nil), []score.Pair(nil), l.Err
	if err == nil {
		line, err = parseScoreLine(l.Text)
	}
	if err == nil {
		out.ID = line.ID
		pairs, err = s.pairs(line)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", l.Where(), err)
	}
	requests := make([]engine.Request, len(pairs))
	for i, p := range pairs {
		requests[i] = engine.Request{Prompt: p.IDs, MaxTokens: engine.NoTokens, PromptLogprobs: true, PromptLogprobsFrom: p.First}
	}
	again := func() ([]engine.Request, error) { return requests, nil } // they have no state
	return batch.Work{Requests: requests, Again: again, Err: err, Record: func(results []batch.Result) (record []byte, failed bool, _ error) {
		if err == nil {
			err = s.fill(out, line, pairs, results)
		}
		s.lines++
		if err != nil {
			s.failed++
			out = &scoredLine{Index: out.Index, Hash: out.Hash, ID: out.ID, Error: oneLine(err)}
		}
		var b bytes.Buffer
		encoding := encodeJSON(&b, "", out)
		return b.Bytes(), err != nil, encoding
	}}
}

// fill puts the values of a line's pairs in its line of output.
func (s *scoring) fill(out *scoredLine, line *scoreLine, pairs []score.Pair, results []batch.Result) error {
	values := make([]*score.Value, len(pairs))
	for i, p := range pairs {
		err := results[i].Err
		if err == nil {
			values[i], err = score.Of(p, results[i].PromptLogprobs)
		}
		if err != nil {
			return err
		}
	}
	out.PromptTokens = pairs[0].First
	if line.Choices == nil {
		out.Value = values[0]
		return nil
	}
	best := score.Best(values)
	out.Choices, out.Best = values, &best
	if line.Gold != nil {
		g := *line.Gold
		out.Correct = &scoreCorrect{best.Sum == g, best.Tokens == g, best.Bytes == g, best.Characters == g}
		s.gold++
		for i, place := range []int{best.Sum, best.Tokens, best.Bytes, best.Characters} {
			if place == g {
				s.right[i]++
			}
		}
	}
	return nil
}

// accuracy is the share of the lines with a right choice whose best choice is that.
func (s *scoring) accuracy() string {
	share := func(i int) float64 { return float64(s.right[i]) / float64(s.gold) }
	return fmt.Sprintf("of %d lines with gold the best choice is right: %.4f by sum (acc), %.4f by token, %.4f by byte, %.4f by character (acc_norm)",
		s.gold, share(0), share(1), share(2), share(3))
}
