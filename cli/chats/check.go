package chats

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const system = "system" // the role that only a file's first message can have

// chat checks what the types of the fields do not say.
func (f *fileChat) chat(at string) (Chat, error) {
	c := Chat{Title: titleOf(f.Title), Model: f.Model, Created: f.Created, Settings: f.Settings}
	if err := f.Settings.check(); err != nil {
		return c, fmt.Errorf("%ssettings.%w", at, err)
	}
	if err := checkTime(f.Created); err != nil {
		return c, fmt.Errorf("%screated%w", at, err)
	}
	if f.Messages == nil {
		return c, fmt.Errorf("%smessages is missing", at)
	}
	ids := map[string]bool{}
	for i, m := range f.Messages {
		where := fmt.Sprintf("%smessages[%d].", at, i)
		if m.Role == system && i > 0 {
			return c, fmt.Errorf("%srole is system, which only the first message can be", where)
		}
		read, err := m.message(where, ids)
		switch {
		case err != nil:
			return c, err
		case m.Role == system:
			c.System = read.Content
		default:
			c.Append(read)
			ids[c.Messages[len(c.Messages)-1].ID] = true
		}
	}
	for i, m := range f.Branches {
		where := fmt.Sprintf("%sbranches[%d].", at, i)
		if m.ID == "" {
			return c, fmt.Errorf("%sid is missing", where)
		}
		if m.Role == system {
			return c, fmt.Errorf("%srole is system, which only the first of messages can be", where)
		}
		read, err := m.message(where, ids)
		if err != nil {
			return c, err
		}
		if read.Parent, err = m.parent(where); err != nil {
			return c, err
		}
		c.Branches = append(c.Branches, read)
	}
	return c, c.checkBranches(at, ids)
}

// message checks one, whatever its role, and notes its id.
func (f *fileMessage) message(where string, ids map[string]bool) (Message, error) {
	switch {
	case f.Role != User && f.Role != Assistant && f.Role != system:
		return Message{}, fmt.Errorf("%srole is %q: it must be user or assistant, and system in the first message", where, f.Role)
	case f.Content == nil:
		return Message{}, fmt.Errorf("%scontent is missing", where)
	case f.ID != "" && ids[f.ID]:
		return Message{}, fmt.Errorf("%sid is another message's too", where)
	}
	if err := checkTime(f.Created); err != nil {
		return Message{}, fmt.Errorf("%screated%w", where, err)
	}
	numbers := []bounded{count("left_out", f.LeftOut)}
	if f.Usage != nil {
		numbers = append(numbers, count("usage.prompt_tokens", f.Usage.Prompt), count("usage.completion_tokens", f.Usage.Completion))
	}
	if f.Timing != nil {
		numbers = append(numbers, count("timing.first_ms", f.Timing.First), count("timing.total_ms", f.Timing.Total))
	}
	for _, n := range numbers {
		if err := n.check(); err != nil {
			return Message{}, fmt.Errorf("%s%w", where, err)
		}
	}
	if f.Role != system { // in front of which nothing stands, whatever its file calls it
		ids[f.ID] = true
	}
	return Message{
		Role: f.Role, Content: *f.Content, Created: f.Created, Model: f.Model, FinishReason: f.FinishReason,
		Usage: f.Usage, Timing: f.Timing, Edited: f.Edited, LeftOut: f.LeftOut, ID: f.ID,
	}, nil
}

// parent is the id of the message in front, "" for none.
func (f *fileMessage) parent(where string) (string, error) {
	switch f.Parent.Kind() {
	case jsontext.KindNull:
		return "", nil
	case jsontext.KindString:
		if id, err := jsontext.AppendUnquote(nil, f.Parent); err == nil && len(id) > 0 {
			return string(id), nil
		}
	}
	return "", fmt.Errorf("%sparent is %s, not the id of a message or null", where, clipped(f.Parent))
}

// checkBranches is an error unless each leads to a first message.
func (c *Chat) checkBranches(at string, ids map[string]bool) error {
	parents := map[string]string{} // of branches; a message that is shown leads there
	for i, m := range c.Branches {
		if m.Parent != "" && !ids[m.Parent] {
			return fmt.Errorf("%sbranches[%d].parent is the id of no message", at, i)
		}
		parents[m.ID] = m.Parent
	}
	leads := map[string]bool{}
	for i, m := range c.Branches {
		passed := map[string]bool{}
		for id := m.ID; parents[id] != "" && !leads[id]; id = parents[id] {
			if passed[id] {
				return fmt.Errorf("%sbranches[%d].parent leads in a circle", at, i)
			}
			passed[id] = true
		}
		for id := range passed {
			leads[id] = true
		}
	}
	return nil
}

// checkTime is an error if the time has another year in Greenwich than its text can say, to which Encode brings it.
func checkTime(t time.Time) error {
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return errors.New(" is no time of the years 0 to 9999")
	}
	return nil
}

// bounded is a number with what it must lie between, ends included.
type bounded struct {
	name               string
	value, least, most float64
}

// count is a number of tokens, messages or milliseconds.
func count[N int | float64](name string, value N) bounded {
	return bounded{name, float64(value), 0, math.MaxInt32}
}

func (b bounded) check() error {
	switch {
	case b.value >= b.least && b.value <= b.most:
		return nil
	case b.most >= math.MaxInt32 && b.value < b.least:
		return fmt.Errorf("%s is %v: it must be at least %v", b.name, b.value, b.least)
	}
	return fmt.Errorf("%s is %v: it must be from %v to %v", b.name, b.value, b.least, b.most)
}

// exact bounds the whole numbers that JavaScript has all of.
const exact = 1<<53 - 1

// check is an error if a setting is out of its bounds, which names it.
func (s *Settings) check() error {
	var wrong []error
	real := func(name string, v *float64, least, most float64) {
		if v != nil {
			wrong = append(wrong, bounded{name, *v, least, most}.check())
		}
	}
	whole := func(name string, v *int64, least, most float64) {
		if v != nil {
			wrong = append(wrong, bounded{name, float64(*v), least, most}.check())
		}
	}
	real("temperature", s.Temperature, 0, 100)
	real("top_p", s.TopP, 0, 1)
	whole("top_k", s.TopK, -1, math.MaxInt32)
	real("min_p", s.MinP, 0, 1)
	whole("max_tokens", s.MaxTokens, 1, math.MaxInt32)
	whole("seed", s.Seed, -exact, exact)
	if s.Overflow != "" && s.Overflow != OverflowStop && s.Overflow != OverflowShift {
		wrong = append(wrong, errors.New("overflow is "+quoted(s.Overflow)+`, not "stop" or "shift"`))
	}
	return cmp.Or(wrong...)
}
