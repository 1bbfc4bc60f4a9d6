package profile

import (
	"testing"
	"time"

	"sealvk/engine"
	"sealvk/vk"
)

// Every moment goes to the first part that has an interval there.
func TestDivide(t *testing.T) {
	zero := time.Now()
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	sums := divide([]interval{
		{kernel, at(-5), at(10)}, // begins before
		{kernel, at(20), at(30)},
		{gap, at(5), at(40)}, // behind kernels
		{submit, at(38), at(45)},
		{wait, at(0), at(60)}, // all that is left of it
		{reading, at(60), at(65)},
		{readback, at(65), at(70)},
		{readback, at(150), at(160)}, // after the end
	}, at(0), at(100))
	want := map[part]int{kernel: 20, gap: 20, submit: 5, wait: 15, reading: 5, readback: 5, host: 30}
	var total time.Duration
	for p, d := range sums {
		total += d
		if d != time.Duration(want[part(p)])*time.Millisecond {
			t.Errorf("part %d: %v, want %d ms", p, d, want[part(p)])
		}
	}
	if total != 100*time.Millisecond {
		t.Errorf("parts add up to %v of 100 ms", total)
	}
}

// Without calibration device times lie where submissions and waits allow it.
func TestEstimatedClock(t *testing.T) {
	if device.Caps().Features.CalibratedTimestamps {
		device.Caps().Features.CalibratedTimestamps = false
		defer func() { device.Caps().Features.CalibratedTimestamps = true }()
	}
	period := device.Caps().Limits.TimestampPeriod
	zero := time.Now()
	at := func(us int) time.Time { return zero.Add(time.Duration(us) * time.Microsecond) }
	ticks := func(us int) uint64 { return uint64(float64(us+7_000_000) * 1000 / period) } // the device's clock began 7 s earlier
	var list []engine.Submission
	for _, s := range []struct{ submit, begin, end, woken int }{{0, 50, 200, 260}, {1000, 1010, 1300, 1400}, {2000, 2100, 2250, 2255}} {
		list = append(list, engine.Submission{
			Submit: at(s.submit), Submitted: at(s.submit + 5), Woken: at(s.woken), Spans: []vk.Span{{Begin: ticks(s.begin), End: ticks(s.end)}},
		})
	}
	c, err := startClock(device)
	if err == nil {
		c, err = c.stop(list)
	}
	if err != nil {
		t.Fatal(err)
	}
	// The second submission tells the least that must be added, 10 µs less than the truth.
	for _, us := range []int{50, 1010, 2250} {
		if off := c.at(ticks(us)).Sub(at(us)); off < -11*time.Microsecond || off > 6*time.Microsecond {
			t.Errorf("%d µs are %v off", us, off)
		}
	}
}

// What a step's kernels take on the host's clock is what they take by timestamps, times the
// rate of the clocks; of a kernel that reaches beyond the step its share counts.
func TestKernelsByBothClocks(t *testing.T) {
	period := device.Caps().Limits.TimestampPeriod
	zero := time.Now()
	ticks := func(us int) uint64 { return uint64(float64(us+7_000_000) * 1000 / period) }
	for _, scale := range []float64{0.5, 1, 1.5} {
		at := func(us int) time.Time {
			return zero.Add(time.Duration(float64(us) * scale * float64(time.Microsecond)))
		}
		spans := func(times ...int) (list []vk.Span) {
			for i := 0; i < len(times); i += 2 {
				list = append(list, vk.Span{Begin: ticks(times[i]), End: ticks(times[i+1])})
			}
			return list
		}
		b := &series{clock: clock{dev: device, tick: ticks(0), host: zero, scale: scale}, submissions: []engine.Submission{
			{Submit: at(10), Submitted: at(20), Spans: spans(100, 300, 400, 900), Wait: at(20), Woken: at(950), Read: at(960)},
			{Submit: at(30), Submitted: at(40), Spans: spans(1000, 1100, 1900, 2100), Wait: at(970), Woken: at(2110), Read: at(2120)},
		}}
		begin, end := at(0), at(2000)
		onHost, byTicks := divide(b.intervals(), begin, end)[kernel], b.ticksWithin(begin, end)
		const want = 900 * time.Microsecond
		if off := byTicks - want; off < -time.Microsecond || off > time.Microsecond {
			t.Errorf("rate %v: %v by timestamps, want %v", scale, byTicks, want)
		}
		if off := onHost - time.Duration(scale*float64(want)); off < -time.Microsecond || off > time.Microsecond {
			t.Errorf("rate %v: %v on the host's clock, want %v of %v", scale, onHost, scale, want)
		}
	}
}
