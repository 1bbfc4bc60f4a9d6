package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
)

// The page table lists a session's pages in the order of its positions, however it grew.
func TestPageTable(t *testing.T) {
	m := load(t, nano, Options{Sequences: 2, Context: 256})
	all := sessions(t, m, 2)
	if err := m.BetweenSteps(func() error {
		for _, positions := range []int{20, 33, 40, 100, 256} {
			for _, s := range all {
				if n, err := s.room(nil, positions); err != nil || n < positions {
					t.Errorf("%d of %d positions, %v", n, positions, err)
				}
			}
			if err := m.flush(); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, m.state.pages.device.Size)
	if err := device.Read(raw, m.state.pages.device); err != nil {
		t.Fatal(err)
	}
	var table []uint32
	for i := 0; i < len(raw); i += 4 {
		table = append(table, binary.LittleEndian.Uint32(raw[i:]))
	}
	if want := slices.Concat(all[0].pages, all[1].pages); !slices.Equal(table, want) {
		t.Errorf("%v, the sessions hold %v", table, want)
	}
	slices.Sort(table)
	if len(slices.Compact(table)) != len(raw)/4 {
		t.Errorf("a page twice in %v", table)
	}
}

// What is kept of an earlier request's pages gives way to a session, which holds nothing at first.
func TestNewSessionIsEmpty(t *testing.T) {
	m := load(t, nano, Options{Context: 64})
	prompt := greedyCases(t)[0].PromptIDs
	if _, err := m.GenerateBatch(context.Background(), []Request{{Prompt: prompt, MaxTokens: 2}}); err != nil {
		t.Fatal(err)
	}
	s := session(t, m)
	if len(s.cached) != 0 || m.pool.left() != m.plan.pages {
		t.Errorf("%d ids, %d of %d pages free", len(s.cached), m.pool.left(), m.plan.pages)
	}
	r, err := s.Generate(context.Background(), Request{Prompt: prompt})
	if want := 64 - len(prompt) + 1; err != nil || r.CachedTokens != 0 || len(r.Tokens) != want {
		t.Errorf("%v: %d tokens, %d cached; want %d", err, len(r.Tokens), r.CachedTokens, want)
	}
}

// A conversation's next turn has the bits that it has in another session, as when it was saved and is loaded, and in
// none, as when it is sent to a server: what decode computed of it is computed again, by prefill.
func TestTurnsHaveTheBitsOfOneThatIsLoaded(t *testing.T) {
	m := small(t, Options{Sequences: 3})
	m.Steady(true)
	chat, loaded := session(t, m), session(t, m)
	ask := func(s *Session, conversation []int32) (Result, []byte) {
		return numbers(t, m, Request{Session: s, Prompt: conversation, MaxTokens: 40, Sampling: penalized, Logprobs: true, Likeliest: 5})
	}
	conversation := someIDs(m, 1, 120)
	for turn := range 2 {
		held := len(chat.cached)
		got, logits := ask(chat, conversation)
		if got.CachedTokens != held || turn > 0 && held == 0 {
			t.Errorf("turn %d: %d cached, the session held %d", turn, got.CachedTokens, held)
		}
		loaded.Reset()
		for where, s := range map[string]*Session{"another session": loaded, "none": nil} {
			want, same := ask(s, conversation)
			if !slices.Equal(got.Tokens, want.Tokens) || !reflect.DeepEqual(got.Logprobs, want.Logprobs) || !bytes.Equal(logits, same) {
				t.Errorf("turn %d: %v\nin %s %v\nthe same log-probabilities: %v, the same logits: %v", turn, got.Tokens, where, want.Tokens,
					reflect.DeepEqual(got.Logprobs, want.Logprobs), bytes.Equal(logits, same))
			}
		}
		conversation = slices.Concat(conversation, got.Tokens, someIDs(m, uint64(2+turn), 20))
	}
}
