package engine

import (
	"context"
	"errors"
	"fmt"
)

// GenerateBatch answers requests[i] in sessions[i], which are the model's and differ, and
// gives a result for each. Each answer is the one that Session.Generate gives. The answers are
// computed one after the other.
func (m *Model) GenerateBatch(ctx context.Context, sessions []*Session, requests []Request) ([]Result, error) {
	if len(sessions) != len(requests) {
		return nil, fmt.Errorf("engine: %d requests for %d sessions: want one each", len(requests), len(sessions))
	}
	seen := map[*Session]bool{}
	for _, s := range sessions {
		if s.m != m || seen[s] {
			return nil, errors.New("engine: the sessions of a batch must be different ones of its model")
		}
		seen[s] = true
	}
	results := make([]Result, len(requests))
	for i, s := range sessions {
		var err error
		if results[i], err = s.Generate(ctx, requests[i]); err != nil {
			return results, err
		}
	}
	return results, nil
}
