// Package chats keeps conversations in files of the form sealvk-chat, version 1, which the chat page writes and reads
// too: docs/manual.md describes it under "Files of chats". A Store is a folder of them.
package chats

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// Chat is a conversation with all its versions.
type Chat struct {
	Title    string // "": the beginning of the first turn
	Model    string
	Created  time.Time
	System   string // the system prompt, "": none
	Settings Settings
	Messages []Message // turns and answers as they are shown, the oldest first
	Branches []Message // other versions of them, which Parent puts in their places
}

// Settings are the options of sampling that the chat has of its own; nil is the default of whoever answers. Their
// meaning and bounds are those of the server's requests.
type Settings struct {
	Temperature *float64 `json:"temperature,omitzero"`
	TopP        *float64 `json:"top_p,omitzero"`
	TopK        *int64   `json:"top_k,omitzero"`
	MinP        *float64 `json:"min_p,omitzero"`
	MaxTokens   *int64   `json:"max_tokens,omitzero"`
	Seed        *int64   `json:"seed,omitzero"`
	Overflow    string   `json:"overflow,omitzero"` // "": stop
}

// What is done where the context is full: the answer ends, or the oldest messages are left out.
const (
	OverflowStop  = "stop"
	OverflowShift = "shift"
)

// The roles of messages.
const (
	User      = "user"
	Assistant = "assistant"
)

// Message is a turn or an answer. What follows Created is known of answers alone, and may be missing.
type Message struct {
	Role    string
	Content string
	Created time.Time // zero: not known

	Model        string
	FinishReason string // "stop", "length", "stopped" by the reader, or "lost" with the connection or the device
	Usage        *Usage
	Timing       *Timing
	Edited       bool // by hand
	LeftOut      int  // messages in front that the model did not see

	ID     string // of this message alone in its chat; Append gives one
	Parent string // in Branches: the ID of the message in front, "": it is the first
}

// Usage counts tokens.
type Usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
}

// Timing is in milliseconds from the request on.
type Timing struct {
	First float64 `json:"first_ms"`
	Total float64 `json:"total_ms"`
}

// New begins a chat.
func New(model string) Chat { return Chat{Model: model, Created: time.Now()} }

// Append adds what was said last.
func (c *Chat) Append(m Message) {
	if m.ID == "" {
		m.ID = rand.Text()
	}
	c.Messages = append(c.Messages, m)
}

// Branch takes the messages from the one with index n on out of what is shown, and keeps them as another version.
func (c *Chat) Branch(n int) {
	for i, m := range c.Messages[n:] {
		m.Parent = ""
		if n+i > 0 {
			m.Parent = c.Messages[n+i-1].ID
		}
		c.Branches = append(c.Branches, m)
	}
	c.Messages = slices.Clone(c.Messages[:n])
}

// Drop removes the messages from the one with index n on, and the versions of what followed them.
func (c *Chat) Drop(n int) {
	gone := map[string]bool{}
	for _, m := range c.Messages[n:] {
		gone[m.ID] = true
	}
	for before := -1; before != len(gone); { // a branch may come before its parent
		before = len(gone)
		for _, m := range c.Branches {
			if gone[m.Parent] {
				gone[m.ID] = true
			}
		}
	}
	c.Branches = slices.DeleteFunc(slices.Clone(c.Branches), func(m Message) bool { return gone[m.ID] })
	c.Messages = slices.Clone(c.Messages[:n])
}

// Turns counts the user's messages.
func (c *Chat) Turns() (n int) {
	for _, m := range c.Messages {
		if m.Role == User {
			n++
		}
	}
	return n
}

// Heading is the title, or the beginning of the first turn.
func (c *Chat) Heading() string {
	if c.Title != "" {
		return c.Title
	}
	for _, m := range c.Messages {
		if m.Role == User {
			return titleOf(m.Content)
		}
	}
	return ""
}

// longestTitle is in grapheme clusters, as in the page.
const longestTitle = 60

// titleOf is the first line of a text, cut at a length.
func titleOf(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimSpace(line)
	clusters := graphemes.FromString(line)
	for n := 0; clusters.Next(); n++ {
		if n == longestTitle {
			return strings.TrimSpace(line[:clusters.Start()]) + "…"
		}
	}
	return line
}
