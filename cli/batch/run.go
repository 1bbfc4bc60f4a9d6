package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"sealvk/engine"
)

// Work is what a line asks of the engine, and what is made of the results.
type Work struct {
	Requests []engine.Request // none: the record is made without
	Err      error            // why the line is refused, and asks for nothing; nil: it is not

	// Again makes the requests once more, where the device was lost that was to answer them: what they decode with
	// has a state. Used with Run.Reopen.
	Again func() ([]engine.Request, error)

	// Record makes the line's record, whole with its line break, from the results in the order of
	// Requests, and tells whether it says that there is no answer. An error ends the run.
	Record func([]Result) (record []byte, failed bool, err error)
}

// Result is the engine's, and how long its first token took from when it was asked for.
type Result struct {
	engine.Result
	FirstToken time.Duration
}

// Run brings the lines of a source through the engine and hands their records on.
type Run struct {
	Source *Source
	Skip   int64 // lines in front that are left alone
	Limit  int64 // lines behind those that are looked at; 0: all
	Order  Order

	// Done has the lines that have their record already: they are not asked for again. nil: none.
	Done *Done

	// Ask makes a line's work. A line that is done is shown too, for what must not come twice; what
	// comes back for it is left. An error ends the run.
	Ask func(l *Line, done bool) (Work, error)

	Places int // requests that the engine computes together
	Submit func(context.Context, ...engine.Request) error

	// Reopen, unless nil, closes the model whose device was lost for this error, which ends all requests, opens it
	// again and gives its Submit. An error ends the run. nil: a loss does.
	Reopen func(ctx context.Context, lost error) (Submit func(context.Context, ...engine.Request) error, err error)

	// Write takes records, one at a time; an error ends the run.
	Write func(index int64, record []byte, failed bool) error

	Stats *Stats // told of what happens

	model atomic.Pointer[submitter]
}

// submitter is a model on its device. A loss is that of the model which was asked.
type submitter struct {
	submit func(context.Context, ...engine.Request) error
}

// ChangedError says that a line is not the one that has its record.
type ChangedError struct {
	Where    string // of the line
	Index    int64
	Was, Now Hash
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s: the line at index %d has changed since it was answered: its hash was %v, is %v; give the input that the output was begun with", e.Where, e.Index, e.Was, e.Now)
}

// Do reads, asks and writes until the input ends. Where it ends early, for an error or with ctx,
// the records that are complete then are written as far as the order allows, and no others.
func (r *Run) Do(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.model.Store(&submitter{r.Submit})
	// Besides those that the engine computes as many wait there, so that it never waits for the reading.
	w := newWindow(2 * r.Places)
	defer context.AfterFunc(ctx, w.wake)()
	read := make(chan error, 1)
	order := make(chan *entry, windowLines+1) // never full: the window is
	go func() {
		defer close(order)
		defer w.close()
		read <- r.read(ctx, cancel, w, order)
	}()
	err := r.write(ctx, cancel, w, order)
	if err == nil {
		err = context.Cause(ctx)
	}
	if readErr := <-read; err == nil {
		err = readErr
	}
	return err
}

// read brings the lines into the window and asks for them. An error of the input lets what was
// asked end as it does.
func (r *Run) read(ctx context.Context, stop context.CancelCauseFunc, w *window, order chan<- *entry) error {
	var lines int64 // of the input so far
	for {
		l, err := r.Source.Next(ctx)
		if errors.Is(err, io.EOF) {
			if r.Done != nil && r.Done.End() > lines {
				return fmt.Errorf("the input lacks the line at index %d, which the output has; give the input that it was begun with", r.Done.End()-1)
			}
			return nil
		}
		if err != nil {
			return err
		}
		lines = l.Index + 1
		if l.Index < r.Skip {
			continue
		}
		r.Stats.read.Add(1)
		done, err := r.isDone(l)
		if err != nil {
			return err
		}
		e := &entry{index: l.Index, bytes: int64(len(l.Text))}
		if e.work, err = r.Ask(l, done); err != nil {
			return err
		}
		if done {
			r.Stats.skipped()
		} else {
			if err := w.enter(ctx, e.bytes); err != nil {
				return err
			}
			order <- e
			requests := e.work.Requests
			e.work.Requests = nil // they hold prompts and what they decode with
			if len(requests) == 0 {
				w.end(e, 0, nil)
			} else if err := w.ask(ctx, len(requests)); err != nil {
				return err
			} else if err := r.ask(ctx, stop, w, e, requests); err != nil {
				return err
			}
		}
		if r.Limit > 0 && l.Index+1 >= r.Skip+r.Limit { // here, and not at the next line, which may be long in coming
			return nil
		}
	}
}

