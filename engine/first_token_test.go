package engine

import (
	"testing"

	"sealvk/vk"
)

// What the host asks of the device between load and the first token of a short prompt: to set the rows, to compute the
// prompt, and nothing in between. Where it does not see the device's memory, also to copy the sampling
// parameters, for which it waits.
func TestCallsBeforeTheFirstToken(t *testing.T) {
	m := load(t, nano, Options{Context: 256, Tuning: &gpuPrefill})
	m.pace.rows, m.pace.layers, m.pace.settled = m.plan.chunk, m.cfg.Layers, true
	m.Steady(true)
	story := longCases(t, 5, 1)[0]
	before := device.Counters()
	var after vk.Counters
	first := hear(story, 2, func(n int) {
		if n == 1 {
			after = device.Counters()
		}
	})
	submit(t, m, t.Context(), first.Request)
	first.whole(t, "the answer", story)
	copies := uint64(0)
	if !device.Caps().Memory.Mapped {
		copies = 1
	}
	if submits, waits := after.Submit-before.Submit, after.Wait-before.Wait; submits != 2+copies || waits != 1+copies {
		t.Errorf("%d submissions and %d waits, want %d and %d", submits, waits, 2+copies, 1+copies)
	}
}
