package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealvk/cli/chats"
	"sealvk/engine"
)

const story = "Tell me a story about a turtle."

// Where the context is full the oldest turns are left out, in front of a turn and within an answer, and the model is
// asked what it would be asked without them.
func TestChatShifts(t *testing.T) {
	const positions, most = 128, 96 // a quarter is free behind a shift
	c, _, said := talk(t, positions)
	say(t, c, "/set overflow shift")
	say(t, c, "/set n 30")
	encoded := func(from int) []int32 {
		t.Helper()
		ids, err := c.opened.template.Encode(c.opened.tokenizer, c.messages(from), true)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	alone := func(ids []int32) engine.Result { // what a session answers that has never seen the conversation
		t.Helper()
		r, err := c.opened.request(ids, c.flags.sampling, false)
		if err != nil {
			t.Fatal(err)
		}
		c.opened.session.Reset()
		result, err := c.opened.session.Generate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}

	greeted(c, 2)
	c.conversation.Append(chats.Message{Role: chats.User, Content: story})
	for len(encoded(0)) < 100 {
		c.conversation.System += "Be terse. "
	}
	all, last := encoded(0), encoded(2)
	c.conversation.Drop(4)
	said.Reset()
	say(t, c, story) // there is room for the least of answers, which this one is longer than
	if got := c.conversation.Messages[5]; got.LeftOut != 2 || strings.Count(said.String(), "full: from here on the model does not see the oldest 1 of 3 turns\n") != 1 {
		t.Errorf("%d messages left out, %q", got.LeftOut, said.String())
	}
	begun := alone(all)
	rest := alone(append(last, begun.Tokens...))
	got, want := c.last.Tokens, slices.Concat(begun.Tokens, rest.Tokens)
	if begun.Finish != engine.FinishContext || len(got) != 30 || !slices.Equal(got, want[:30]) || !strings.HasPrefix(begun.Text+rest.Text, c.last.Text) {
		t.Errorf("the story is %q, want %q + %q", c.last.Text, begun.Text, rest.Text)
	}
	said.Reset()
	say(t, c, "/context")
	if !strings.HasSuffix(said.String(), "The model does not see the oldest 1 turn.\n") || !strings.Contains(said.String(), " turn 2\n") || strings.Contains(said.String(), " turn 1\n") {
		t.Errorf("/context says\n%s", said.String())
	}

	say(t, c, "/set n 4")
	greeted(c, 2)
	said.Reset()
	say(t, c, "Hello!") // there is no room behind all that
	answer := c.conversation.Messages[11]
	c.conversation.Drop(11)
	before := answer.LeftOut
	if ids := encoded(before); before <= 2 || len(ids) > most || len(encoded(before-2)) <= most || answer.Content != alone(ids).Text ||
		strings.Count(said.String(), fmt.Sprintf("does not see the oldest %d of 6 turns", before/2)) != 1 {
		t.Errorf("%d messages left out, which leaves %d tokens; %q, %q", before, len(ids), answer.Content, said.String())
	}
	c.conversation.Append(answer)
	c.conversation.Append(chats.Message{Role: chats.User, Content: "Hello!"}) // fits behind the last one
	said.Reset()
	if s, err := c.fit(); err != nil || s.leftOut != before || said.Len() > 0 || !slices.Equal(s.ids, encoded(before)) {
		t.Errorf("%d messages left out, %v, %q", s.leftOut, err, said.String())
	}
	c.conversation.Drop(12)

	if say(t, c, strings.Repeat("many words ", 100)); len(c.conversation.Messages) != 12 || !strings.Contains(said.String(), "the context holds 128: ") || strings.Contains(said.String(), "does not see") {
		t.Errorf("%d messages, %q", len(c.conversation.Messages), said.String())
	}
	goesOn(t, c)

	say(t, c, "/set overflow stop")
	if say(t, c, "Hello!"); len(c.conversation.Messages) != 12 || !strings.Contains(said.String(), "/set overflow shift leaves out the oldest turns") {
		t.Errorf("%d messages, %q", len(c.conversation.Messages), said.String())
	}
}

// greeted adds turns that were answered.
func greeted(c *chat, turns int) {
	for range turns {
		c.conversation.Append(chats.Message{Role: chats.User, Content: "Hello!"})
		c.conversation.Append(chats.Message{Role: chats.Assistant, Content: greeting})
	}
}

// goesOn wants an answer to go on where it was cut, also within a character, within its bound, and with draws of its own.
func goesOn(t *testing.T, c *chat) {
	t.Helper()
	letter := c.opened.tokenizer.Encode(nil, "ꦀ", false) // bytes: the demo has no piece of it
	if len(letter) != 3 {
		t.Fatalf("%v", letter)
	}
	r, err := c.opened.request(letter, c.flags.sampling, false)
	if err != nil {
		t.Fatal(err)
	}
	most, seed := r.MaxTokens, r.Sampling.Seed
	goBehind(&r, letter[:2])
	if text := r.Decode(letter[2]); text != "ꦀ" || r.MaxTokens != most-2 || r.Sampling.Seed == seed {
		t.Errorf("%q, at most %d tokens more, seed %d behind %d", text, r.MaxTokens, r.Sampling.Seed, seed)
	}
}

// What a file says of an answer's prompt may be anything: only a turn in front of the answer can be where that began.
func TestWhereThePromptBegins(t *testing.T) {
	c := &chat{flags: newChatFlags()}
	c.flags.overflow.value = chats.OverflowShift
	for range 3 {
		c.conversation.Append(chats.Message{Role: chats.User})
		c.conversation.Append(chats.Message{Role: chats.Assistant})
	}
	for left, want := range map[int]int{0: 0, 1: 0, 2: 2, 3: 0, 4: 0, 6: 0, 1 << 30: 0} {
		if c.conversation.Messages[3].LeftOut = left; c.from() != want {
			t.Errorf("%d left out: the prompt begins with message %d, want %d", left, c.from(), want)
		}
	}
}
