package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sealvk/engine"
	"sealvk/vk"
)

// Lines whose device is lost, once and again, are asked for again as far as they have no answer, and the records are
// those of a run that nothing disturbed: with the answers of a line's other requests, and none twice.
func TestRunSurvivesALostDevice(t *testing.T) {
	gone := fmt.Errorf("engine: %w", vk.ErrDeviceLost)
	engines := []*fakeEngine{newFakeEngine(), newFakeEngine(), newFakeEngine()}
	var reopened []error
	at := 0
	r := start(t.Context(), t, strings.NewReader("a\nb\nc\n"), func(r *ran) {
		r.Submit = engines[0].submit
		r.Ask = func(l *Line, _ bool) (Work, error) {
			again := func() ([]engine.Request, error) {
				return []engine.Request{{Prompt: []int32{int32(2 * l.Index)}}, {Prompt: []int32{int32(2*l.Index + 1)}}}, nil
			}
			requests, _ := again()
			return Work{Requests: requests, Again: again, Record: func(results []Result) ([]byte, bool, error) {
				return fmt.Appendf(nil, "%s, %s\n", results[0].Text, results[1].Text), results[0].Err != nil || results[1].Err != nil, nil
			}}, nil
		}
		r.Reopen = func(_ context.Context, lost error) (func(context.Context, ...engine.Request) error, error) {
			reopened = append(reopened, lost)
			for id := range int32(6) { // as a model that is closed does
				engines[at].end(id, engine.Result{Err: engine.ErrClosed})
			}
			at++
			return engines[at].submit, nil
		}
	})
	engines[0].wait(4)
	engines[0].end(2, engine.Result{PromptTokens: 1})
	engines[0].end(1, engine.Result{Err: gone}) // 0 and 3 are in the queue
	engines[0].end(0, engine.Result{Err: gone})
	engines[1].wait(3)
	engines[1].end(3, engine.Result{PromptTokens: 1}) // the third line comes
	engines[1].wait(2)
	for id := range int32(6) {
		engines[1].end(id, engine.Result{Err: gone})
	}
	engines[2].wait(4)
	for id := range int32(6) {
		engines[2].end(id, engine.Result{PromptTokens: 1})
	}
	got, err := r.rest()
	if want := "answer 0, answer 1\nanswer 2, answer 3\nanswer 4, answer 5\n"; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if len(reopened) != 2 || !errors.Is(reopened[0], vk.ErrDeviceLost) {
		t.Errorf("opened again for %v", reopened)
	}
	if s := r.Stats.Summary(); s.Lines != 3 || s.Errors != 0 || s.PromptTokens != 6 || s.CompletionTokens != 0 {
		t.Errorf("%+v", s)
	}
}

// A device that is not opened again ends the run with what is complete.
func TestRunEndsWithoutADevice(t *testing.T) {
	given := errors.New("given up")
	r := start(t.Context(), t, strings.NewReader("a\nb\nc\n"), func(r *ran) {
		r.Reopen = func(context.Context, error) (func(context.Context, ...engine.Request) error, error) {
			return nil, given
		}
	})
	r.engine.wait(3)
	r.engine.end(0, engine.Result{})
	r.engine.end(1, engine.Result{Err: vk.ErrDeviceLost})
	if got, err := r.rest(); got != "0 answer 0\n" || !errors.Is(err, given) {
		t.Errorf("%q, %v", got, err)
	}
}
