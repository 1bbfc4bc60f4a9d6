package engine

import (
	"fmt"

	"sealvk/shaders"
)

// inherit lets the answer's session, which holds nothing, begin with the pages that the index has of
// the prompt. They are read only: the last token is always computed, since its logits are wanted, and
// what is computed lies in pages of the session's own. Log-probabilities of the prompt are wanted of all
// tokens, so that nothing is inherited.
func (a *answer) inherit() error {
	s, m, prompt := a.session, a.session.m, a.request.Prompt
	a.keys = pageKeys(prompt)
	if a.request.PromptLogprobs {
		return nil
	}
	found := m.pool.find(a.keys[:(len(prompt)-1)/shaders.PageTokens])
	a.published = len(found)
	if len(found) == 0 {
		return nil
	}
	if err := s.add(found); err != nil {
		return err
	}
	// What embed writes for the positions that it computes, and penalties read of all.
	s.cached = append(s.cached, prompt[:len(found)*shaders.PageTokens]...)
	at := 4 * int64(s.sequence) * int64(m.context)
	if err := m.dev.Write(m.state.history.Part(at, 4*int64(len(s.cached))), bytesOf(s.cached...)); err != nil {
		return fmt.Errorf("engine: history: %w", err)
	}
	return nil
}

// publish adds the prompt's pages that are full by now to the index.
func (a *answer) publish() {
	full := min(len(a.session.cached)/shaders.PageTokens, len(a.keys))
	a.session.m.pool.publish(a.session.pages[a.published:full], a.keys[a.published:full])
	a.published = full
}
