package vk

import (
	"fmt"
	"time"

	vulkan "github.com/vulkan-go/vulkan"
)

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

// Between is the time from one point of the device's clock to another, in ticks; negative
// if b was first. The clock may wrap around once in between.
func (d *Device) Between(a, b uint64) time.Duration {
	unused := 64 - d.timestampBits()
	ticks := int64((b-a)<<unused) >> unused
	return time.Duration(float64(ticks) * d.caps.Limits.TimestampPeriod)
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
