package engine

import (
	"context"

	"sealvk/shaders"
	"sealvk/vk"
)

// share is the next tokens of an answer's prompt.
type share struct {
	*answer
	tokens int
}

// ends tells whether the answer's first token is sampled behind the share: it is the rest of the prompt,
// and the token is wanted, and not there already.
func (s share) ends() bool {
	return len(s.session.cached)+s.tokens == len(s.request.Prompt) && len(s.result.Tokens) == 0 && s.total > 0
}

// last is the decode row that samples behind the prompt.
func (s share) last() shaders.Row {
	last := len(s.request.Prompt) - 1
	return shaders.Row{Token: uint32(s.request.Prompt[last]), Position: uint32(last), Sequence: s.session.sequence}
}

// prefillShares computes shares of different prompts that fit into a chunk, or one of any length. The first tokens of
// those that end are sampled as decode rows, in their order.
func (m *Model) prefillShares(shares []share) error {
	if len(shares) == 1 {
		return shares[0].prefill()
	}
	var pieces []piece
	var ends []int // rows of the chunk
	var ending []share
	var answers []*answer // of those
	var targets []target
	at := 0
	for _, s := range shares {
		from := len(s.session.cached)
		targets = append(targets, s.targets()...)
		pieces = append(pieces, piece{s.request.Prompt[from:][:s.tokens], from, s.session.sequence})
		if at += s.tokens; s.ends() {
			ends, ending, answers = append(ends, at-1), append(ending, s), append(answers, s.answer)
		}
	}
	if err := m.flush(); err != nil {
		return err
	}
	f, c := &flights{m: m}, m.chunk(0, pieces...)
	c.done = func() error {
		for _, s := range shares {
			s.computedPrompt(s.tokens)
		}
		return nil
	}
	making := m.makeMasks(answers...)
	err := f.finish(f.submit(context.Background(), c))
	if making.Wait(); err != nil {
		return err
	}
	if err := m.score(targets); err != nil || len(ends) == 0 {
		return err
	}
	return m.sampleBehind(ends, ending)
}

// sampleBehind samples a token behind each of some rows of the newest chunk, in ascending order, of shares that end
// there and whose masks are made, as decode rows. For the kernels, whose rows stand side by side, the residual's are
// copied to the front.
func (m *Model) sampleBehind(ends []int, shares []share) error {
	var rows []shaders.Row
	var masks []*vk.Commands
	var sampled firstToken
	for _, s := range shares {
		rows, masks = append(rows, s.last()), append(masks, m.masks(s.answer)...)
		sampled.choice, sampled.logprobs = max(sampled.choice, s.request.choice()), sampled.logprobs || s.request.Logprobs
	}
	if err := m.setRows(rows); err != nil {
		return err
	}
	m.state.current = m.state.current[:0]
	x := &m.act.x
	c, err := m.commands("first tokens", func(c *vk.Commands) {
		for to, from := range ends {
			if from == to {
				continue
			}
			for _, values := range []vk.Range{x.X, x.Weighted.F32, x.Squares} {
				bytes := values.Size / int64(max(m.plan.chunk, m.plan.rows))
				c.Copy(values.Part(int64(to)*bytes, bytes), values.Part(int64(from)*bytes, bytes))
			}
		}
		m.sample(c, step{logprobs: sampled.logprobs}, 0, m.class(len(rows)), sampled.choice)
	})
	if err != nil {
		return err
	}
	defer c.Free()
	ticket, err := m.submitCommands(lengthsOf(rows, 0), append(masks, c)...)
	if err == nil {
		err = m.wait(ticket)
	}
	return err
}