func (r *Run) isDone(l *Line) (bool, error) {
	if r.Done == nil {
		return false, nil
	}
	was, err := r.Done.Get(l.Index)
	if err != nil || was == 0 {
		return false, err
	}
	if was != l.Hash {
		return false, &ChangedError{Where: l.Where(), Index: l.Index, Was: was, Now: l.Hash}
	}
	return true, nil
}

// ask submits a line's requests, for which the engine has room; again, those that lost their device.
func (r *Run) ask(ctx context.Context, stop context.CancelCauseFunc, w *window, e *entry, requests []engine.Request) error {
	var asking []engine.Request
	var places []int // of their results
	for i, q := range requests {
		if len(e.results) == 0 || lost(&e.results[i].Result) {
			asking, places = append(asking, q), append(places, i)
		}
	}
	if len(e.results) == 0 {
		e.results = make([]Result, len(requests))
	}
	e.waiting, e.model = len(asking), r.model.Load()
	asked := time.Now()
	for k, i := range places {
		q := &asking[k]
		var first time.Duration
		var emitted int
		q.Emit = func(t engine.Token) error {
			if first == 0 {
				first = time.Since(asked)
			}
			if t.ID >= 0 {
				r.Stats.token()
				emitted++
			}
			return nil
		}
		q.Done = func(result engine.Result) {
			switch {
			case !lost(&result):
				r.Stats.ended(&result, emitted, first, time.Since(asked))
			case r.Reopen == nil:
				stop(fmt.Errorf("the device ended it: %w", result.Err))
			default:
				r.Stats.lost(emitted)
			}
			w.end(e, i, &Result{result, first})
		}
	}
	err := e.model.submit(ctx, asking...)
	if err != nil { // the model is closed, and calls nobody
		for _, i := range places {
			w.end(e, i, &Result{Result: engine.Result{Err: err}})
		}
	}
	if r.Reopen != nil && errors.Is(err, engine.ErrClosed) { // for a loss, which write sees
		return nil
	}
	return err
}

// write makes the records of lines that have ended and hands them on, in order. What comes behind an error
// is left.
func (r *Run) write(ctx context.Context, stop context.CancelCauseFunc, w *window, order <-chan *entry) (err error) {
	var head *entry // the oldest line that has no record in the output, if it is known
	var open = true // no line that is cut has come
	for {
		e := w.next()
		if e == nil {
			return err
		}
		if r.askedAgain(ctx, stop, w, e) {
			continue
		}
		e.ended = true
		for i := range e.results {
			e.cut = e.cut || e.results[i].Finish == engine.FinishCancelled || lost(&e.results[i].Result)
		}
		if !e.cut && err == nil {
			if e.record, e.failed, err = e.work.Record(e.results); err != nil {
				stop(err)
			}
		}
		e.work = Work{}
		w.made(e, int64(len(e.record)))
		if r.Order == CompletionOrder {
			err = r.put(stop, w, e, err)
			continue
		}
		for {
			if head == nil {
				select {
				case head = <-order:
				default:
				}
			}
			if head == nil || !head.ended {
				break
			}
			if open = open && !head.cut; open {
				err = r.put(stop, w, head, err)
			}
			head = nil
		}
	}
}

// put hands a record on, unless there is none, or something failed.
func (r *Run) put(stop context.CancelCauseFunc, w *window, e *entry, failed error) error {
	defer w.leave(e)
	if failed != nil || e.cut {
		return failed
	}
	if err := r.Write(e.index, e.record, e.failed); err != nil {
		stop(err)
		return err
	}
	r.Stats.line(e.failed)
	return nil
}
