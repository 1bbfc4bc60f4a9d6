package engine

import (
	"encoding/binary"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// What is off is written out for the kernels, and whether anything is on.
func TestSamplingOnTheDevice(t *testing.T) {
	for _, c := range []struct {
		asked    Sampling
		want     shaders.Sampling
		filtered bool
	}{
		{Sampling{}, shaders.Sampling{TopP: 1, RepeatPenalty: 1, RepeatLastN: 64}, false},
		{Sampling{TopK: 40, TopP: 1, RepeatPenalty: 1}, shaders.Sampling{TopK: 40, TopP: 1, RepeatPenalty: 1, RepeatLastN: 64}, false},
		{Sampling{RepeatPenalty: 1.1}, shaders.Sampling{TopP: 1, RepeatPenalty: 1.1, RepeatLastN: 64}, true},
		{Sampling{Temperature: 1, RepeatLastN: 1}, shaders.Sampling{Temperature: 1, TopP: 1, RepeatPenalty: 1, RepeatLastN: 1}, true},
		{
			Sampling{Temperature: 0.5, TopK: 3, TopP: 0.9, MinP: 0.05, RepeatPenalty: 1.25, RepeatLastN: 7, Seed: 5<<32 | 9},
			shaders.Sampling{Temperature: 0.5, TopK: 3, TopP: 0.9, MinP: 0.05, RepeatPenalty: 1.25, RepeatLastN: 7, SeedLo: 9, SeedHi: 5}, true,
		},
	} {
		if got := c.asked.device(); got != c.want || c.asked.filtered() != c.filtered {
			t.Errorf("%+v: %+v, filtered %v; want %+v, %v", c.asked, got, c.asked.filtered(), c.want, c.filtered)
		}
	}
}

// What is no id of the vocabulary is an error: NoToken stands where no logit was a number.
func TestSampledIDs(t *testing.T) {
	ring, err := device.NewBuffer("ring", 4*2*ringSlots, vk.Readback)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Free()
	m := &Model{cfg: weights.Config{Vocab: 100}}
	m.state.ring = ring
	for i, c := range []struct {
		id    uint32
		is    int32
		valid bool
	}{{0, 0, true}, {99, 99, true}, {100, 0, false}, {shaders.NoToken, 0, false}, {1 << 31, 0, false}} {
		n := ringSlots + 3 + i // of row 1, the second time around
		binary.LittleEndian.PutUint32(ring.Bytes()[4*(ringSlots+3+i):], c.id)
		if got, err := m.sampled(1, n); got != c.is || (err == nil) != c.valid {
			t.Errorf("%#x: %d, %v", c.id, got, err)
		}
	}
}
