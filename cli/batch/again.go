package batch

import (
	"context"
	"errors"
	"slices"

	"sealvk/cli/resident"
	"sealvk/engine"
)

// lost reports whether a request failed for what is wrong with the device or the model, not with
// the request.
func lost(r *engine.Result) bool { return resident.Lost(r.Err) || errors.Is(r.Err, engine.ErrClosed) }

// askedAgain asks for a line once more where the device was lost that was to answer it, and reports whether it did. The
// first such line has the device opened again.
func (r *Run) askedAgain(ctx context.Context, stop context.CancelCauseFunc, w *window, e *entry) bool {
	i := slices.IndexFunc(e.results, func(r Result) bool { return lost(&r.Result) })
	if i < 0 || r.Reopen == nil || ctx.Err() != nil {
		return false
	}
	if e.model == r.model.Load() {
		submit, err := r.Reopen(ctx, e.results[i].Err)
		if err != nil {
			stop(err)
			return false
		}
		r.model.Store(&submitter{submit})
	}
	requests, err := e.work.Again()
	if err != nil {
		stop(err)
		return false
	}
	if err := r.ask(ctx, stop, w, e, requests); err != nil { // the line has ended with it, and comes once more
		stop(err)
	}
	return true
}
