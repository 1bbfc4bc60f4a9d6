package vk

import (
	"errors"
	"fmt"
)

// Op is what can fail by Config.Fault.
type Op string

const (
	OpSubmit Op = "vkQueueSubmit"
	OpWait   Op = "vkWaitSemaphores" // for what is not known to be complete
	OpUpload Op = "upload"           // a piece of what an Uploader writes
)

// fault is the error that Config.Fault wants of an operation. With ErrDeviceLost the device is lost from then on; the
// driver, which does not know of it, completes what it has, since that uses what is freed.
func (d *Device) fault(op Op) error {
	if d.in.fault == nil || d.usable() != nil {
		return nil
	}
	err := d.in.fault(op)
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrDeviceLost) {
		d.time.mu.Lock() // nobody submits
		defer d.time.mu.Unlock()
		if d.uploads.mu != &d.time.mu {
			d.uploads.mu.Lock()
			defer d.uploads.mu.Unlock()
		}
		for _, t := range []*timeline{&d.time, &d.uploads.time} {
			d.fn.wait(t.semaphore, t.submitted, closeTimeout)
		}
		d.lost.Store(true)
	}
	return fmt.Errorf("vk: %s: %w", op, err)
}
