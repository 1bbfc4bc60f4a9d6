package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"sealvk/cli/chats"
)

// listedTurns is how many of the newest turns /context tells one by one.
const listedTurns = 10

// context shows what fills the context.
func (c *chat) context(string) (leave bool, err error) {
	from := c.from()
	shown := c.conversation.Messages[from:]
	size := c.opened.model.Context()
	if len(c.messages(from)) == 0 {
		fmt.Fprintf(c.stderr, "context: 0 of %d tokens\n", size)
		return false, nil
	}
	ids, err := c.opened.template.Encode(c.opened.tokenizer, c.messages(from), false)
	if err != nil {
		return false, err
	}
	const width = 40
	bar := strings.Repeat("#", min(width, (len(ids)*width+size-1)/size))
	fmt.Fprintf(c.stderr, "context: %d of %d tokens, %d %% [%-*s]\n", len(ids), size, 100*len(ids)/size, width, bar)
	t := tabwriter.NewWriter(c.stderr, 0, 0, 2, ' ', tabwriter.AlignRight)
	rest := len(ids)
	tell := func(tokens int, what string) {
		rest -= tokens
		fmt.Fprintf(t, "%d\t %s\n", tokens, what)
	}
	if c.conversation.System != "" {
		tell(c.tokens(c.conversation.System), "system prompt")
	}
	turn, earlier := 0, 0
	for _, m := range c.conversation.Messages[:from] {
		turn += ofUser(m)
	}
	first, last := turn+1, c.conversation.Turns()-listedTurns
	for _, m := range shown {
		turn += ofUser(m)
		n := c.tokens(m.Content)
		if earlier += n; turn <= last {
			continue
		}
		if earlier > n {
			tell(earlier-n, fmt.Sprintf("turns and answers %d to %d", first, last))
		}
		earlier = 0
		tell(n, fmt.Sprintf("%s %d", map[string]string{chats.User: "turn", chats.Assistant: "answer"}[m.Role], turn))
	}
	tell(rest, "of the template around them")
	fmt.Fprintf(t, "%d\t free\n", max(0, size-len(ids)))
	_ = t.Flush() // standard error
	fmt.Fprintf(c.stderr, "%d tokens are cached; the others are computed with the next turn.\n", c.opened.session.Holds(ids))
	if from > 0 {
		fmt.Fprintf(c.stderr, "The model does not see the oldest %s.\n", counted(int64(first-1), "turn"))
	}
	return false, nil
}

// tokens is how many a text has by itself.
func (c *chat) tokens(text string) int { return len(c.opened.tokenizer.Encode(nil, text, false)) }

// ofUser is how many turns begin with a message.
func ofUser(m chats.Message) int {
	if m.Role == chats.User {
		return 1
	}
	return 0
}
