package vk

import (
	"fmt"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Commands is a recorded sequence of dispatches and copies. Its commands wait for everything
// submitted before, and for an earlier one wherever they touch bytes that it wrote (or write
// what it read); what the host can read is visible to it at the end. So the caller thinks of
// no barrier at all. Errors while recording are kept and come out of
// End. It may be submitted many times, but not while it is still executing.
type Commands struct {
	d      *Device
	name   string
	pool   vulkan.CommandPool
	handle vulkan.CommandBuffer
	state  state
	err    error

	hazards  hazards
	sets     descriptors
	bound    *Pipeline
	trace    trace
	uses     []use        // scratch
	infos    []bufferInfo // scratch
	text     []byte       // scratch
	last     stages       // of the newest command; 0: there is none
	barriers []edge
	dispatch int

	ticket, previous uint64 // of the last submission; guarded by timeline.mu
}

type state int

const (
	recording state = iota
	ended
	freed
)

// NewCommands begins a recording.
func (d *Device) NewCommands(label string) (*Commands, error) {
	c, err := d.newCommands(label)
	if err != nil {
		return nil, err
	}
	d.live.add(c, fmt.Sprintf("commands %q", label))
	return c, nil
}

// newCommands leaves registering to its caller.
func (d *Device) newCommands(label string) (*Commands, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if d.caps.CompileOnly { // RADV crashes while it records
		return nil, fmt.Errorf("vk: commands %q: %s compiles and runs nothing; choose another device", label, d.caps.Name)
	}
	c := &Commands{d: d, name: label}
	if err := c.allocate(); err != nil {
		c.destroy()
		return nil, fmt.Errorf("vk: commands %q: %w", label, err)
	}
	c.begin()
	return c, nil
}

func (c *Commands) allocate() (err error) {
	c.pool, c.handle, err = c.d.newCommandBuffer(c.name, c.d.caps.QueueFamily)
	return err
}

// newCommandBuffer makes a command buffer for a family's queues, which goes with its pool.
func (d *Device) newCommandBuffer(label string, family int) (pool vulkan.CommandPool, commands vulkan.CommandBuffer, err error) {
	pi := vulkan.CommandPoolCreateInfo{SType: vulkan.StructureTypeCommandPoolCreateInfo, QueueFamilyIndex: uint32(family)}
	defer pi.Free()
	if r := vulkan.CreateCommandPool(d.handle, &pi, nil, &pool); r != vulkan.Success {
		return vulkan.NullCommandPool, nil, d.check("vkCreateCommandPool", r)
	}
	ai := vulkan.CommandBufferAllocateInfo{
		SType: vulkan.StructureTypeCommandBufferAllocateInfo, CommandPool: pool,
		Level: vulkan.CommandBufferLevelPrimary, CommandBufferCount: 1,
	}
	defer ai.Free()
	handles := make([]vulkan.CommandBuffer, 1)
	if r := vulkan.AllocateCommandBuffers(d.handle, &ai, handles); r != vulkan.Success {
		vulkan.DestroyCommandPool(d.handle, pool, nil)
		return vulkan.NullCommandPool, nil, d.check("vkAllocateCommandBuffers", r)
	}
	name(d, vulkan.ObjectTypeCommandPool, pool, label)
	name(d, vulkan.ObjectTypeCommandBuffer, handles[0], label)
	return pool, handles[0], nil
}

func (c *Commands) begin() {
	info := vulkan.CommandBufferBeginInfo{SType: vulkan.StructureTypeCommandBufferBeginInfo}
	defer info.Free()
	c.d.count.other.Add(1)
	if r := vulkan.BeginCommandBuffer(c.handle, &info); r != vulkan.Success {
		c.err = c.d.check("vkBeginCommandBuffer", r)
		return
	}
	c.state = recording
	c.hazards.reset()
	if c.d.in.labels {
		c.d.fn.beginLabel(&c.text, c.handle, c.name)
	}
}

// Reset discards the recording and begins a new one, keeping the memory. The last
// submission must be complete.
func (c *Commands) Reset() error {
	d := c.d
	if err := d.usable(); err != nil {
		return err
	}
	if c.state == freed {
		return fmt.Errorf("vk: commands %q are freed", c.name)
	}
	if done, err := d.Done(c.lastTicket()); err != nil || !done {
		return fmt.Errorf("vk: reset: commands %q are still executing", c.name)
	}
	c.trace.free(d)
	if r := vulkan.ResetCommandPool(d.handle, c.pool, 0); r != vulkan.Success {
		return d.check("vkResetCommandPool", r)
	}
	c.sets.reset(d)
	c.err, c.bound, c.last, c.barriers, c.dispatch = nil, nil, 0, c.barriers[:0], 0
	c.begin()
	return c.err
}

func (c *Commands) lastTicket() Ticket {
	c.d.time.mu.Lock()
	defer c.d.time.mu.Unlock()
	return Ticket(c.ticket)
}

// fail keeps the first error.
func (c *Commands) fail(label string, err error) {
	if c.err == nil {
		c.err = fmt.Errorf("vk: commands %q: %s: %w", c.name, label, err)
	}
}

// Fail makes End return err, unless there was an error before.
func (c *Commands) Fail(label string, err error) { c.fail(label, err) }

// ready reports whether more can be recorded.
func (c *Commands) ready(label string) bool {
	if c.err == nil && c.state != recording {
		c.fail(label, fmt.Errorf("recorded after End or Free"))
	}
	return c.err == nil
}

// Dispatch runs p on x*y*z workgroups. push has the pipeline's PushSize bytes, bindings
// are its buffers in order; both are copied. The label is shown by profilers and in
// errors.
func (c *Commands) Dispatch(label string, p *Pipeline, push []byte, bindings []Binding, x, y, z int) {
	if !c.ready(label) {
		return
	}
	limit := c.d.caps.Limits.MaxComputeWorkGroupCount
	for i, n := range [3]int{x, y, z} {
		if n < 1 || n > limit[i] {
			c.fail(label, fmt.Errorf("grid %d x %d x %d: each must be at least 1, and at most %v on this device", x, y, z, limit))
			return
		}
	}
	c.kernel(label, p, push, bindings, nil, func() {
		vulkan.CmdDispatch(c.handle, uint32(x), uint32(y), uint32(z))
	})
}

// DispatchIndirect is Dispatch with the grid in device memory: args has three uint32, at a
// multiple of 4, that the device reads when the commands run.
func (c *Commands) DispatchIndirect(label string, p *Pipeline, push []byte, bindings []Binding, args Range) {
	if !c.ready(label) {
		return
	}
	if err := args.check(c.d); err != nil {
		c.fail(label, err)
		return
	}
	if args.Size < 12 || args.Offset%4 != 0 {
		c.fail(label, fmt.Errorf("grid in buffer %q: %d bytes at %d; at least 12 at a multiple of 4 are needed", args.Buffer.name, args.Size, args.Offset))
		return
	}
	args.Size = 12
	c.kernel(label, p, push, bindings, &args, func() {
		vulkan.CmdDispatchIndirect(c.handle, args.Buffer.handle, vulkan.DeviceSize(args.Offset))
	})
}

func (c *Commands) kernel(label string, p *Pipeline, push []byte, bindings []Binding, args *Range, dispatch func()) {
	d := c.d
	if err := c.checkKernel(p, push, bindings); err != nil {
		c.fail(label, err)
		return
	}
	c.uses, c.infos = c.uses[:0], c.infos[:0]
	for _, b := range bindings {
		c.uses = append(c.uses, use{b.Range, b.Access&WriteOnly != 0, kernels})
		c.infos = append(c.infos, newBufferInfo(b.Range.Buffer.handle, b.Range.Offset, storage(b.Range.Size)))
	}
	if args != nil {
		c.uses = append(c.uses, use{*args, false, grids})
	}
	c.order()
	if p.bindings > 0 {
		set, err := c.sets.set(d, p, c.infos, label)
		if err != nil {
			c.fail(label, err)
			return
		}
		vulkan.CmdBindDescriptorSets(c.handle, vulkan.PipelineBindPointCompute, p.layout, 0, 1, []vulkan.DescriptorSet{set}, 0, nil)
	}
	if c.bound != p {
		c.bound = p
		vulkan.CmdBindPipeline(c.handle, vulkan.PipelineBindPointCompute, p.handle)
	}
	if len(push) > 0 {
		vulkan.CmdPushConstants(c.handle, p.layout, vulkan.ShaderStageFlags(vulkan.ShaderStageComputeBit), 0, uint32(len(push)), unsafe.Pointer(&push[0]))
	}
	c.labelled(label, dispatch)
	c.dispatch++
}

func (c *Commands) checkKernel(p *Pipeline, push []byte, bindings []Binding) error {
	l := &c.d.caps.Limits
	switch {
	case p == nil:
		return fmt.Errorf("no pipeline")
	case p.d != c.d:
		return fmt.Errorf("pipeline %q belongs to another device", p.name)
	case p.handle == vulkan.NullPipeline:
		return fmt.Errorf("pipeline %q is freed", p.name)
	case len(push) != p.push:
		return fmt.Errorf("%d bytes of push constants; pipeline %q has %d", len(push), p.name, p.push)
	case len(bindings) != p.bindings:
		return fmt.Errorf("%d bindings; pipeline %q has %d", len(bindings), p.name, p.bindings)
	}
	for i, b := range bindings {
		r := b.Range
		if err := r.check(c.d); err != nil {
			return fmt.Errorf("binding %d: %w", i, err)
		}
		switch {
		case r.Offset%l.MinStorageBufferOffsetAlignment != 0:
			return fmt.Errorf("binding %d: buffer %q: offset %d is not a multiple of %d", i, r.Buffer.name, r.Offset, l.MinStorageBufferOffsetAlignment)
		case r.Size > l.MaxStorageBufferRange:
			return fmt.Errorf("binding %d: buffer %q: %s exceed %s, the most that a kernel sees of a buffer on this device", i, r.Buffer.name, SizeText(r.Size), SizeText(l.MaxStorageBufferRange))
		case b.Access < ReadOnly || b.Access > ReadWrite:
			return fmt.Errorf("binding %d: buffer %q: access %d is neither ReadOnly, WriteOnly nor ReadWrite", i, r.Buffer.name, b.Access)
		}
	}
	return nil
}

// Copy copies src to dst, which are equally long and do not overlap.
func (c *Commands) Copy(dst, src Range) {
	const label = "copy"
	if !c.ready(label) {
		return
	}
	for _, r := range []Range{dst, src} {
		if err := r.check(c.d); err != nil {
			c.fail(label, err)
			return
		}
	}
	if dst.Size != src.Size || dst.Buffer == src.Buffer && dst.Offset < src.Offset+src.Size && src.Offset < dst.Offset+dst.Size {
		c.fail(label, fmt.Errorf("%d bytes at %d of buffer %q from %d bytes at %d of buffer %q: of different length or overlapping",
			dst.Size, dst.Offset, dst.Buffer.name, src.Size, src.Offset, src.Buffer.name))
		return
	}
	c.uses = append(c.uses[:0], use{dst, true, copies}, use{src, false, copies})
	c.order()
	c.labelled(label, func() {
		c.d.fn.copyBuffer(c.handle, dst.Buffer.handle, dst.Offset, src.Buffer.handle, src.Offset, dst.Size)
	})
}

// order puts a barrier before the next command, of the uses in c.uses, if it needs one.
func (c *Commands) order() {
	e := c.hazards.conflict(c.uses)
	var in stages
	for _, u := range c.uses {
		in |= u.in
	}
	if c.trace.mode == TraceCommands { // alone, whatever it touches
		e.from, e.to = e.from|c.last, e.to|in
	}
	c.barrier(e)
	c.hazards.add(c.uses)
	c.last = in
}

// barrier records one, unless it is empty.
func (c *Commands) barrier(e edge) {
	if e.from == 0 || e.to == 0 {
		return
	}
	c.hazards.pass(e)
	c.d.fn.barrier(c.handle, e)
	c.barriers = append(c.barriers, e)
}

func (c *Commands) labelled(label string, command func()) {
	if c.d.in.labels {
		c.d.fn.beginLabel(&c.text, c.handle, label)
		defer c.d.fn.endLabel(c.handle)
	}
	if c.trace.mode == TraceCommands {
		c.point()
		defer c.point()
		c.trace.spans = append(c.trace.spans, Span{Section: c.trace.section, Label: label})
	}
	c.d.count.other.Add(1)
	command()
}

// End finishes the recording and returns the first error of it.
func (c *Commands) End() error {
	if !c.ready("end") {
		return c.err
	}
	c.closeSection()
	if c.endTrace(); c.err != nil {
		return c.err
	}
	c.barrier(c.hazards.unread())
	c.hazards.reset() // and lets go of the buffers
	if c.d.in.labels {
		c.d.fn.endLabel(c.handle)
	}
	c.d.count.other.Add(1)
	if r := vulkan.EndCommandBuffer(c.handle); r != vulkan.Success {
		c.err = fmt.Errorf("vk: commands %q: %w", c.name, c.d.check("vkEndCommandBuffer", r))
		return c.err
	}
	c.state = ended
	return nil
}

// Name as given to NewCommands.
func (c *Commands) Name() string { return c.name }

// Dispatches is the number of dispatches recorded.
func (c *Commands) Dispatches() int { return c.dispatch }

// Barriers is the number of barriers between commands, without those against what was
// submitted before and for the host; TraceCommands adds its own.
func (c *Commands) Barriers() (n int) {
	for i, e := range c.barriers {
		if i > 0 && e.to != host {
			n++
		}
	}
	return n
}

// Free destroys the recording. The caller has waited for its last submission.
func (c *Commands) Free() { c.d.free(c) }

func (c *Commands) destroy() {
	d := c.d
	c.trace.free(d)
	c.sets.destroy(d)
	d.count.other.Add(1)
	vulkan.DestroyCommandPool(d.handle, c.pool, nil) // its command buffer with it
	c.pool, c.handle, c.state = vulkan.NullCommandPool, nil, freed
}
