package main

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"sealvk/cli/chats"
	"sealvk/engine"
	"sealvk/prompt"
)

// seen is what of a conversation the model gets to see.
type seen struct {
	ids     []int32
	leftOut int // messages in front
	prompt  int // tokens of ids in front of the answer
}

// fit is the prompt of the conversation. Where that leaves no room in the context, and the chat shifts, the oldest
// turns are left out.
func (c *chat) fit() (seen, error) {
	from := c.from()
	s, err := c.prompt(from, nil)
	if err != nil {
		return seen{}, err
	}
	context := c.opened.model.Context()
	if c.shifts() && len(s.ids)+c.room() > context {
		if s, err = c.shift(s, nil); err != nil {
			return seen{}, err
		}
	}
	if len(s.ids) > context {
		return seen{}, fmt.Errorf("the conversation has %d tokens now and the context holds %d: %s", len(s.ids), context, c.remedies())
	}
	if s.leftOut > from {
		c.note("%s", c.shifted(s))
	}
	return s, nil
}

func (c *chat) shifts() bool { return c.flags.overflow.value == chats.OverflowShift }

// from is the first message that the model still sees. Where an answer was given without the oldest, they stay out: so
// prompts begin alike, of a chat that was saved and loaded too.
func (c *chat) from() (n int) {
	if c.shifts() {
		for i, m := range c.conversation.Messages {
			if left := m.LeftOut; left < i && c.conversation.Messages[left].Role == chats.User { // whatever a file says
				n = max(n, left)
			}
		}
	}
	return n
}

// room is how many tokens of the context an answer should have at least.
func (c *chat) room() int {
	room := c.opened.model.Context() / 8
	if n := int(c.flags.sampling.tokens.value); n > 0 {
		room = min(room, n)
	}
	return room
}

// prompt is what the model sees from the message with index from on, and the tokens so far of an answer to it.
func (c *chat) prompt(from int, answer []int32) (seen, error) {
	ids, err := c.opened.template.Encode(c.opened.tokenizer, c.messages(from), true)
	if err != nil {
		return seen{}, err
	}
	return seen{ids: append(ids, answer...), leftOut: from, prompt: len(ids)}, nil
}

// messages are those from index from on, behind the system prompt.
func (c *chat) messages(from int) []prompt.Message {
	var turns []prompt.Message
	for _, m := range c.conversation.Messages[from:] {
		turns = append(turns, prompt.Message{Role: m.Role, Content: m.Content})
	}
	return messages(c.conversation.System, turns...)
}

// shift leaves out turns until a quarter of the context is free, so that a long conversation is not computed again at
// every turn, or until only the newest is left.
func (c *chat) shift(s seen, answer []int32) (seen, error) {
	var starts []int
	for i, m := range c.conversation.Messages {
		if i > s.leftOut && m.Role == chats.User {
			starts = append(starts, i)
		}
	}
	if len(starts) == 0 {
		return s, nil
	}
	context := c.opened.model.Context()
	most := context - max(context/4, c.room())
	var failed error
	at := sort.Search(len(starts)-1, func(i int) bool { // the newest turn stays in any case
		s, err := c.prompt(starts[i], answer)
		if err != nil {
			failed = err
		}
		return len(s.ids) <= most
	})
	if failed != nil {
		return s, failed
	}
	return c.prompt(starts[at], answer)
}

// shifted says what is left out.
func (c *chat) shifted(s seen) string {
	turns := 0
	for _, m := range c.conversation.Messages[:s.leftOut] {
		if m.Role == chats.User {
			turns++
		}
	}
	return fmt.Sprintf("the context of %d tokens is full: from here on the model does not see the oldest %d of %s",
		c.opened.model.Context(), turns, counted(int64(c.conversation.Turns()), "turn"))
}

// remedies are what helps where the context is full.
func (c *chat) remedies() string {
	const rest = "/clear forgets the conversation, --ctx makes the context larger"
	if c.shifts() {
		return rest
	}
	return "/set overflow shift leaves out the oldest turns, " + rest
}

// ask has the model answer what it sees, and hands the text to emit as it grows. Where the context is full in the
// middle, and the chat shifts, the answer goes on behind what is there of it, with the oldest turns left out.
func (c *chat) ask(ctx context.Context, s seen, emit func(text string) error) (answer, seen, error) {
	var whole answer
	var rest func() string // what a detokenizer still holds at the end
	draw := c.draw()
	for {
		a, err := c.opened.ask(ctx, func() (engine.Request, error) {
			r, err := c.opened.request(s.ids, c.flags.sampling, false)
			if err != nil {
				return r, err
			}
			rest, r.Flush = r.Flush, nil
			r.Sampling.Seed += draw
			goBehind(&r, whole.Tokens)
			return r, nil
		}, emit)
		whole.goOn(a)
		if err != nil {
			return whole, s, err
		}
		if a.Finish == engine.FinishContext && c.shifts() {
			next, err := c.shift(s, whole.Tokens)
			if err != nil {
				return whole, s, err
			}
			if next.leftOut > s.leftOut && len(next.ids) < c.opened.model.Context() {
				s = next
				continue
			}
		}
		text := rest()
		whole.Text += text
		if text != "" {
			err = emit(text)
		}
		return whole, s, err
	}
}

// goBehind has a request, whose prompt ends with the tokens so far of its answer, go on with that answer.
func goBehind(r *engine.Request, tokens []int32) {
	for _, id := range tokens {
		r.Decode(id) // they may end within a character
	}
	if r.MaxTokens > 0 {
		r.MaxTokens -= len(tokens)
	}
	r.Sampling.Seed += uint64(len(tokens)) // the first draw is not that of the answer's begin
}

// draw is what another version of an answer adds to the seed.
func (c *chat) draw() (n uint64) {
	turn := c.conversation.Messages[len(c.conversation.Messages)-1]
	return uint64(len(slices.DeleteFunc(slices.Clone(c.conversation.Branches), func(m chats.Message) bool { return m.Parent != turn.ID })))
}
