package vk

import (
	"fmt"
	"time"

	vulkan "github.com/vulkan-go/vulkan"
)

// Timestamps is a list of points in time that the device writes while it executes a
// Commands. One Commands uses it at a time, from its first Timestamp on until Free or
// Reset.
type Timestamps struct {
	d      *Device
	n      int
	handle vulkan.QueryPool
	owner  *Commands
}

// NewTimestamps makes a list of n points. It fails where the device's compute queue has no
// timestamps.
func (d *Device) NewTimestamps(n int) (*Timestamps, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if err := d.CheckTimestamps(); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("vk: %d timestamps", n)
	}
	info := vulkan.QueryPoolCreateInfo{SType: vulkan.StructureTypeQueryPoolCreateInfo, QueryType: vulkan.QueryTypeTimestamp, QueryCount: uint32(n)}
	defer info.Free()
	var handle vulkan.QueryPool
	d.count.other.Add(1)
	if r := vulkan.CreateQueryPool(d.handle, &info, nil, &handle); r != vulkan.Success {
		return nil, d.check("vkCreateQueryPool", r)
	}
	t := &Timestamps{d: d, n: n, handle: handle}
	name(d, vulkan.ObjectTypeQueryPool, t.handle, "timestamps")
	d.live.add(t, "timestamps")
	return t, nil
}

func (d *Device) timestampBits() int {
	return d.caps.QueueFamilies[d.caps.QueueFamily].TimestampValidBits
}

// CheckTimestamps is an error where the device's compute queue has no timestamps.
func (d *Device) CheckTimestamps() error {
	if d.timestampBits() == 0 {
		return fmt.Errorf("vk: %s has no timestamps: nothing can be timed on it", d.caps.Name)
	}
	return nil
}

// Timestamp writes point i once everything recorded before is complete.
func (c *Commands) Timestamp(t *Timestamps, i int) {
	const label = "timestamp"
	if !c.ready(label) {
		return
	}
	switch {
	case t.d != c.d || t.handle == vulkan.NullQueryPool:
		c.fail(label, fmt.Errorf("of another device, or freed"))
		return
	case i < 0 || i >= t.n:
		c.fail(label, fmt.Errorf("%d of %d", i, t.n))
		return
	case t.owner != nil && t.owner != c:
		c.fail(label, fmt.Errorf("in use by commands %q", t.owner.name))
		return
	}
	if t.owner == nil {
		t.owner = c
		c.stamps = append(c.stamps, t)
		vulkan.CmdResetQueryPool(c.handle, t.handle, 0, uint32(t.n))
	}
	c.d.count.other.Add(1)
	vulkan.CmdWriteTimestamp(c.handle, vulkan.PipelineStageBottomOfPipeBit, t.handle, uint32(i))
}

// Read returns the points written by the last submission, which must be complete, as
// times since the first point. Points that were not recorded are an error.
func (t *Timestamps) Read() ([]time.Duration, error) {
	d := t.d
	if err := d.usable(); err != nil {
		return nil, err
	}
	var a arena
	defer a.free()
	ticks := slice[uint64](&a, t.n)
	d.count.other.Add(1)
	r := vulkan.GetQueryPoolResults(d.handle, t.handle, 0, uint32(t.n), uint(8*t.n), pointerTo(ticks), 8, vulkan.QueryResultFlags(vulkan.QueryResult64Bit))
	if r == vulkan.NotReady {
		return nil, fmt.Errorf("vk: timestamps: not all are written")
	}
	if r != vulkan.Success {
		return nil, d.check("vkGetQueryPoolResults", r)
	}
	out := make([]time.Duration, t.n)
	for i, v := range ticks {
		out[i] = d.Between(ticks[0], v)
	}
	return out, nil
}

// Between is the time from one point of the device's clock to another, in ticks; negative
// if b was first. The clock may wrap around once in between.
func (d *Device) Between(a, b uint64) time.Duration {
	unused := 64 - d.timestampBits()
	ticks := int64((b-a)<<unused) >> unused
	return time.Duration(float64(ticks) * d.caps.Limits.TimestampPeriod)
}

// Free destroys the list. No submission may still use it.
func (t *Timestamps) Free() { t.d.free(t) }

func (t *Timestamps) destroy() {
	t.d.count.other.Add(1)
	vulkan.DestroyQueryPool(t.d.handle, t.handle, nil)
	t.handle = vulkan.NullQueryPool
}

// Calibration is one moment on both clocks.
type Calibration struct {
	Device    uint64        // ticks
	Host      time.Duration // of the system's monotonic clock (QueryPerformanceCounter ticks on Windows)
	Deviation time.Duration // the two were read at most this far apart
}

// Calibrate reads the device's and the host's clock together. It needs
// Features.CalibratedTimestamps.
func (d *Device) Calibrate() (Calibration, error) {
	if err := d.usable(); err != nil {
		return Calibration{}, err
	}
	if !d.caps.Features.CalibratedTimestamps {
		return Calibration{}, fmt.Errorf("vk: %s has no calibrated timestamps", d.caps.Name)
	}
	d.count.other.Add(1)
	device, host, deviation, r := d.fn.calibrate(d.pd.hostClock)
	if r != vulkan.Success {
		return Calibration{}, d.check("vkGetCalibratedTimestamps", r)
	}
	return Calibration{Device: device, Host: time.Duration(host), Deviation: time.Duration(deviation)}, nil
}
