package roofline

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"sealvk/vk"
)

const (
	// enough is the device time from which a run counts. Work grows towards aim, which is
	// far below the 100 ms after which a desktop stutters.
	enough, aim = 20 * time.Millisecond, 25 * time.Millisecond
	// growth bounds a step of that growth: short runs say little about long ones.
	growth = 16
	// tries of each variant, and repeats of the best, for the spread.
	tries, repeats = 3, 9
	// patience is for devices that have hung.
	patience = time.Minute
)

// bench records, runs and times work on a device.
type bench struct {
	ctx       context.Context
	d         *vk.Device
	commands  *vk.Commands
	timed     bool          // by the device's timestamps; else by the host's clock
	roundTrip time.Duration // of an empty submission, which the host's clock sees too
	gpu       bool          // which variants to try
	out       *vk.Buffer    // see results
	runs      uint32
	made      []interface{ Free() }
}

func newBench(ctx context.Context, d *vk.Device) (*bench, error) {
	caps := d.Caps()
	c, err := d.NewCommands("roofline")
	if err != nil {
		return nil, err
	}
	return &bench{
		ctx: ctx, d: d, commands: c, made: []interface{ Free() }{c}, gpu: caps.Type != vk.CPU,
		timed: d.CheckTimestamps() == nil && caps.Limits.TimestampPeriod > 0,
	}, nil
}

// free gives back what was made, the last first.
func (b *bench) free() {
	for _, o := range slices.Backward(b.made) {
		o.Free()
	}
	b.made = nil
}

func (b *bench) clock() string {
	if b.timed {
		return "timestamps"
	}
	return "host"
}

func (b *bench) buffer(name string, size int64) (*vk.Buffer, error) {
	buffer, err := b.d.NewBuffer(name, size, vk.DeviceLocal)
	if err == nil {
		b.made = append(b.made, buffer)
	}
	return buffer, err
}

// elapsed are the two times of one run.
type elapsed struct {
	device time.Duration // by timestamps; without them host less the round trip
	host   time.Duration // from submission until the wait for it returned
}

// run records, submits and waits. seed differs from run to run: kernels mix it into their
// results, so that what an earlier run left behind is no result of this one.
func (b *bench) run(record func(c *vk.Commands, seed uint32)) (e elapsed, err error) {
	if err := b.ctx.Err(); err != nil {
		return e, err
	}
	c := b.commands
	if err := c.Reset(); err != nil {
		return e, err
	}
	if b.timed {
		if err := c.Trace(vk.TraceSections); err != nil {
			return e, err
		}
		c.Section("timed")
	}
	b.runs++
	record(c, b.seed())
	if err := c.End(); err != nil {
		return e, err
	}
	start := time.Now()
	ticket, err := b.d.Submit(c)
	if err != nil {
		return e, err
	}
	if err := b.d.Wait(ticket, patience); err != nil {
		return e, err
	}
	e.host = time.Since(start)
	e.device = max(e.host-b.roundTrip, 1)
	if b.timed {
		spans, err := c.Spans()
		if err != nil {
			return e, err
		}
		if took := b.d.Between(spans[0].Begin, spans[0].End); took > 0 {
			e.device = took
		}
	}
	return e, nil
}

// seed is that of the last run: small, since it must be exact in f16 among other terms.
func (b *bench) seed() uint32 { return b.runs % 61 }

// load is work that can be made larger: one variant of what is to be measured.
type load struct {
	variant string
	unit    float64 // bytes or operations of a unit of work
	prepare func(units int) error
	record  func(c *vk.Commands, seed uint32, units int)
	check   func() error // the results of the last run
}

// rate runs units of l and gives bytes or operations per second of device time. Checking
// takes longer than the run.
func (b *bench) rate(l *load, units int, checked bool) (rate float64, e elapsed, err error) {
	if checked && l.prepare != nil {
		if err := l.prepare(units); err != nil {
			return 0, e, err
		}
	}
	e, err = b.run(func(c *vk.Commands, seed uint32) { l.record(c, seed, units) })
	if err != nil {
		return 0, e, err
	}
	if checked {
		if err := l.check(); err != nil {
			return 0, e, fmt.Errorf("%s: %w", l.variant, err)
		}
	}
	return l.unit * float64(units) / e.device.Seconds(), e, nil
}

// fastest gives the rates of the variant that is best. Every variant's results are
// checked, and the best's once more after its last run.
func (b *bench) fastest(loads []*load) (*samples, error) {
	var best *load
	var bestUnits int
	s := &samples{}
	for _, l := range loads {
		units, err := b.grow(l)
		if err != nil {
			return nil, err
		}
		for i := range tries {
			rate, _, err := b.rate(l, units, i == tries-1)
			if err != nil {
				return nil, err
			}
			if rate > s.best {
				best, bestUnits, s.best = l, units, rate
			}
		}
	}
	s.variant = best.variant
	for i := range repeats {
		rate, _, err := b.rate(best, bestUnits, i == repeats-1)
		if err != nil {
			return nil, err
		}
		s.add(rate)
		s.best = max(s.best, rate)
	}
	return s, nil
}

// grow finds how much work lasts long enough to be timed.
func (b *bench) grow(l *load) (units int, err error) {
	for units = 1; ; {
		_, e, err := b.rate(l, units, false)
		if err != nil || e.device >= enough || units > math.MaxInt32/growth {
			return units, err
		}
		more := float64(aim) / float64(e.device)
		units = int(math.Ceil(float64(units) * min(more, growth)))
	}
}

// samples are repeated measurements of one figure.
type samples struct {
	best    float64
	variant string
	sorted  []float64
}

func (s *samples) add(v float64) {
	i, _ := slices.BinarySearch(s.sorted, v)
	s.sorted = slices.Insert(s.sorted, i, v)
}

// quantile interpolates between the two samples next to p, 0 to 1.
func (s *samples) quantile(p float64) float64 {
	at := p * float64(len(s.sorted)-1)
	i := int(at)
	if i+1 == len(s.sorted) {
		return s.sorted[i]
	}
	return s.sorted[i] + (at-float64(i))*(s.sorted[i+1]-s.sorted[i])
}

// spread is (p95-p5)/median.
func (s *samples) spread() float64 {
	return (s.quantile(0.95) - s.quantile(0.05)) / s.quantile(0.5)
}
