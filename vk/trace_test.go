package vk

import (
	"fmt"
	"strings"
	"testing"
)

// record makes a chain of steps in sections, each reading what the one before wrote.
func recordTraced(t *testing.T, d *Device, mode TraceMode, p *Pipeline, b [2]*Buffer, n uint32, perSection []int) *Commands {
	t.Helper()
	c := newCommands(t, d, "traced")
	if err := c.Trace(mode); err != nil {
		t.Fatal(err)
	}
	at := 0
	for i, steps := range perSection {
		c.Section(fmt.Sprint("section ", i))
		for range steps {
			c.Dispatch(fmt.Sprint("step ", at), p, words(n, 3, 1), []Binding{{b[at%2].All(), ReadOnly}, {b[1-at%2].All(), WriteOnly}}, (int(n)+stepGroup-1)/stepGroup, 1, 1)
			at++
		}
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTrace(t *testing.T) {
	d := openTest(t)
	p := newStep(t, d, 1)
	defer p.Free()
	const n = 1 << 16
	var b [2]*Buffer
	for i := range b {
		b[i] = newBuffer(t, d, "values", 4*n, DeviceLocal)
		defer b[i].Free()
	}
	write(t, d, b[0].All(), make([]byte, 4*n))
	sections := []int{1, 200, 0, 3}

	c := recordTraced(t, d, TraceSections, p, b, n, sections)
	defer c.Free()
	barriers := c.Barriers()
	if barriers != 203 {
		t.Errorf("%d barriers, want 203: sections must not change the schedule", barriers)
	}
	for range 2 { // a recording is submitted again and again
		submit(t, d, c)
		spans, err := c.Spans()
		if err != nil {
			t.Fatal(err)
		}
		if len(spans) != len(sections) {
			t.Fatalf("%d spans, want %d", len(spans), len(sections))
		}
		for i, s := range spans {
			if s.Section != fmt.Sprint("section ", i) || s.Label != "" {
				t.Errorf("span %d: %+v", i, s)
			}
			if i > 0 && s.Begin != spans[i-1].End {
				t.Errorf("span %d begins at %d, the one before ends at %d", i, s.Begin, spans[i-1].End)
			}
		}
		if took := d.Between(spans[1].Begin, spans[1].End); took <= 0 {
			t.Errorf("200 steps took %v", took)
		}
	}

	c = recordTraced(t, d, TraceCommands, p, b, n, sections)
	defer c.Free()
	submit(t, d, c)
	spans, err := c.Spans()
	if err != nil {
		t.Fatal(err)
	}
	if len(spans) != 204 { // more than the points of one query pool
		t.Fatalf("%d spans", len(spans))
	}
	for i, s := range spans {
		if s.Label != fmt.Sprint("step ", i) || d.Between(s.Begin, s.End) <= 0 {
			t.Errorf("span %d: %+v", i, s)
		}
		if i > 0 && d.Between(spans[i-1].End, s.Begin) < 0 {
			t.Errorf("span %d begins before %d ends", i, i-1)
		}
	}
	if spans[0].Section != "section 0" || spans[1].Section != "section 1" || spans[203].Section != "section 3" {
		t.Errorf("sections %q %q %q", spans[0].Section, spans[1].Section, spans[203].Section)
	}
	if err := c.Reset(); err != nil { // what is recorded next takes no times, and Close finds none left
		t.Fatal(err)
	}
	c.Dispatch("step", p, words(n, 3, 1), []Binding{{b[0].All(), ReadOnly}, {b[1].All(), WriteOnly}}, 1, 1, 1)
	run(t, d, c)
	if spans, err := c.Spans(); err == nil {
		t.Errorf("%d times after a reset", len(spans))
	}
}

// What depends on nothing waits too when each command is timed alone.
func TestTraceCommandsSerializes(t *testing.T) {
	d := openTest(t)
	p := newStep(t, d, 1)
	defer p.Free()
	align := d.Caps().Limits.MinStorageBufferOffsetAlignment
	in, out := newBuffer(t, d, "in", 4*64, DeviceLocal), newBuffer(t, d, "out", 8*align, DeviceLocal)
	defer in.Free()
	defer out.Free()
	write(t, d, in.All(), make([]byte, in.Size()))
	for mode, want := range map[TraceMode]int{TraceOff: 0, TraceSections: 0, TraceCommands: 8} {
		c := newCommands(t, d, "independent")
		if err := c.Trace(mode); err != nil {
			t.Fatal(err)
		}
		for i := range int64(8) {
			c.Dispatch("step", p, words(uint32(align/4), 1, 0), []Binding{{in.All(), ReadOnly}, {out.Range(i*align, align), WriteOnly}}, 1, 1, 1)
		}
		c.Copy(in.Range(0, 4), out.Range(7*align, 4))
		conflicts := 1 // the copy's
		if want > 0 {
			conflicts = 0
		}
		if got := c.Barriers(); got != want+conflicts {
			t.Errorf("mode %d: %d barriers", mode, got)
		}
		run(t, d, c)
		c.Free()
	}
}

func TestTraceErrors(t *testing.T) {
	d := openTest(t)
	p := newStep(t, d, 1)
	defer p.Free()
	b := newBuffer(t, d, "values", 4*64, DeviceLocal)
	defer b.Free()
	c := newCommands(t, d, "late")
	defer c.Free()
	c.Dispatch("step", p, words(1, 1, 0), []Binding{{b.All(), ReadOnly}, {b.All(), WriteOnly}}, 1, 1, 1)
	if err := c.Trace(TraceCommands); err == nil || !strings.Contains(err.Error(), "middle") {
		t.Errorf("traced from the middle: %v", err)
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Spans(); err == nil {
		t.Error("spans of commands that are not traced")
	}
	family := &d.caps.QueueFamilies[d.caps.QueueFamily]
	bits := family.TimestampValidBits
	family.TimestampValidBits = 0
	defer func() { family.TimestampValidBits = bits }()
	c = newCommands(t, d, "no timestamps")
	defer c.Free()
	if err := c.Trace(TraceSections); err == nil || !strings.Contains(err.Error(), "has no timestamps") {
		t.Errorf("traced without timestamps: %v", err)
	}
}

// A clock of 36 bits, as Intel's, wraps around.
func TestBetweenWraps(t *testing.T) {
	d := &Device{caps: Caps{QueueFamilies: []QueueFamily{{TimestampValidBits: 36}}, Limits: Limits{TimestampPeriod: 2}}}
	const wrap = 1 << 36
	for _, c := range []struct {
		a, b uint64
		want int64
	}{{10, 15, 10}, {15, 10, -10}, {wrap - 5, 5, 20}, {5, wrap - 5, -20}} {
		if got := int64(d.Between(c.a, c.b)); got != c.want {
			t.Errorf("from %d to %d: %d ns, want %d", c.a, c.b, got, c.want)
		}
	}
}
