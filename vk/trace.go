package vk

import (
	"encoding/binary"
	"fmt"
	"slices"

	vulkan "github.com/vulkan-go/vulkan"
)

// TraceMode says which of its times a Commands takes.
type TraceMode int

const (
	TraceOff TraceMode = iota
	// TraceSections takes one where a section begins and behind the last command. The
	// schedule is the same as without: what may overlap does.
	TraceSections
	// TraceCommands takes one in front of and behind every dispatch and copy, each of
	// which waits for the one before: nothing overlaps, so each time is its command's own.
	TraceCommands
)

// Span is a time of the device, in ticks (Limits.TimestampPeriod is the nanoseconds in a
// tick, Calibrate relates ticks to the host's clock).
type Span struct {
	Section    string // in which it lies; "" before the first one
	Label      string // of the dispatch or copy; "" if the span is the section
	Begin, End uint64
}

// trace is the points in time that the device writes while it executes a Commands.
type trace struct {
	mode    TraceMode
	section string
	open    bool               // a section's label
	pools   []vulkan.QueryPool // of poolPoints timestamps each
	n       int                // points written
	spans   []Span
	ticks   *Buffer // [n]u64, the points
}

// poolPoints is the timestamps of one query pool.
const poolPoints = 256

// Trace makes the commands take times from here on; nothing is recorded yet. It fails
// where the device has no timestamps.
func (c *Commands) Trace(mode TraceMode) error {
	if !c.ready("trace") {
		return c.err
	}
	if mode != TraceOff {
		if err := c.d.CheckTimestamps(); err != nil {
			return err
		}
	}
	if c.dispatch > 0 {
		return fmt.Errorf("vk: commands %q: traced from the middle on", c.name)
	}
	c.trace.mode = mode
	return nil
}

// Section names what is recorded from here to the next section. Profilers show it around
// the labels of its commands. Nil Commands have none.
func (c *Commands) Section(name string) {
	if c == nil || !c.ready("section "+name) {
		return
	}
	c.closeSection()
	c.trace.section = name
	if c.d.in.labels {
		c.d.fn.beginLabel(&c.text, c.handle, name)
		c.trace.open = true
	}
	if c.trace.mode == TraceSections {
		c.point()
		c.trace.spans = append(c.trace.spans, Span{Section: name})
	}
}

func (c *Commands) closeSection() {
	if c.trace.open {
		c.trace.open = false
		c.d.fn.endLabel(c.handle)
	}
}

// point writes the next timestamp, once everything before is complete.
func (c *Commands) point() {
	t, d, i := &c.trace, c.d, c.trace.n%poolPoints
	if c.err != nil {
		return
	}
	if i == 0 {
		info := vulkan.QueryPoolCreateInfo{SType: vulkan.StructureTypeQueryPoolCreateInfo, QueryType: vulkan.QueryTypeTimestamp, QueryCount: poolPoints}
		defer info.Free()
		var pool vulkan.QueryPool
		d.count.other.Add(1)
		if r := vulkan.CreateQueryPool(d.handle, &info, nil, &pool); r != vulkan.Success {
			c.fail("trace", d.check("vkCreateQueryPool", r))
			return
		}
		t.pools = append(t.pools, pool)
		name(d, vulkan.ObjectTypeQueryPool, pool, "timestamps")
		vulkan.CmdResetQueryPool(c.handle, pool, 0, poolPoints)
	}
	d.count.other.Add(1)
	vulkan.CmdWriteTimestamp(c.handle, vulkan.PipelineStageBottomOfPipeBit, t.pools[len(t.pools)-1], uint32(i))
	t.n++
}

// endTrace lets the commands copy their points to the host as their last act: asking for
// them one by one makes some drivers (lavapipe) wait until the device is idle.
func (c *Commands) endTrace() {
	t := &c.trace
	if t.mode == TraceSections && len(t.spans) > 0 {
		c.point()
	}
	if t.n == 0 || c.err != nil {
		return
	}
	var err error
	if t.ticks, err = c.d.NewBuffer("timestamps", int64(8*t.n), Readback); err != nil {
		c.fail("trace", err)
		return
	}
	c.hazards.add([]use{{t.ticks.All(), true, copies}})
	for i, p := range t.pools {
		first := i * poolPoints
		vulkan.CmdCopyQueryPoolResults(c.handle, p, 0, uint32(min(poolPoints, t.n-first)), t.ticks.handle,
			vulkan.DeviceSize(8*first), 8, vulkan.QueryResultFlags(vulkan.QueryResult64Bit|vulkan.QueryResultWaitBit))
	}
}

// Spans returns the times of the last submission, which must be complete, in the order of
// recording: of the sections, or of the commands.
func (c *Commands) Spans() ([]Span, error) {
	t := &c.trace
	if c.state != ended || t.mode == TraceOff {
		return nil, fmt.Errorf("vk: commands %q: not traced, or not ended", c.name)
	}
	tick := func(i int) uint64 { return binary.LittleEndian.Uint64(t.ticks.Bytes()[8*i:]) }
	spans := slices.Clone(t.spans)
	for i := range spans {
		if t.mode == TraceSections { // one point between two sections
			spans[i].Begin, spans[i].End = tick(i), tick(i+1)
		} else {
			spans[i].Begin, spans[i].End = tick(2*i), tick(2*i+1)
		}
	}
	return spans, nil
}

func (t *trace) free(d *Device) {
	for _, p := range t.pools {
		d.count.other.Add(1)
		vulkan.DestroyQueryPool(d.handle, p, nil)
	}
	if t.ticks != nil {
		t.ticks.Free()
	}
	*t = trace{}
}
