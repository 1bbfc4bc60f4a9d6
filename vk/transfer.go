package vk

import (
	"fmt"
	"sync"
	"time"
)

const (
	stageChunk = 8 << 20
	// transferTimeout bounds the wait of Write, Read and Uploader for the device, which
	// finishes earlier submissions first.
	transferTimeout = 5 * time.Minute
)

// stage is the device's own buffers for Write and Read, made on first use.
type stage struct {
	mu       sync.Mutex
	up, down *Buffer
	commands *Commands
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
	return d.staged(&d.stage.up, Upload, dst.Size, func(offset, n int64, s *Buffer, c *Commands) {
		copy(s.Bytes(), src[offset:offset+n])
		c.Copy(dst.Part(offset, n), s.Range(0, n))
	}, nil)
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
	return d.staged(&d.stage.down, Readback, src.Size, func(offset, n int64, s *Buffer, c *Commands) {
		c.Copy(s.Range(0, n), src.Part(offset, n))
	}, func(offset, n int64, s *Buffer) {
		copy(dst[offset:offset+n], s.Bytes())
	})
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

// staged moves size bytes through a staging buffer, chunk by chunk: record fills it or
// records the copy, after takes what arrived.
func (d *Device) staged(buffer **Buffer, m Memory, size int64, record func(offset, n int64, s *Buffer, c *Commands), after func(offset, n int64, s *Buffer)) error {
	st := &d.stage
	st.mu.Lock()
	defer st.mu.Unlock()
	if *buffer == nil {
		b, err := d.newBuffer("staging", stageChunk, m, alone)
		if err != nil {
			return err
		}
		*buffer = b
	}
	if st.commands == nil {
		c, err := d.newCommands("staging")
		if err != nil {
			return err
		}
		st.commands = c
	}
	for offset := int64(0); offset < size; offset += stageChunk {
		n := min(stageChunk, size-offset)
		if err := st.commands.Reset(); err != nil {
			return err
		}
		record(offset, n, *buffer, st.commands)
		if err := st.commands.End(); err != nil {
			return err
		}
		t, err := d.Submit(st.commands)
		if err != nil {
			return err
		}
		if err := d.Wait(t, transferTimeout); err != nil {
			return err
		}
		if after != nil {
			after(offset, n, *buffer)
		}
	}
	return nil
}

func (s *stage) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int64
	for _, b := range []*Buffer{s.up, s.down} {
		if b != nil {
			n += b.mem.block.size
		}
	}
	return n
}

func (s *stage) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range []*Buffer{s.up, s.down} {
		if b != nil {
			b.destroy()
		}
	}
	if s.commands != nil {
		s.commands.destroy()
	}
	s.up, s.down, s.commands = nil, nil, nil
}
