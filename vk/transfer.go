package vk

import (
	"fmt"
	"sync"
	"time"
)

// transferTimeout bounds the wait of Write, Read and Uploader for the device, which
// finishes earlier submissions first.
const transferTimeout = 5 * time.Minute

// slotBytes is the most that goes through a slot at once.
const slotBytes = 8 << 20

// slot is a staging buffer, made on first use, and the commands that copy out of it or into it.
type slot struct {
	label     string
	memory    Memory
	placement placement

	buffer   *Buffer
	commands *Commands
	ticket   Ticket // of the last copy
}

// allocate makes what is not there yet.
func (s *slot) allocate(d *Device) (err error) {
	if s.buffer == nil {
		if s.buffer, err = d.newBuffer(s.label, slotBytes, s.memory, s.placement); err != nil {
			return err
		}
	}
	if s.commands == nil {
		s.commands, err = d.newCommands(s.label)
	}
	return err
}

// copy submits the copying of other's bytes, out of the slot's buffer if it is for uploads,
// else into it.
func (s *slot) copy(d *Device, other Range) error {
	if err := s.commands.Reset(); err != nil {
		return err
	}
	if own := s.buffer.Range(0, other.Size); s.memory == Upload {
		s.commands.Copy(other, own)
	} else {
		s.commands.Copy(own, other)
	}
	if err := s.commands.End(); err != nil {
		return err
	}
	t, err := d.Submit(s.commands)
	if err == nil {
		s.ticket = t
	}
	return err
}

// upload has fill write dst's bytes, once the last copy is complete, and submits their copying.
func (s *slot) upload(d *Device, dst Range, fill func(p []byte) error) error {
	if err := d.Wait(s.ticket, transferTimeout); err != nil {
		return err
	}
	if err := s.allocate(d); err != nil {
		return err
	}
	if err := fill(s.buffer.Bytes()[:dst.Size]); err != nil {
		return err
	}
	return s.copy(d, dst)
}

func (s *slot) destroy() {
	if s.commands != nil {
		s.commands.destroy()
	}
	if s.buffer != nil {
		s.buffer.destroy()
	}
	s.buffer, s.commands = nil, nil
}

// stage is the device's own slots for Write and Read.
type stage struct {
	mu       sync.Mutex
	up, down slot
}

func newStage() stage {
	return stage{
		up:   slot{label: "staging", memory: Upload, placement: alone},
		down: slot{label: "staging", memory: Readback, placement: alone},
	}
}

// Write copies src into dst, after everything submitted so far, and waits until it is
// done. len(src) is dst.Size.
func (d *Device) Write(dst Range, src []byte) error {
	if err := d.transferable(dst, len(src)); err != nil {
		return fmt.Errorf("vk: write: %w", err)
	}
	if p := dst.bytes(); p != nil {
		if err := d.Wait(d.time.last(), transferTimeout); err != nil {
			return err
		}
		copy(p, src)
		return nil
	}
	d.stage.mu.Lock()
	defer d.stage.mu.Unlock()
	up := &d.stage.up
	for at := int64(0); at < dst.Size; at += slotBytes {
		part := dst.Part(at, min(slotBytes, dst.Size-at))
		err := up.upload(d, part, func(p []byte) error {
			copy(p, src[at:])
			return nil
		})
		if err != nil {
			return err
		}
	}
	return d.Wait(up.ticket, transferTimeout)
}

// Read copies src into dst, after everything submitted so far, and waits until it is
// done. len(dst) is src.Size.
func (d *Device) Read(dst []byte, src Range) error {
	if err := d.transferable(src, len(dst)); err != nil {
		return fmt.Errorf("vk: read: %w", err)
	}
	if p := src.bytes(); p != nil {
		if err := d.Wait(d.time.last(), transferTimeout); err != nil {
			return err
		}
		copy(dst, p)
		return nil
	}
	d.stage.mu.Lock()
	defer d.stage.mu.Unlock()
	down := &d.stage.down
	if err := down.allocate(d); err != nil {
		return err
	}
	for at := int64(0); at < src.Size; at += slotBytes {
		part := src.Part(at, min(slotBytes, src.Size-at))
		if err := down.copy(d, part); err != nil {
			return err
		}
		if err := d.Wait(down.ticket, transferTimeout); err != nil {
			return err
		}
		copy(dst[at:at+part.Size], down.buffer.Bytes())
	}
	return nil
}

func (d *Device) transferable(r Range, n int) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := r.check(d); err != nil {
		return err
	}
	if int64(n) != r.Size {
		return fmt.Errorf("buffer %q: %d bytes for a range of %d", r.Buffer.name, n, r.Size)
	}
	return nil
}

func (s *stage) bytes() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range []*Buffer{s.up.buffer, s.down.buffer} {
		if b != nil {
			n += b.mem.block.size
		}
	}
	return n
}

func (s *stage) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up.destroy()
	s.down.destroy()
}
