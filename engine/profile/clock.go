package profile

import (
	"fmt"
	"math"
	"time"

	"sealvk/engine"
	"sealvk/vk"
)

// clock puts ticks of the device onto the host's clock.
type clock struct {
	dev   *vk.Device
	tick  uint64
	host  time.Time // at tick
	scale float64   // host time of a device's nanosecond
}

// startClock reads both clocks together, where the device can
// (VK_EXT_calibrated_timestamps).
func startClock(d *vk.Device) (clock, error) {
	c := clock{dev: d, scale: 1}
	if !d.Caps().Features.CalibratedTimestamps {
		return c, nil
	}
	best := time.Hour
	for range 5 { // the host's clock is read around the call: it has no other common one
		before := time.Now()
		both, err := d.Calibrate()
		if err != nil {
			return c, fmt.Errorf("profile: %w", err)
		}
		if elapsed := time.Since(before); elapsed < best {
			best, c.tick, c.host = elapsed, both.Device, before.Add(elapsed/2)
		}
	}
	return c, nil
}

// stop corrects the rate by a second reading, or without calibration estimates the
// offset: no submission began before it was submitted, none ended after the host was woken.
func (c clock) stop(submissions []engine.Submission) (clock, error) {
	if c.dev.Caps().Features.CalibratedTimestamps {
		end, err := startClock(c.dev)
		if err != nil {
			return c, err
		}
		const least = 50 * time.Millisecond // below, the readings' own error is larger than any drift
		if elapsed := end.host.Sub(c.host); elapsed > least {
			c.scale = float64(elapsed) / float64(c.dev.Between(c.tick, end.tick))
		}
		return c, nil
	}
	earliest, latest := time.Duration(math.MinInt64), time.Duration(math.MaxInt64) // that may be added
	for _, s := range submissions {
		if len(s.Spans) == 0 {
			continue
		}
		if c.host.IsZero() {
			c.tick, c.host = s.Spans[0].Begin, s.Submit
		}
		earliest = max(earliest, s.Submit.Sub(c.at(s.Spans[0].Begin)))
		latest = min(latest, s.Woken.Sub(c.at(s.Spans[len(s.Spans)-1].End)))
	}
	if c.host.IsZero() {
		return c, nil
	}
	if earliest > latest { // the clocks drift apart
		earliest = (earliest + latest) / 2
	}
	c.host = c.host.Add(earliest)
	return c, nil
}

// at is the host's time at a tick.
func (c *clock) at(tick uint64) time.Time {
	return c.host.Add(time.Duration(float64(c.dev.Between(c.tick, tick)) * c.scale))
}
