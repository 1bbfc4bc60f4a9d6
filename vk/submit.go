package vk

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	vulkan "github.com/vulkan-go/vulkan"
)

// Ticket is a value of the device's timeline: it is reached when the submission that
// returned it, and all before it, are complete. 0 is always reached.
type Ticket uint64

// timeline orders submissions on the one queue by a timeline semaphore.
type timeline struct {
	semaphore vulkan.Semaphore

	mu        sync.Mutex
	submitted uint64
	scratch   []uintptr

	completed atomic.Uint64 // the largest value seen
}

func (t *timeline) last() Ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Ticket(t.submitted)
}

func (t *timeline) reached(value uint64) {
	for {
		old := t.completed.Load()
		if value <= old || t.completed.CompareAndSwap(old, value) {
			return
		}
	}
}

var errEmptySubmit = errors.New("vk: submit: nothing to submit")

// after sends the device what is nothing but the wait for a point of another timeline: what is submitted from
// then on sees all that was written before it.
func (d *Device) after(p point) (Ticket, error) {
	if err := d.fault(OpSubmit); err != nil {
		return 0, err
	}
	t := &d.time
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := d.usable(); err != nil {
		return 0, err
	}
	t.scratch = t.scratch[:0]
	return d.send(p)
}

// send submits what is in the timeline's scratch, behind a point if it is one. The timeline is locked.
func (d *Device) send(after point) (Ticket, error) {
	t := &d.time
	d.count.submit.Add(1)
	if r := d.fn.submit(d.queue, after, t.scratch, t.semaphore, t.submitted+1); r != vulkan.Success {
		return 0, d.check("vkQueueSubmit", r)
	}
	t.submitted++
	return Ticket(t.submitted), nil
}

// Submit sends cs to the device, in order, with one vkQueueSubmit. It allocates nothing.
// Each must have ended without error and must not still be executing.
func (d *Device) Submit(cs ...*Commands) (Ticket, error) {
	if len(cs) == 0 {
		return 0, errEmptySubmit
	}
	if err := d.fault(OpSubmit); err != nil {
		return 0, err
	}
	t := &d.time
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := d.usable(); err != nil {
		return 0, err
	}
	value := t.submitted + 1
	t.scratch = t.scratch[:0]
	for i, c := range cs {
		if err := d.submittable(c, value); err != nil {
			for _, before := range cs[:i] {
				before.ticket = before.previous
			}
			return 0, err
		}
		c.previous, c.ticket = c.ticket, value
		t.scratch = append(t.scratch, uintptr(raw(c.handle)))
	}
	ticket, err := d.send(point{})
	if err != nil {
		for _, c := range cs {
			c.ticket = c.previous
		}
	}
	return ticket, err
}

// submittable checks c for the submission that will get the given value.
func (d *Device) submittable(c *Commands, value uint64) error {
	switch {
	case c.d != d:
		return fmt.Errorf("vk: submit: commands %q belong to another device", c.name)
	case c.state != ended:
		return fmt.Errorf("vk: submit: commands %q are not ended, or freed", c.name)
	case c.err != nil:
		return c.err
	case c.ticket == value:
		return fmt.Errorf("vk: submit: commands %q are given twice", c.name)
	case c.ticket > d.time.completed.Load():
		if done, err := d.Done(Ticket(c.ticket)); err != nil || !done {
			return fmt.Errorf("vk: submit: commands %q are still executing", c.name)
		}
	}
	return nil
}

// Done reports whether t is reached, without waiting.
func (d *Device) Done(t Ticket) (bool, error) {
	if d.time.completed.Load() >= uint64(t) {
		return true, nil
	}
	if d.lost.Load() || d.handle == nil {
		return false, d.usable()
	}
	d.count.poll.Add(1)
	value, r := d.fn.semaphoreValue(d.time.semaphore)
	if r != vulkan.Success {
		return false, d.check("vkGetSemaphoreCounterValue", r)
	}
	if value == math.MaxUint64 { // what a lost device's semaphores show
		d.lost.Store(true)
		return false, d.usable()
	}
	d.time.reached(value)
	return value >= uint64(t), nil
}

// Wait blocks until t is reached, at most for timeout: then the error is ErrTimeout and
// waiting again is possible. On a lost device it is ErrDeviceLost.
func (d *Device) Wait(t Ticket, timeout time.Duration) error {
	return d.await(&d.time, uint64(t), timeout)
}

// await is Wait for a value of any timeline.
func (d *Device) await(t *timeline, value uint64, timeout time.Duration) error {
	if t.completed.Load() >= value {
		return nil
	}
	if d.lost.Load() || d.handle == nil {
		return d.usable()
	}
	if err := d.fault(OpWait); err != nil {
		return err
	}
	d.count.wait.Add(1)
	switch r := d.fn.wait(t.semaphore, value, timeout); r {
	case vulkan.Success:
		t.reached(value)
		return nil
	case vulkan.Timeout:
		return fmt.Errorf("vk: wait for %v: %w", timeout, ErrTimeout)
	default:
		return d.check("vkWaitSemaphores", r)
	}
}
