package engine

import (
	"fmt"

	"sealvk/vk"
)

// pageTable says where the pages of every sequence are. The host writes its own, and a copy brings the
// device's up to date in front of what reads new entries: a step that is in flight reads none of those.
type pageTable struct {
	host   *vk.Buffer // [sequence][columns] u32
	device vk.Range   // the same, which kernels read
	column int        // pages of a sequence, at most
	stale  bool       // the device's

	// As many copies as steps in flight and one: by then a copy's step was waited for.
	copies  [stepsInFlight + 1]*vk.Commands
	tickets [stepsInFlight + 1]vk.Ticket
	next    int
}

// set notes pages of a sequence, behind so many others of it.
func (t *pageTable) set(sequence uint32, behind int, pages []uint32) {
	copy(t.host.Bytes()[4*(int(sequence)*t.column+behind):], bytesOf(pages...))
	t.stale = t.stale || len(pages) > 0
}

// record makes the copies, each of the whole table: some kilobytes.
func (t *pageTable) record(m *Model) (err error) {
	for i := range t.copies {
		if t.copies[i], err = m.commands("page table", func(c *vk.Commands) { c.Copy(t.device, t.host.All()) }); err != nil {
			return err
		}
	}
	return nil
}

func (t *pageTable) free() {
	for i, c := range t.copies {
		if c != nil {
			c.Free()
			t.copies[i] = nil
		}
	}
}

// flush has what is submitted from here on read what set has noted.
func (m *Model) flush() error {
	t := &m.state.pages
	if !t.stale {
		return nil
	}
	if err := m.wait(t.tickets[t.next]); err != nil {
		return err
	}
	ticket, err := m.dev.Submit(t.copies[t.next])
	if err != nil {
		return fmt.Errorf("engine: page table: %w", err)
	}
	t.tickets[t.next], t.stale = ticket, false
	t.next = (t.next + 1) % len(t.copies)
	return nil
}

// newest is the ticket of the last copy.
func (t *pageTable) newest() vk.Ticket { return t.tickets[(t.next+len(t.copies)-1)%len(t.copies)] }
