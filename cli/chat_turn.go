package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"sealvk/cli/chats"
	"sealvk/engine"
)

// turn answers what the user says. Only an error that ends the conversation comes back.
func (c *chat) turn(text string) error {
	c.noteDecomposed(text)
	before := c.conversation
	c.conversation.Append(chats.Message{Role: chats.User, Content: c.attached.before(text), Created: time.Now()})
	err := c.answer(before)
	if len(c.conversation.Messages) > len(before.Messages) {
		c.attached = nil
	}
	return err
}

// answer answers the conversation's last turn. Where that gets no answer, and the chat goes on, the conversation is again
// as it was before.
func (c *chat) answer(before chats.Chat) error {
	seen, err := c.fit()
	if err != nil {
		c.conversation = before
		c.complain(err)
		return nil
	}
	out := c.printer()
	asked := time.Now()
	ctx, release := c.stopOnSignal()
	a, last, err := c.ask(ctx, seen, out.write)
	release()
	stopped := stopCause(ctx, nil)
	if err != nil && (stopped == nil || c.opened.gone()) { // stopped while the device was opened again
		lost := record(&a, last, modelName(c.flags.model.path), asked)
		lost.FinishReason = "lost" // as in the page; who goes on with the chat finds the turn
		c.conversation.Append(lost)
		c.keep()
		return cmp.Or(stopped, err)
	}
	if a.Text != "" || stopped == nil {
		_ = out.end() // standard output keeps its first error
	}
	if last.leftOut > seen.leftOut {
		c.note("%s", c.shifted(last))
	}
	if byUser := errors.Is(stopped, stoppedError{os.Interrupt}); byUser && a.Text == "" {
		c.lines.offer(c.conversation.Messages[len(c.conversation.Messages)-1].Content)
		c.conversation = before
	} else {
		c.conversation.Append(record(&a, last, modelName(c.flags.model.path), asked))
		c.last = &a
	}
	c.keep()
	switch {
	case errors.Is(stopped, stoppedError{os.Interrupt}):
		c.interrupts++
		fmt.Fprintln(c.stderr, "(stopped; Ctrl-C again leaves)")
	case stopped != nil:
		return stopped
	case a.Finish == engine.FinishContext:
		c.note("the answer was cut: the context of %d tokens is full; %s", c.opened.model.Context(), c.remedies())
	}
	if c.flags.model.verbose {
		c.note("%s", a.summary(c.opened))
	}
	return nil
}

// record is the message of an answer.
func record(a *answer, seen seen, model string, asked time.Time) chats.Message {
	reason := map[engine.Finish]string{engine.FinishStop: "stop", engine.FinishCancelled: "stopped"}[a.Finish]
	return chats.Message{
		Role: chats.Assistant, Content: a.Text, Created: asked, Model: model, LeftOut: seen.leftOut,
		FinishReason: cmp.Or(reason, "length"), // OpenAI's word for the context's end too
		Usage:        &chats.Usage{Prompt: seen.prompt, Completion: len(a.Tokens)},
		Timing:       &chats.Timing{First: float64(a.firstToken.Milliseconds()), Total: float64(time.Since(asked).Milliseconds())},
	}
}

// lastTurn is the index of the user's newest message, -1 if there is none.
func (c *chat) lastTurn() int {
	messages := c.conversation.Messages
	for i := range slices.Backward(messages) {
		if messages[i].Role == chats.User {
			return i
		}
	}
	return -1
}

var errNoTurn = errors.New("nothing was said yet")

// again answers the last turn once more. The answer that there is stays as another version.
func (c *chat) again(string) (leave bool, err error) {
	n := c.lastTurn()
	if n < 0 {
		return false, errNoTurn
	}
	if c.flags.sampling.temperature.value == 0 {
		fmt.Fprintln(c.stderr, "At temperature 0 an answer is always the same; /set temp changes that.")
	}
	before := c.conversation
	c.conversation.Branch(n + 1)
	return c.ends(c.answer(before))
}

// retry says something else than the last turn. That stays, with its answer, as another version.
func (c *chat) retry(text string) (leave bool, err error) {
	n := c.lastTurn()
	switch {
	case n < 0:
		return false, errNoTurn
	case text == "":
		return false, errors.New("/retry wants the text that takes the last turn's place; /regen answers that again")
	}
	before := c.conversation
	c.conversation.Branch(n)
	c.conversation.Append(chats.Message{Role: chats.User, Content: text, Created: time.Now()})
	return c.ends(c.answer(before))
}

// undo takes the last turn and its answer back, and offers its text to be changed.
func (c *chat) undo(string) (leave bool, err error) {
	n := c.lastTurn()
	if n < 0 {
		return false, errNoTurn
	}
	c.lines.offer(c.conversation.Messages[n].Content)
	c.conversation.Drop(n)
	c.keep()
	fmt.Fprintf(c.stderr, "The last turn is gone; %s left.\n", counted(int64(c.conversation.Turns()), "turn"))
	return false, nil
}

// ends is a command's result: an error of a turn ends the conversation.
func (c *chat) ends(err error) (leave bool, _ error) { return err != nil, err }
