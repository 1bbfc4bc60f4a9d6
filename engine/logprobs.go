package engine

import (
	"fmt"
	"slices"
	"unsafe"

	"sealvk/shaders"
	"sealvk/vk"
)

// NoTokens as Request.MaxTokens asks for no answer: the prompt is computed, for its log-probabilities.
const NoTokens = -1

// MaxLikeliest is the most tokens that Request.Likeliest names.
const MaxLikeliest = shaders.MaxLikeliest

// Logprob is what the model thought of a token, by the raw logits at temperature 1: before
// penalties and biases, whatever the token was sampled by.
type Logprob struct {
	ID        int32
	Value     float32  // natural logarithm of its probability
	Greedy    bool     // no other token is likelier
	Likeliest []Likely // Request.Likeliest tokens, the likeliest first, equal ones by ID; fewer where fewer logits are numbers
}

// Likely is a token and the natural logarithm of its probability.
type Likely struct {
	ID    int32
	Value float32
}

// checkLogprobs refuses what has no meaning.
func (r *Request) checkLogprobs() error {
	switch {
	case r.MaxTokens < NoTokens:
		return fmt.Errorf("engine: at most %d tokens: want a positive number, 0 or NoTokens", r.MaxTokens)
	case r.PromptLogprobsFrom != 0 && (!r.PromptLogprobs || r.PromptLogprobsFrom < 0 || r.PromptLogprobsFrom >= len(r.Prompt)):
		return fmt.Errorf("engine: log-probabilities from token %d of a prompt of %d on: want PromptLogprobs, and one of its tokens", r.PromptLogprobsFrom, len(r.Prompt))
	case r.Likeliest < 0 || r.Likeliest > MaxLikeliest:
		return fmt.Errorf("engine: the %d likeliest tokens: want 0 to %d", r.Likeliest, MaxLikeliest)
	case r.Likeliest > 0 && !r.Logprobs && !r.PromptLogprobs:
		return fmt.Errorf("engine: the %d likeliest tokens stand beside log-probabilities: want Logprobs or PromptLogprobs too", r.Likeliest)
	}
	return nil
}

// logprobState is what the kernels of log-probabilities write, and what they are asked about.
type logprobState struct {
	shares   vk.Range   // of the vocabulary, of plan.rows rows
	ring     *vk.Buffer // [plan.rows][ringSlots]shaders.Logprobs, read by the host: those of state.ring's ids
	targets  *vk.Buffer // [plan.rows]shaders.Row, written by the host: tokens of a prompt
	ofPrompt *vk.Buffer // [plan.rows]shaders.Logprobs, read by the host: those of targets
}

const logprobsBytes = int64(unsafe.Sizeof(shaders.Logprobs{}))

func (m *Model) logitBytes(rows int) int64 { return 4 * int64(rows) * int64(m.cfg.Vocab) }

// logprobBuffers are those of tokens that are sampled so. Where that changes the logits, they are of a copy.
func (m *Model) logprobBuffers(choice shaders.Choice) *shaders.LogprobBuffers {
	l := &m.state.logprobs
	b := &shaders.LogprobBuffers{
		Rows: m.state.decodeRows, Logits: m.act.logits, Shares: l.shares, Found: l.ring.All(), Vocab: m.cfg.Vocab, Slots: ringSlots,
	}
	if choice != shaders.ByTiles {
		b.Logits = m.act.raw
	}
	return b
}

// logprobs records the log-probabilities of count rows' tokens.
func (m *Model) logprobs(c *vk.Commands, b *shaders.LogprobBuffers, count int) {
	c.Section("logprobs")
	m.kernels.Likeliest(c, "likeliest", b, count)
	m.kernels.Logprobs(c, "logprobs", b, count)
}

// logprob reads the log-probability of the n-th token of an answer, which a row sampled; the step must have finished.
func (m *Model) logprob(row, n, likeliest int) (*Logprob, error) {
	l, ok := logprobAt(m.state.logprobs.ring, row*ringSlots+n%ringSlots, likeliest)
	if !ok {
		return nil, fmt.Errorf("engine: no logit of token %d is a number: the weights or the driver are broken", n)
	}
	return &l, nil
}

// scored is the position of the prompt behind which stands the first token whose log-probability is to come.
func (a *answer) scored() int {
	return max(0, a.request.PromptLogprobsFrom-1) + len(a.result.PromptLogprobs)
}

// target is the token of an answer's prompt that stands behind a row of a chunk, if its log-probability is wanted.
type target struct {
	*answer // nil: it is not
	id      int32
}

// targets are those behind the next tokens of the prompt.
func (s share) targets() []target {
	list, from, prompt := make([]target, s.tokens), len(s.session.cached), s.request.Prompt
	for i := range list {
		if at := from + i + 1; s.request.PromptLogprobs && at < len(prompt) && at > s.scored() {
			list[i] = target{s.answer, prompt[at]}
		}
	}
	return list
}

// score computes the log-probabilities of targets, one for each row of the newest chunk, which are still in x. Answers
// that were cancelled get no more of them.
func (m *Model) score(targets []target) error {
	for first := 0; first < len(targets); first += m.plan.rows {
		part := targets[first:min(first+m.plan.rows, len(targets))]
		if !slices.ContainsFunc(part, target.wanted) {
			continue
		}
		if err := m.scoreRows(first, part); err != nil {
			return err
		}
		for i, t := range part {
			if !t.wanted() {
				continue
			}
			l, ok := logprobAt(m.state.logprobs.ofPrompt, i, t.request.Likeliest)
			if !ok {
				t.err = fmt.Errorf("engine: no logit of token %d of the prompt is a number: the weights or the driver are broken", t.scored()+1)
				continue
			}
			t.result.PromptLogprobs = append(t.result.PromptLogprobs, l)
		}
	}
	return nil
}

func (t target) wanted() bool { return t.answer != nil && t.err == nil && t.ctx.Err() == nil }

// scoreRows computes the log-probabilities of targets, of rows from row first of x on.
func (m *Model) scoreRows(first int, targets []target) error {
	s := &m.state.logprobs
	for i, t := range targets {
		row := shaders.Row{Token: uint32(t.id), Step: 1}
		if t.answer == nil {
			row.Step = shaders.IdleStep
		}
		copy(s.targets.Bytes()[rowBytes*i:], bytesOf(row))
	}
	b := m.logprobBuffers(shaders.ByTiles)
	b.Rows, b.Found, b.Slots = s.targets.All(), s.ofPrompt.All(), 1
	c, err := m.commands("prompt's log-probabilities", func(c *vk.Commands) {
		m.head(c, step{}, first, len(targets), false)
		m.logprobs(c, b, len(targets))
	})
	if err != nil {
		return err
	}
	defer c.Free()
	t, err := m.submitCommands(shaders.Lengths{}, c)
	if err == nil {
		err = m.wait(t)
	}
	return err
}

// logprobAt reads the i-th of those in a buffer, with up to so many likeliest tokens; false if no logit was a number.
func logprobAt(b *vk.Buffer, i, likeliest int) (Logprob, bool) {
	var read [1]shaders.Logprobs
	copy(bytesOf(read[:]...), b.Bytes()[logprobsBytes*int64(i):])
	found := &read[0]
	l := Logprob{ID: int32(found.ID), Value: found.Value, Greedy: found.Greedy != 0}
	for _, t := range found.Likeliest[:likeliest] {
		if t.ID != shaders.NoToken {
			l.Likeliest = append(l.Likeliest, Likely{int32(t.ID), t.Value})
		}
	}
	return l, found.Likeliest[0].ID != shaders.NoToken
}
