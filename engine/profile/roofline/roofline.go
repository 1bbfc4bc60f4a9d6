package roofline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"sealvk/vk"
)

// Version is that of the JSON form of Roofs.
const Version = 1

// Roofs is what a device can do. A figure is 0 where the device lacks the feature.
type Roofs struct {
	Version int `json:"format"`
	Identity
	MeasuredAt time.Time `json:"measured_at"`
	// Clock is "timestamps", or "host" on devices without: then times are those from
	// submission to return, less the round trip.
	Clock string `json:"clock"`

	// WorkingSetBytes is the size of the buffer that is read, and of each of a copy's two.
	WorkingSetBytes int64   `json:"working_set_bytes"`
	ReadBytesPerS   float64 `json:"read_bytes_per_s"`
	CopyBytesPerS   float64 `json:"copy_bytes_per_s"` // read and written together

	F32FLOPsPerS     float64 `json:"f32_flops_per_s"` // a multiply-add is two
	F16FLOPsPerS     float64 `json:"f16_flops_per_s"`
	Int8DotOpsPerS   float64 `json:"int8_dot_ops_per_s"` // a dot product of four bytes and its addition are eight
	CoopMatFLOPsPerS float64 `json:"coopmat_flops_per_s"`
	CoopMat          string  `json:"coopmat,omitempty"` // "16x16x16 f16→f32" (M x N x K)

	DispatchUS   float64 `json:"dispatch_us"`   // an empty kernel among others that need not wait for it
	BarrierUS    float64 `json:"barrier_us"`    // what a barrier between two tiny kernels adds; 0: too little to be measured
	SubmissionUS float64 `json:"submission_us"` // host: from submission of an empty kernel to its return, median

	// Spread is (p95-p5)/median of the runs, by the figure's name in JSON; for barrier_us
	// of a kernel with its barrier.
	Spread map[string]float64 `json:"spread"`
	// Variant is the way that was fastest, by the figure's name in JSON.
	Variant map[string]string `json:"variant"`
}

// Identity sets devices and versions of their drivers apart.
type Identity struct {
	Device            string    `json:"device"`
	VendorID          uint32    `json:"vendor_id"`
	DeviceID          uint32    `json:"device_id"`
	DeviceUUID        string    `json:"device_uuid"`
	Driver            vk.Driver `json:"driver"`
	DriverUUID        string    `json:"driver_uuid"`
	PipelineCacheUUID string    `json:"pipeline_cache_uuid"`
	// Processors is the host's, where the device is the host's CPU: nothing else above
	// differs between the machines that share a folder.
	Processors int `json:"processors,omitempty"`
}

// Measure takes a few seconds, in which nothing else should run on the device. progress,
// which may be nil, is called with what is measured next. A device that computes something wrong
// is an error. ctx ends it between two runs.
func Measure(ctx context.Context, d *vk.Device, progress func(what string)) (_ *Roofs, err error) {
	if progress == nil {
		progress = func(string) {}
	}
	b, err := newBench(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("roofline: %w", err)
	}
	defer func() {
		if !errors.Is(err, vk.ErrTimeout) { // freeing what a hung device uses is undefined
			b.free()
		}
	}()
	r := &Roofs{Version: Version, Identity: identify(d.Caps()), Spread: map[string]float64{}, Variant: map[string]string{}}
	type stage struct {
		what    string
		measure func(*bench, *Roofs) error
	}
	stages := []stage{ // latencies last: a GPU that was idle is slow at first
		{"memory", measureMemory},
		{"f32", f32Chains.measure},
		{"f16", f16Chains.measure},
		{"int8 dot products", int8Chains.measure},
		{"cooperative matrices", measureCoopMat},
		{"dispatches and barriers", measureDispatches},
		{"submission", measureSubmission},
	}
	if !b.timed { // what the others subtract
		stages = slices.Insert(stages, 0, stages[len(stages)-1])
	}
	for _, stage := range stages {
		progress(stage.what)
		if err := stage.measure(b, r); err != nil {
			return nil, fmt.Errorf("roofline: %s: %w", stage.what, err)
		}
	}
	r.Clock = b.clock()
	r.MeasuredAt = time.Now().UTC().Truncate(time.Second)
	return r, nil
}

// identify is the identity of the device that has the caps.
func identify(c *vk.Caps) Identity {
	id := Identity{
		Device: c.Name, VendorID: c.VendorID, DeviceID: c.DeviceID, DeviceUUID: c.DeviceUUID.String(),
		Driver: c.Driver, DriverUUID: c.DriverUUID.String(), PipelineCacheUUID: c.PipelineCacheUUID.String(),
	}
	if c.Type == vk.CPU {
		id.Processors = runtime.NumCPU()
	}
	return id
}

// set keeps a figure with its spread and variant.
func (r *Roofs) set(figure *float64, name string, s *samples) {
	*figure = s.best
	r.Spread[name] = s.spread()
	if s.variant != "" {
		r.Variant[name] = s.variant
	}
}
