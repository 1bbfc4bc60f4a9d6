package main

import (
	"errors"
	"fmt"
	"io"

	"sealvk/cli/batch"
)

// mostByDefault bounds a context that nobody asked for, as in engine.
const mostByDefault = 8192

// batchCheck looks at every line as batch does, without the model's weights or a device, and prints what is wrong with
// which, and how many tokens they are.
func (p *program) batchCheck(f *batchFlags, names []string) error {
	in, err := f.inputs(p, names)
	if err != nil {
		return err
	}
	source, err := batch.Open(in)
	if err != nil {
		return err
	}
	defer source.Close()
	fields, _, err := f.fieldsTemplate()
	if err != nil {
		return err
	}
	named, err := namedTemplate(f.sampling.template)
	if err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	file, err := p.openFile(f.model.path)
	if err != nil {
		return err
	}
	defer file.Close()
	o := &opened{file: file}
	if err := o.readText(named, f.raw); err != nil {
		return err
	}
	context := f.model.context.number(file.Config.Context)
	if context == 0 {
		context = min(file.Config.Context, mostByDefault)
	}
	job := batch.Job{Template: fields, Seen: batch.NewSeen(""), Records: f.records(&in), Requests: o.requests(f.sampling, f.raw, f.special, context)}
	defer job.Seen.Close()
	c := checked{context: context}
	skip, limit := int64(f.skip.value), int64(f.limit.value)
	for {
		l, err := source.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return stopCause(ctx, err)
		}
		if l.Index < skip {
			continue
		}
		work, err := job.Ask(l, false)
		if err != nil {
			return err
		}
		if c.add(l, &work); work.Err != nil {
			fmt.Fprintln(p.stdout, printable(l.Where()+": "+oneLine(work.Err)))
		}
		if limit > 0 && l.Index+1 >= skip+limit {
			break
		}
	}
	c.print(p.stdout, int(f.parallel.value))
	if c.bad > 0 {
		return fmt.Errorf("%d of %s would get an error", c.bad, counted(c.lines, "line"))
	}
	return nil
}

// checked counts what lines ask for.
type checked struct {
	context             int
	lines, bad, answers int64
	prompts, most       int64 // tokens: of the prompts, of their answers at most
	longest             int   // tokens of a prompt
	longestAt           string
	positions           int   // of the KV cache that an answer takes at most
	cut                 int64 // answers that the context may cut before their max_tokens
}

func (c *checked) add(l *batch.Line, work *batch.Work) {
	c.lines++
	if work.Err != nil {
		c.bad++
	}
	for i := range work.Requests {
		r := &work.Requests[i]
		n, room := len(r.Prompt), c.context-len(r.Prompt)+1
		most := max(0, r.MaxTokens) // NoTokens is below 0
		if r.MaxTokens == 0 {
			most = room
		}
		if most > room {
			most = room
			c.cut++
		}
		c.answers++
		c.prompts += int64(n)
		c.most += int64(most)
		c.positions = max(c.positions, min(n+most, c.context))
		if n > c.longest {
			c.longest, c.longestAt = n, l.Where()
		}
	}
}

func (c *checked) print(w io.Writer, parallel int) {
	fmt.Fprintf(w, "%s: %d right, %d with an error\n", counted(c.lines, "line"), c.lines-c.bad, c.bad)
	if c.answers == 0 {
		return
	}
	fmt.Fprintf(w, "%s: prompts of %d tokens, the longest %d (%s)\n", counted(c.answers, "answer"), c.prompts, c.longest, printable(c.longestAt))
	fmt.Fprintf(w, "at most %d tokens of answers with a context of %d\n", c.most, c.context)
	if c.cut > 0 {
		fmt.Fprintf(w, "%s may be cut: the context ends before the tokens that are allowed\n", counted(c.cut, "answer"))
	}
	fmt.Fprintf(w, "KV cache: at most %d positions an answer, %d for %d together\n", c.positions, int64(c.positions)*min(int64(parallel), c.answers), min(int64(parallel), c.answers))
}
