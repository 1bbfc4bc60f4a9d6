package roofline

import (
	"fmt"
	"slices"
	"time"

	kernels "sealvk/shaders/roofline"
	"sealvk/vk"
)

const (
	// submissions whose round trip is measured, after a few that warm up.
	submissions, warmUp = 100, 10
	// steps is the number of dispatches in a row.
	steps = 512
)

// measureSubmission takes the host's time from submitting an empty kernel to the return
// of the wait for it.
func measureSubmission(b *bench, r *Roofs) error {
	p, value, err := b.stepper(1)
	if err != nil {
		return err
	}
	defer func(timed bool) { b.timed = timed }(b.timed)
	b.timed = false // timestamps would be part of it
	var s samples
	for i := range warmUp + submissions {
		e, err := b.run(func(c *vk.Commands, _ uint32) {
			c.Dispatch("empty", p, words[uint32](0), kernels.Step.Bind(value[0]), 1, 1, 1)
		})
		if err != nil {
			return err
		}
		if i >= warmUp {
			s.add(microseconds(e.host))
		}
	}
	s.best = s.quantile(0.5)
	b.roundTrip = time.Duration(s.best * float64(time.Microsecond))
	r.set(&r.SubmissionUS, "submission_us", &s)
	return nil
}

// measureDispatches times rows of the smallest kernel: empty; working on values of their
// own; and on one and the same, which puts a barrier in front of each.
func measureDispatches(b *bench, r *Roofs) error {
	p, own, err := b.stepper(steps)
	if err != nil {
		return err
	}
	same := slices.Repeat(own[:1], steps)
	empty, err := b.dispatches(p, own, 0)
	if err != nil {
		return err
	}
	apart, err := b.dispatches(p, own, 1)
	if err != nil {
		return err
	}
	chained, err := b.dispatches(p, same, 1)
	if err != nil {
		return err
	}
	r.set(&r.DispatchUS, "dispatch_us", empty)
	chained.best = max(0, chained.best-apart.best)
	r.set(&r.BarrierUS, "barrier_us", chained)
	return nil
}

// stepper builds the smallest kernel and n values for it.
func (b *bench) stepper(n int) (*vk.Pipeline, []vk.Range, error) {
	p, err := b.pipeline(kernels.Step, 0)
	if err != nil {
		return nil, nil, err
	}
	stride := max(64, b.d.Caps().Limits.MinStorageBufferOffsetAlignment) // a cache line each
	buffer, err := b.buffer("roofline steps", int64(n)*stride)
	if err != nil {
		return nil, nil, err
	}
	values := make([]vk.Range, n)
	for i := range values {
		values[i] = buffer.Range(int64(i)*stride, 4)
	}
	return p, values, nil
}

// dispatches gives the microseconds of one of many dispatches, each on one of the given values.
func (b *bench) dispatches(p *vk.Pipeline, values []vk.Range, count uint32) (*samples, error) {
	first := values[0].Buffer
	push := words(count)
	want := map[vk.Range]uint32{}
	for _, v := range values {
		for range count {
			want[v] = want[v]*3 + 1
		}
	}
	s := &samples{}
	for i := range repeats + 1 {
		if err := b.d.Write(first.All(), make([]byte, first.Size())); err != nil {
			return nil, err
		}
		e, err := b.run(func(c *vk.Commands, _ uint32) {
			for _, v := range values {
				c.Dispatch("step", p, push, kernels.Step.Bind(v), 1, 1, 1)
			}
		})
		if err != nil {
			return nil, err
		}
		got, err := read[uint32](b, first.All())
		if err != nil {
			return nil, err
		}
		for v, w := range want {
			if g := got[v.Offset/4]; g != w {
				return nil, fmt.Errorf("%d steps gave %d instead of %d: the driver is broken", len(values), g, w)
			}
		}
		if i > 0 { // the first warms up
			s.add(microseconds(e.device) / float64(len(values)))
		}
	}
	s.best = s.sorted[0]
	return s, nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
