package vk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vulkan "github.com/vulkan-go/vulkan"
)

// Device is an open device with one compute queue. Its methods may be called from many
// goroutines; a Commands belongs to one at a time.
type Device struct {
	in     *Instance
	pd     *PhysicalDevice
	caps   Caps
	handle vulkan.Device
	fn     deviceTable
	queue  vulkan.Queue

	uploads uploadQueue

	time  timeline
	mem   memory
	cache pipelineCache
	stage stage
	count counters
	live  registry

	lost   atomic.Bool
	closed atomic.Bool
}

// object is something that a Device made and that its caller frees.
type object interface{ destroy() }

// registry knows what is live, to name what was forgotten.
type registry struct {
	mu      sync.Mutex
	objects map[object]string // what each is, for errors
}

func (r *registry) add(o object, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.objects[o] = what
}

// remove reports whether o was live: freeing twice does nothing.
func (r *registry) remove(o object) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.objects[o]
	delete(r.objects, o)
	return ok
}

// free destroys an object that is live.
func (d *Device) free(o object) {
	if d.live.remove(o) {
		o.destroy()
	}
}

// drain removes and returns everything, in the order in which it may be destroyed, and what
// each is.
func (r *registry) drain() (list []object, names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list, names = slices.Collect(maps.Keys(r.objects)), slices.Sorted(maps.Values(r.objects))
	clear(r.objects)
	rank := func(o object) int {
		switch o.(type) {
		case *Uploader: // frees its own buffers and commands
			return 0
		case *Commands: // refer to all others
			return 1
		}
		return 2
	}
	slices.SortFunc(list, func(a, b object) int { return rank(a) - rank(b) })
	return list, names
}

// OpenDevice opens pd with the optional features that are used (Features). Compiled pipelines are
// kept in a file in cacheDir, which is made if needed; "" keeps none, and a directory that
// cannot be used is not an error (see PipelineCache).
func (in *Instance) OpenDevice(pd *PhysicalDevice, cacheDir string) (*Device, error) {
	if pd.Caps.Unsupported != "" {
		return nil, fmt.Errorf("vk: device %q cannot be used: %s", pd.Caps.Name, pd.Caps.Unsupported)
	}
	if err := in.deviceOpened(); err != nil {
		return nil, err
	}
	d := &Device{in: in, pd: pd, caps: pd.Caps, stage: newStage()}
	d.live.objects = map[object]string{}
	d.mem.init(d)
	if err := d.open(cacheDir); err != nil {
		d.destroy()
		return nil, err
	}
	return d, nil
}

func (d *Device) open(cacheDir string) error {
	handle, r := createDevice(d.pd.handle, d.families(), d.pd.extensions, d.pd.has, &d.caps)
	if r != vulkan.Success {
		return resultError("vkCreateDevice for "+d.caps.Name, r)
	}
	d.handle = handle
	d.fn = newDeviceTable(d.in.fn, d.handle)
	var queue vulkan.Queue
	vulkan.GetDeviceQueue(d.handle, uint32(d.caps.QueueFamily), 0, &queue)
	d.queue = queue
	name(d, vulkan.ObjectTypeDevice, d.handle, d.caps.Name)
	name(d, vulkan.ObjectTypeQueue, d.queue, "compute queue")
	if !d.caps.CompileOnly { // such a device has no semaphores either
		if d.time.semaphore, r = d.fn.newTimeline(d.handle); r != vulkan.Success {
			return resultError("vkCreateSemaphore", r)
		}
		name(d, vulkan.ObjectTypeSemaphore, d.time.semaphore, "timeline")
	}
	if r := d.uploads.open(d); r != vulkan.Success {
		return resultError("vkCreateSemaphore", r)
	}
	return d.openCache(cacheDir)
}

// families are those of whose queues the device uses one.
func (d *Device) families() []int {
	if d.caps.TransferFamily < 0 {
		return []int{d.caps.QueueFamily}
	}
	return []int{d.caps.QueueFamily, d.caps.TransferFamily}
}

// Caps describes the device. The budgets in it are those of Open; Heaps reads them anew.
func (d *Device) Caps() *Caps { return &d.caps }

// Heaps returns the memory heaps with their present budgets.
func (d *Device) Heaps() []Heap {
	heaps := slices.Clone(d.caps.Memory.Heaps)
	if d.caps.Features.MemoryBudget {
		d.count.other.Add(1)
		d.in.fn.budgets(d.pd.handle, heaps)
	}
	return heaps
}

// closeTimeout bounds the wait for work that is still running when Close is called.
const closeTimeout = 10 * time.Second

// Close waits for the device, writes the pipeline cache and frees everything. Objects
// that the caller did not free are freed too and named in the error; their methods must
// not be called any more, except Free, which does nothing.
func (d *Device) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	var errs []error
	for _, t := range []*timeline{&d.time, &d.uploads.time} {
		if d.lost.Load() {
			break
		}
		if err := d.await(t, uint64(t.last()), closeTimeout); err != nil && !errors.Is(err, ErrDeviceLost) {
			// Destroying objects in use is undefined: a hung device keeps them.
			d.live.drain()
			return fmt.Errorf("vk: close: %s is still busy and stays open: %w", d.caps.Name, err)
		}
	}
	d.stage.close()
	if left, names := d.live.drain(); len(left) > 0 {
		for _, o := range left {
			o.destroy()
		}
		errs = append(errs, fmt.Errorf("vk: close: still alive: %s", strings.Join(names, ", ")))
	}
	d.closeCache()
	d.destroy()
	return errors.Join(errs...)
}

// destroy frees what open made, also when it failed midway.
func (d *Device) destroy() {
	d.closed.Store(true)
	if d.handle != nil {
		d.mem.destroy()
		for _, t := range []*timeline{&d.time, &d.uploads.time} {
			if t.semaphore != vulkan.NullSemaphore {
				vulkan.DestroySemaphore(d.handle, t.semaphore, nil)
			}
		}
		vulkan.DestroyDevice(d.handle, nil)
		d.handle = nil
	}
	d.fn.free()
	d.fn = deviceTable{}
	d.in.deviceClosed()
}

// usable is the error of a device that is closed or lost.
func (d *Device) usable() error {
	if d.closed.Load() {
		return errors.New("vk: the device is closed")
	}
	if d.lost.Load() {
		return fmt.Errorf("vk: %s: %w", d.caps.Name, ErrDeviceLost)
	}
	return nil
}

// check is resultError that remembers a lost device.
func (d *Device) check(op string, r vulkan.Result) error {
	if r == vulkan.ErrorDeviceLost {
		d.lost.Store(true)
	}
	return resultError(op, r)
}
