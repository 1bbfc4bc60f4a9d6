package main

import (
	"context"
	"fmt"
	"strconv"

	"sealvk/cli/resident"
	"sealvk/engine"
	"sealvk/vk"
)

// kept is what it takes to have a model on a device once more.
type kept struct {
	p      *program
	flags  modelFlags // with the context that the model has: another part of the memory may be free by then
	losses resident.Losses
	past   engine.Counters // of the models that there were
}

func keepFor(p *program, f *modelFlags, m *engine.Model) *kept {
	k := &kept{p: p, flags: *f}
	_ = k.flags.context.Set(strconv.Itoa(m.Context())) // a number that was there before
	return k
}

// reopen has the model on a device that is opened anew.
func (o *opened) reopen(ctx context.Context) error {
	was := o.model
	_ = o.close(ctx) // a device that hangs keeps what it has
	if o.left {
		return context.Cause(ctx)
	}
	if was != nil {
		o.kept.past.Add(was.Counters())
	}
	if err := o.kept.p.openDevice(o, &o.kept.flags); err != nil {
		return err
	}
	return o.kept.p.place(ctx, o, &o.kept.flags)
}

// keepDriver keeps the driver loaded until it is released, over all the times that devices are opened: NVIDIA's takes
// static thread-local storage each time that it is loaded, and after a hundred times or so there is none left.
func keepDriver() (release func()) {
	in, err := vk.Open(vk.Config{})
	if err != nil {
		return func() {} // who opens a device hears of it
	}
	return in.Close
}

// gone reports whether the model was to be on a device again, and is not.
func (o *opened) gone() bool { return o.model == nil || o.left }

// survive has the model on its device again where err is of the device's loss, of which tell tells. The error is err
// where it is of something else, or why the device is not opened any more.
func (o *opened) survive(ctx context.Context, err error, tell func(what string)) error {
	if !resident.Lost(err) {
		return err
	}
	for opened := true; ; opened = false {
		if gaveUp := o.kept.losses.Again(ctx, err, opened); gaveUp != nil {
			return gaveUp
		}
		if opened {
			tell(fmt.Sprintf("the device was lost (%s): it is opened again", oneLine(err)))
		}
		if err = o.reopen(ctx); err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// submitAgain is batch.Run's Reopen.
func (o *opened) submitAgain(ctx context.Context, lost error) (func(context.Context, ...engine.Request) error, error) {
	err := o.survive(ctx, lost, func(what string) { o.note("%s, and lines in flight are computed again", what) })
	if err != nil {
		return nil, err
	}
	return o.model.Submit, nil
}

// counters are of all models that there were.
func (o *opened) counters() engine.Counters {
	c := o.kept.past
	if o.model != nil {
		c.Add(o.model.Counters())
	}
	return c
}

// generate is Session.Generate, which survives the loss of the device, and tells of it. request makes the request,
// anew each time.
func (o *opened) generate(ctx context.Context, tell func(what string), request func() (engine.Request, error)) (engine.Result, error) {
	for {
		r, err := request()
		if err != nil {
			return engine.Result{}, err
		}
		result, err := o.session.Generate(ctx, r)
		if err == nil {
			return result, nil
		}
		if err := o.survive(ctx, err, tell); err != nil {
			return result, err
		}
	}
}

// shown hands out a text once, that is computed again where the device is lost.
type shown struct {
	emit func(text string) error
	text []byte // that was handed out
	at   int    // of it has been computed again
}

func (s *shown) push(text string) error {
	known := min(len(text), len(s.text)-s.at)
	if string(s.text[s.at:s.at+known]) != text[:known] { // nobody knows of a device that does so
		text = fmt.Sprintf("\n(computed again, the answer is another one:)\n%s%s", s.text[:s.at], text)
		s.text, s.at, known = nil, 0, 0
	}
	s.at += len(text)
	s.text = append(s.text, text[known:]...)
	if known == len(text) {
		return nil
	}
	return s.emit(text[known:])
}
