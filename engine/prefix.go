package engine

import (
	"fmt"
	"slices"

	"sealvk/shaders"
)

// shareable is the keys of the prompt's pages that the answer reads where the index has them, instead of
// computing them.
func (a *answer) shareable() []pageKey {
	if a.keys == nil {
		a.keys = pageKeys(a.request.Prompt)
	}
	return a.keys[:a.known()/shaders.PageTokens]
}

// coming reports whether a prompt that is being computed will leave the next page that the answer can
// begin with: it is worth waiting for, and keeps nobody from the device.
func (m *Model) coming(a *answer) bool {
	keys := a.shareable()
	found, _ := m.pool.has(keys)
	return found < len(keys) && slices.ContainsFunc(m.prompts, func(b *answer) bool {
		return found < len(b.keys) && b.keys[found] == keys[found]
	})
}

// inherit lets the answer's session, which holds nothing, begin with the pages that the index has of
// the prompt. They are only read: what is computed lies in pages of the session's own.
func (a *answer) inherit() error {
	s, m := a.session, a.session.m
	found := m.pool.find(a.shareable())
	s.add(found)
	a.published = len(found)
	if len(found) == 0 {
		return nil
	}
	// Penalties read the ids of all positions, which embed writes for those that it computes.
	s.cached = append(s.cached, a.request.Prompt[:len(found)*shaders.PageTokens]...)
	at := 4 * int64(s.sequence) * int64(m.context)
	if err := m.dev.Write(m.state.history.Part(at, 4*int64(len(s.cached))), bytesOf(s.cached...)); err != nil {
		return fmt.Errorf("engine: history: %w", err)
	}
	return nil
}

// publish adds the prompt's pages that are full by now to the index. An answer in a session with an owner
// has no keys of any.
func (a *answer) publish() {
	full := min(len(a.session.cached)/shaders.PageTokens, len(a.keys))
	a.session.m.pool.publish(a.session.pages[a.published:full], a.keys[a.published:full])
	a.published = full
}
