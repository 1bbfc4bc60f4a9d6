package engine

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"sealvk/shaders"
	"sealvk/vk"
)

var errNothingAllowed = errors.New("engine: the mask allows no token")

// tokenMask says which tokens may come next in an answer.
type tokenMask struct {
	allowed []uint32 // a bit a token; nil: none was made yet
	at      int      // the token of the answer that it is for
	err     error    // why there is none
}

// maskState is the way of masks to the device. A sequence's is written once the sampling that reads the one
// before is complete: an answer's next mask is made from the token that it has given.
type maskState struct {
	host   *vk.Buffer // [sequence][tiles] u32
	device vk.Range   // the same, which kernels read
	bytes  int64      // of a sequence
	copies []*vk.Commands
}

func (s *maskState) at(sequence uint32) int64 { return s.bytes * int64(sequence) }

// record makes the copies, one of each sequence.
func (s *maskState) record(m *Model) error {
	for i := range m.plan.sequences {
		at := s.at(uint32(i))
		c, err := m.commands("mask", func(c *vk.Commands) { c.Copy(s.device.Part(at, s.bytes), s.host.Range(at, s.bytes)) })
		if err != nil {
			return err
		}
		s.copies = append(s.copies, c)
	}
	return nil
}

func (s *maskState) free() {
	for _, c := range s.copies {
		c.Free()
	}
	s.copies = nil
}

// makeMasks has the masks of the next tokens made, of those answers that have any. They are there once what it
// returns was waited for.
func (m *Model) makeMasks(answers ...*answer) *sync.WaitGroup {
	var masked []*answer
	for _, a := range answers {
		if a.request.Mask != nil && a.err == nil {
			masked = append(masked, a)
		}
	}
	var making sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(masked)) {
		making.Go(func() {
			for i := next.Add(1); int(i) <= len(masked); i = next.Add(1) {
				masked[i-1].makeMask(m.cfg.Vocab)
			}
		})
	}
	return &making
}

// makeMask asks for the mask of the next token, unless it is there: what asked may have been cut short, or computed only
// tokens that the answer has.
func (a *answer) makeMask(vocab int) {
	k, n := &a.mask, len(a.result.Tokens)
	if k.allowed != nil && k.at == n {
		return
	}
	words := (vocab + 31) / 32
	if k.allowed == nil {
		k.allowed = make([]uint32, words)
	}
	clear(k.allowed)
	last := int32(-1)
	if n > 0 {
		last = a.result.Tokens[n-1]
	}
	k.at = n
	if k.err = a.request.Mask(last, k.allowed); k.err != nil {
		return
	}
	if rest := vocab % 32; rest > 0 {
		k.allowed[words-1] &= 1<<rest - 1
	}
	k.err = errNothingAllowed
	for _, word := range k.allowed {
		if word != 0 {
			k.err = nil
			break
		}
	}
}

// masks writes the masks of answers, once they are made, and returns the copies that have a sampling behind them read those.
// An answer for whose next token there is none gets the reason as its error; what its rows sample is nothing.
func (m *Model) masks(answers ...*answer) (copies []*vk.Commands) {
	s := &m.state.masks
	for _, a := range answers {
		if a.request.Mask == nil || a.err != nil {
			continue
		}
		if a.err = a.mask.err; a.err == nil {
			sequence := a.session.sequence
			copy(s.host.Bytes()[s.at(sequence):], bytesOf(a.mask.allowed...))
			copies = append(copies, s.copies[sequence])
		}
	}
	return copies
}

// sampleMasked submits the sampling of a step whose layers are on their way, once the masks are there. It tells whether
// the device has waited for that.
func (b *batch) sampleMasked(k stepKind, layers vk.Ticket, l shaders.Lengths) (t vk.Ticket, waited bool, err error) {
	m := b.m
	m.makeMasks(b.active...).Wait()
	copies := m.masks(b.active...)
	if waited, err = m.dev.Done(layers); err != nil {
		return 0, false, err
	}
	r := recording{decode: true, masked: true, choice: k.choice, logprobs: k.logprobs, count: k.rows, from: m.cfg.Layers, to: m.cfg.Layers}
	c, err := m.kept(r, m.decodeStep(k), func(c *vk.Commands, s step) { m.choose(c, s, s.count, k.choice) })
	if err != nil {
		return 0, false, err
	}
	t, err = m.submitCommands(l, append(copies, c)...)
	return t, waited, err
}
