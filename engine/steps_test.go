package engine

import (
	"encoding/binary"
	"testing"
	"time"

	"sealvk/shaders"
	"sealvk/weights"
)

// The first step that runs alone sizes the submissions, and how many steps are in flight: several
// where it takes less than half a submission may.
func TestFirstStepSizesTheOthers(t *testing.T) {
	for _, c := range []struct {
		took          time.Duration
		layers, depth int // of 8 layers
	}{
		{submission / 4, 8, stepsInFlight},
		{submission/2 - 1, 8, stepsInFlight},
		{submission / 2, 8, 1},
		{submission, 8, 1},
		{2 * submission, 4, 1},
		{16 * submission, 1, 1},
	} {
		m := &Model{cfg: weights.Config{Layers: 8}}
		m.decode.layers = 8
		m.measured(1, 20*submission, false) // beside others: says nothing
		if p := m.decodePlan(1); p.timed || p.layers != 8 || p.depth != 1 {
			t.Errorf("before a step was alone: %+v", *p)
		}
		m.measured(1, c.took, true)
		m.measured(1, 20*submission, true)
		if p := m.decodePlan(1); !p.timed || p.layers != c.layers || p.depth != c.depth {
			t.Errorf("after %v: %+v, want %d layers, %d in flight", c.took, *p, c.layers, c.depth)
		}
		if p, want := m.decodePlan(2), max(1, c.layers/2); p.timed || p.layers != want || p.depth != 1 {
			t.Errorf("two rows after %v: %+v, want half of the layers, %d, and one in flight", c.took, *p, want)
		}
	}
}

// What a step takes is the less of the first two, and then follows an eighth of each difference;
// one that was disturbed counts as twice as long as the others at most.
func TestTimeOfAStep(t *testing.T) {
	m := &Model{cfg: weights.Config{Layers: 1}}
	m.decode.layers = 1
	var all time.Duration
	for _, c := range []struct{ took, want time.Duration }{
		{80, 80}, {40, 40}, {48, 41}, {1000, 46}, {6, 41},
	} {
		m.measured(1, c.took*time.Millisecond, false)
		all += c.took * time.Millisecond
		if got := m.decodePlan(1).took.Truncate(time.Millisecond); got != c.want*time.Millisecond {
			t.Errorf("after %d ms: %v, want %d ms", c.took, got, c.want)
		}
	}
	if m.decode.spent != all || m.decodePlan(1).samples != 5 {
		t.Errorf("%v spent in %d steps, want %v in 5", m.decode.spent, m.decodePlan(1).samples, all)
	}
	m = &Model{cfg: weights.Config{Layers: 1}}
	for _, took := range []time.Duration{40, 80} {
		m.measured(1, took, false)
	}
	if got := m.decodePlan(1).took; got != 40 {
		t.Errorf("the second step took longer: %v, want the first one's", got)
	}
}

// The grid of the first step covers the longest row up to and with its own position, and rows are
// not overwritten before the device has copied them.
func TestSetRows(t *testing.T) {
	m := load(t, nano, Options{Context: 512})
	if err := m.BetweenSteps(func() error {
		for _, c := range []struct{ position, splits uint32 }{{5, 1}, {DecodeSplit - 1, 1}, {DecodeSplit, 2}, {2 * DecodeSplit, 3}} {
			before := device.Counters().Wait
			if err := m.setRows([]shaders.Row{{Position: c.position}, {Position: 3}}); err != nil {
				return err
			}
			grid := m.state.nextRows.Bytes()[rowBytes*shaders.DecodeRows:]
			if heads, splits, rows := binary.LittleEndian.Uint32(grid), binary.LittleEndian.Uint32(grid[4:]), binary.LittleEndian.Uint32(grid[8:]); heads != 4 || splits != c.splits || rows != 2 {
				t.Errorf("position %d: a grid of %d heads, %d splits and %d rows, want 4, %d, 2", c.position, heads, splits, rows, c.splits)
			}
			if waited := device.Counters().Wait - before; c.position != 5 && waited != 1 {
				t.Errorf("position %d: waited %d times for the copy in front, want once", c.position, waited)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	before := device.Counters().Wait
	if err := m.BetweenSteps(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if waited := device.Counters().Wait - before; waited != 1 {
		t.Errorf("waited %d times for the last copy before the device was called quiet, want once", waited)
	}
}
