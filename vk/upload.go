package vk

import (
	"errors"
	"fmt"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// uploadQueue is where uploads are submitted: a queue of a family that only copies, so that a GPU's engines for
// that do it beside all else, or the compute queue. Its timeline is the device's: Mesa's queues still look at
// the semaphores of a submission after the host has seen it complete.
type uploadQueue struct {
	mu     *sync.Mutex // of submissions
	queue  vulkan.Queue
	family int
	time   timeline
}

func (q *uploadQueue) open(d *Device) vulkan.Result {
	q.mu, q.queue, q.family = &d.time.mu, d.queue, d.caps.QueueFamily
	if f := d.caps.TransferFamily; f >= 0 {
		var queue vulkan.Queue
		vulkan.GetDeviceQueue(d.handle, uint32(f), 0, &queue)
		q.mu, q.queue, q.family = &q.time.mu, queue, f
		name(d, vulkan.ObjectTypeQueue, queue, "upload queue")
	}
	if d.caps.CompileOnly {
		return vulkan.Success
	}
	semaphore, r := d.fn.newTimeline(d.handle)
	if q.time.semaphore = semaphore; r == vulkan.Success {
		name(d, vulkan.ObjectTypeSemaphore, semaphore, "uploads")
	}
	return r
}

// Uploader fills device memory from many goroutines at once, directly where the host sees it, or through
// staging buffers, which are copied while others are filled.
type Uploader struct {
	d     *Device
	chunk int64
	slots []*uploadSlot
	free  chan *uploadSlot
	flush sync.Mutex // one goroutine at a time collects all slots
}

// uploadSlot is a staging buffer, made on first use, and the commands that copy out of it.
type uploadSlot struct {
	label    string
	buffer   *Buffer
	pool     vulkan.CommandPool
	commands vulkan.CommandBuffer
	value    uint64 // of the uploads' timeline, of the last copy
}

var errUploaderFreed = errors.New("vk: upload: the uploader is freed")

// NewUploader makes an uploader of chunks of up to so many bytes. Free it after loading: it may take so
// many staging buffers of that size. Twice as many as there are goroutines keep both these and the device busy.
func (d *Device) NewUploader(chunk int64, buffers int) (*Uploader, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if chunk < 1 || buffers < 1 {
		return nil, fmt.Errorf("vk: upload: %d buffers of %d bytes", buffers, chunk)
	}
	u := &Uploader{d: d, chunk: chunk, free: make(chan *uploadSlot, buffers)}
	for i := range buffers {
		s := &uploadSlot{label: fmt.Sprintf("upload slot %d", i)}
		u.slots = append(u.slots, s)
		u.free <- s
	}
	d.live.add(u, "uploader")
	return u, nil
}

// Write calls fill with as many bytes of memory to be filled as each range has, together at most the uploader's
// chunk. Their contents then go to the ranges: at once if the host sees them, else when Flush returns at the
// latest. No submission may be using them. An error of fill is returned and the ranges left as they
// were or partly filled.
func (u *Uploader) Write(to []Range, fill func(parts [][]byte) error) error {
	if err := u.d.fault(OpUpload); err != nil {
		return err
	}
	var bytes int64
	parts, staged := make([][]byte, len(to)), false
	for i, r := range to {
		if err := u.d.transferable(r, int(r.Size)); err != nil {
			return fmt.Errorf("vk: upload: %w", err)
		}
		bytes += r.Size
		parts[i] = r.bytes()
		staged = staged || parts[i] == nil
	}
	if bytes > u.chunk {
		return fmt.Errorf("vk: upload: %d bytes; at most %d at once", bytes, u.chunk)
	}
	if !staged {
		return fill(parts)
	}
	s, ok := <-u.free
	if !ok {
		return errUploaderFreed
	}
	defer func() { u.free <- s }()
	return u.stage(s, to, parts, fill)
}

// stage has fill write what the host does not see to the slot's buffer, once its last copy is complete, and
// submits the copies.
func (u *Uploader) stage(s *uploadSlot, to []Range, parts [][]byte, fill func(parts [][]byte) error) error {
	d := u.d
	if err := d.await(&u.d.uploads.time, s.value, transferTimeout); err != nil {
		return err
	}
	if err := s.allocate(u); err != nil {
		return err
	}
	memory := s.buffer.Bytes()
	var at int64
	var from, dst []Range
	for i, r := range to {
		if parts[i] == nil {
			parts[i] = memory[at : at+r.Size]
			from, dst = append(from, s.buffer.Range(at, r.Size)), append(dst, r)
			at += r.Size
		}
	}
	if err := fill(parts); err != nil {
		return err
	}
	if r := s.record(d, dst, from); r != vulkan.Success {
		return d.check("recording of an upload", r)
	}
	return u.submit(s)
}

func (s *uploadSlot) record(d *Device, dst, from []Range) vulkan.Result {
	d.count.other.Add(2 + uint64(len(dst)))
	if r := vulkan.ResetCommandPool(d.handle, s.pool, 0); r != vulkan.Success {
		return r
	}
	info := vulkan.CommandBufferBeginInfo{
		SType: vulkan.StructureTypeCommandBufferBeginInfo, Flags: vulkan.CommandBufferUsageFlags(vulkan.CommandBufferUsageOneTimeSubmitBit),
	}
	defer info.Free()
	if r := vulkan.BeginCommandBuffer(s.commands, &info); r != vulkan.Success {
		return r
	}
	for i, r := range dst {
		d.fn.copyBuffer(s.commands, r.Buffer.handle, r.Offset, from[i].Buffer.handle, from[i].Offset, r.Size)
	}
	return vulkan.EndCommandBuffer(s.commands)
}

func (u *Uploader) submit(s *uploadSlot) error {
	if err := u.d.fault(OpSubmit); err != nil {
		return err
	}
	q := &u.d.uploads
	t := &q.time
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := u.d.usable(); err != nil {
		return err
	}
	t.scratch = append(t.scratch[:0], uintptr(raw(s.commands)))
	u.d.count.submit.Add(1)
	if r := u.d.fn.submit(q.queue, point{}, t.scratch, t.semaphore, t.submitted+1); r != vulkan.Success {
		return u.d.check("vkQueueSubmit", r)
	}
	t.submitted++
	s.value = t.submitted
	return nil
}

// allocate makes what is not there yet.
func (s *uploadSlot) allocate(u *Uploader) (err error) {
	d := u.d
	if s.buffer == nil {
		if s.buffer, err = d.newBuffer(s.label, u.chunk, Upload, shared); err != nil {
			return err
		}
	}
	if s.commands == nil {
		s.pool, s.commands, err = d.newCommandBuffer(s.label, d.uploads.family)
	}
	return err
}

// Flush waits until everything that was written before is on the device, for all that is submitted from then on.
func (u *Uploader) Flush() error {
	u.flush.Lock()
	defer u.flush.Unlock()
	var last uint64
	for range u.slots {
		s, ok := <-u.free
		if !ok {
			return errUploaderFreed
		}
		last = max(last, s.value)
		defer func() { u.free <- s }()
	}
	if last == 0 {
		return nil
	}
	seen, err := u.d.after(point{u.d.uploads.time.semaphore, last})
	if err != nil {
		return err
	}
	return u.d.Wait(seen, transferTimeout)
}

// Free waits for writes and copies in progress and gives the staging buffers back.
func (u *Uploader) Free() { u.d.free(u) }

func (u *Uploader) destroy() {
	u.flush.Lock()
	defer u.flush.Unlock()
	for range u.slots {
		<-u.free
	}
	close(u.free)
	for _, s := range u.slots {
		if err := u.d.await(&u.d.uploads.time, s.value, transferTimeout); err != nil && !errors.Is(err, ErrDeviceLost) {
			return // destroying what a hung device uses is undefined
		}
		s.destroy(u.d)
	}
}

func (s *uploadSlot) destroy(d *Device) {
	if s.commands != nil {
		d.count.other.Add(1)
		vulkan.DestroyCommandPool(d.handle, s.pool, nil)
	}
	if s.buffer != nil {
		s.buffer.destroy()
	}
	s.buffer, s.commands = nil, nil
}
