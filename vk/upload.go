package vk

import (
	"errors"
	"fmt"
	"sync"
)

// ringSlots are enough that readers, the copy engine and repacking overlap.
const ringSlots = 4

// Uploader fills device memory from many goroutines at once, through a ring of staging
// buffers, or directly where the host sees the memory.
type Uploader struct {
	d     *Device
	slots []*slot
	free  chan *slot
	flush sync.Mutex // one goroutine at a time collects all slots
}

var errUploaderFreed = errors.New("vk: upload: the uploader is freed")

// NewUploader makes an uploader; Free it after loading, its staging buffers take 32 MiB
// where DeviceLocal memory is not mapped.
func (d *Device) NewUploader() (*Uploader, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	u := &Uploader{d: d, free: make(chan *slot, ringSlots)}
	for i := range ringSlots {
		s := &slot{label: fmt.Sprintf("upload slot %d", i), memory: Upload, placement: shared}
		u.slots = append(u.slots, s)
		u.free <- s
	}
	for _, s := range u.slots {
		if d.caps.Memory.Mapped { // then only for a buffer that is not mapped all the same
			break
		}
		if err := s.allocate(d); err != nil {
			u.destroy()
			return nil, err
		}
	}
	d.live.add(u, "uploader")
	return u, nil
}

// MaxChunk is the most that one Write may fill.
func (u *Uploader) MaxChunk() int64 { return slotBytes }

// Write calls fill with dst.Size bytes of memory to be filled, at most MaxChunk, whose
// contents then go to dst: at once if the host sees dst, else when Flush returns at the
// latest. No submission may be using dst. An error of fill is returned and dst left as it
// was or partly filled.
func (u *Uploader) Write(dst Range, fill func(p []byte) error) error {
	if err := u.d.transferable(dst, int(dst.Size)); err != nil {
		return fmt.Errorf("vk: upload: %w", err)
	}
	if dst.Size > slotBytes {
		return fmt.Errorf("vk: upload: %d bytes for buffer %q; at most %d at once", dst.Size, dst.Buffer.name, slotBytes)
	}
	if p := dst.bytes(); p != nil {
		return fill(p)
	}
	s, ok := <-u.free
	if !ok {
		return errUploaderFreed
	}
	defer func() { u.free <- s }()
	return s.upload(u.d, dst, fill)
}

// Flush waits until everything that was written before is on the device.
func (u *Uploader) Flush() error {
	u.flush.Lock()
	defer u.flush.Unlock()
	var last Ticket
	for range u.slots {
		s, ok := <-u.free
		if !ok {
			return errUploaderFreed
		}
		last = max(last, s.ticket)
		defer func() { u.free <- s }()
	}
	return u.d.Wait(last, transferTimeout)
}

// Free waits for writes and copies in progress and gives the staging buffers back.
func (u *Uploader) Free() { u.d.free(u) }

func (u *Uploader) destroy() {
	u.flush.Lock()
	defer u.flush.Unlock()
	for range u.slots {
		<-u.free
	}
	close(u.free)
	for _, s := range u.slots {
		if err := u.d.Wait(s.ticket, transferTimeout); err != nil && !errors.Is(err, ErrDeviceLost) {
			continue // destroying what a hung device uses is undefined
		}
		s.destroy()
	}
}
