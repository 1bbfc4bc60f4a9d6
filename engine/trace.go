package engine

import (
	"fmt"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// Submission is one vkQueueSubmit, as the host and the device saw it.
type Submission struct {
	Name              string    // of its commands
	Submit, Submitted time.Time // vkQueueSubmit was called, and returned
	Wait, Woken       time.Time // the host began to wait for it, or for a later one, and went on
	Read              time.Time // its timestamps were read
	Lengths           shaders.Lengths
	Barriers          int // between its dispatches
	// Spans are its sections, or as many as Dispatches with vk.TraceCommands, in order.
	Spans      []vk.Span
	Dispatches []shaders.Dispatch
}

// tracer hands out what is submitted.
type tracer struct {
	mode     vk.TraceMode
	observe  func(Submission)
	recorded map[*vk.Commands][]shaders.Dispatch
	pending  []pending
}

type pending struct {
	Submission
	commands *vk.Commands
	ticket   vk.Ticket
}

// Trace calls observe, from the model's own goroutine, with each submission that is
// complete, in order; nil ends it. What is recorded from here on takes the times of mode,
// for which the device needs timestamps; prefill and decode are recorded anew.
func (m *Model) Trace(mode vk.TraceMode, observe func(Submission)) error {
	return m.BetweenSteps(func() error {
		m.forget(func(recording) bool { return true })
		m.tracer = nil
		m.kernels.Observe(nil)
		if observe != nil {
			m.tracer = &tracer{mode: mode, observe: observe, recorded: map[*vk.Commands][]shaders.Dispatch{}}
		}
		return nil
	})
}

// Steady keeps the sizes of submissions and chunks as they are, whatever time they take:
// steps that are compared must be alike.
func (m *Model) Steady(on bool) { m.steady.Store(on) }

// InFlight is how many decode steps the host submits ahead, at most.
func (m *Model) InFlight() (steps int) {
	_ = m.BetweenSteps(func() error { steps = m.decode.plans[1].depth; return nil }) // a closed model submits none
	return max(1, steps)
}

// watch lets a recording that begins take times, and notes its dispatches.
func (t *tracer) watch(c *vk.Commands, kernels *shaders.Kernels) error {
	if t == nil {
		return nil
	}
	t.recorded[c] = nil
	kernels.Observe(func(d shaders.Dispatch) { t.recorded[c] = append(t.recorded[c], d) })
	return c.Trace(t.mode)
}

// submitCommands submits commands, whose rows' sequences have these lengths. Those in front of the last are copies, which nobody
// observes.
func (m *Model) submitCommands(l shaders.Lengths, commands ...*vk.Commands) (vk.Ticket, error) {
	t, begun, c := m.tracer, time.Now(), commands[len(commands)-1]
	ticket, err := m.dev.Submit(commands...)
	if err != nil {
		return 0, fmt.Errorf("engine: %w", err)
	}
	if t != nil {
		t.pending = append(t.pending, pending{
			Submission{Name: c.Name(), Submit: begun, Submitted: time.Now(), Lengths: l, Barriers: c.Barriers(), Dispatches: t.recorded[c]},
			c, ticket,
		})
	}
	return ticket, nil
}

// wait returns when the device has reached t.
func (m *Model) wait(ticket vk.Ticket) error {
	t, begun := m.tracer, time.Now()
	if err := m.dev.Wait(ticket, stuck); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if t == nil {
		return nil
	}
	woken := time.Now()
	for len(t.pending) > 0 && t.pending[0].ticket <= ticket {
		p := t.pending[0]
		t.pending = t.pending[1:]
		if t.mode != vk.TraceOff {
			var err error
			if p.Spans, err = p.commands.Spans(); err != nil {
				return fmt.Errorf("engine: %w", err)
			}
		}
		p.Wait, p.Woken, p.Read = begun, woken, time.Now()
		t.observe(p.Submission)
	}
	return nil
}
