package vk

import (
	"encoding/binary"
	"strings"
	"testing"
)

const stepGroup = 64 // local size of step.comp

// A chain of steps through three buffers, each reading what the one before wrote; the
// result is right only with a barrier in each place, which the validation layer's
// synchronization checks see too.
func TestDependentDispatches(t *testing.T) {
	d := openTest(t)
	const n, steps, bias = 1000, 50, 3
	p := newStep(t, d, bias)
	defer p.Free()
	var b [3]*Buffer
	for i := range b {
		b[i] = newBuffer(t, d, "values", 4*n, DeviceLocal)
		defer b[i].Free()
	}
	c := newCommands(t, d, "chain")
	defer c.Free()
	for s := range steps {
		c.Dispatch("step", p, words(n, 3, uint32(s)), []Binding{{b[s%3].All(), ReadOnly}, {b[(s+1)%3].All(), WriteOnly}}, (n+stepGroup-1)/stepGroup, 1, 1)
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	if c.Dispatches() != steps || c.Barriers() != steps-1 {
		t.Errorf("%d dispatches, %d barriers; want %d and %d", c.Dispatches(), c.Barriers(), steps, steps-1)
	}
	start := make([]byte, 4*n)
	for i := range uint32(n) {
		binary.LittleEndian.PutUint32(start[4*i:], i)
	}
	for round := range 3 { // the same recording again and again
		write(t, d, b[0].All(), start)
		submit(t, d, c)
		for i, got := range readWords(t, d, b[steps%3].All()) {
			want := uint32(i)
			for s := range uint32(steps) {
				want = want*3 + s + bias
			}
			if got != want {
				t.Fatalf("round %d: value %d is %d, want %d", round, i, got, want)
			}
		}
	}
}

// Dispatches that touch different bytes, or only read the same, get no barrier.
func TestIndependentDispatches(t *testing.T) {
	d := openTest(t)
	p := newStep(t, d, 0)
	defer p.Free()
	align := d.Caps().Limits.MinStorageBufferOffsetAlignment
	in, out := newBuffer(t, d, "in", 4*64, DeviceLocal), newBuffer(t, d, "out", 8*align, DeviceLocal)
	defer in.Free()
	defer out.Free()
	c := newCommands(t, d, "independent")
	defer c.Free()
	n := min(uint32(align/4), 64)
	for i := range int64(8) {
		c.Dispatch("step", p, words(n, 1, 0), []Binding{{in.All(), ReadOnly}, {out.Range(i*align, align), WriteOnly}}, 1, 1, 1)
	}
	if c.Barriers() != 0 {
		t.Errorf("%d barriers", c.Barriers())
	}
	c.Dispatch("step", p, words(n, 1, 0), []Binding{{out.Range(0, align), ReadOnly}, {in.All(), WriteOnly}}, 1, 1, 1)
	if c.Barriers() != 1 {
		t.Errorf("%d barriers after overwriting what others read; want 1", c.Barriers())
	}
	write(t, d, in.All(), make([]byte, in.Size()))
	run(t, d, c)
}

// The grid comes from a kernel; the copy after it waits for the dispatch.
func TestIndirectDispatchAndCopy(t *testing.T) {
	d := openTest(t)
	const n = 300
	step := newStep(t, d, 0)
	defer step.Free()
	grid, err := d.NewPipeline(PipelineInfo{Name: "grid", SPIRV: readSPIRV(t, "grid"), Bindings: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer grid.Free()
	count, args := newBuffer(t, d, "count", 4, Upload), newBuffer(t, d, "grid", 12, DeviceLocal)
	src, dst, out := newBuffer(t, d, "src", 4*n, DeviceLocal), newBuffer(t, d, "dst", 4*n, DeviceLocal), newBuffer(t, d, "out", 4*n, Readback)
	for _, b := range []*Buffer{count, args, src, dst, out} {
		defer b.Free()
	}
	c := newCommands(t, d, "indirect")
	defer c.Free()
	c.Dispatch("grid", grid, nil, []Binding{{count.All(), ReadOnly}, {args.All(), WriteOnly}}, 1, 1, 1)
	c.DispatchIndirect("step", step, words(n, 2, 5), []Binding{{src.All(), ReadOnly}, {dst.All(), WriteOnly}}, args.All())
	c.Copy(out.Range(4, 4*n-4), dst.Range(4, 4*n-4))
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	if c.Barriers() != 2 {
		t.Errorf("%d barriers, want 2", c.Barriers())
	}
	for _, groups := range []int{5, 2, 0} { // counted on the device: no recording
		binary.LittleEndian.PutUint32(count.Bytes(), uint32(groups*stepGroup))
		write(t, d, src.All(), make([]byte, 4*n))
		write(t, d, dst.All(), make([]byte, 4*n))
		submit(t, d, c)
		for i := 1; i < n; i++ {
			want := uint32(0)
			if i < groups*stepGroup {
				want = 5
			}
			if got := binary.LittleEndian.Uint32(out.Bytes()[4*i:]); got != want {
				t.Fatalf("%d groups: value %d is %d, want %d", groups, i, got, want)
			}
		}
	}
}

func TestRecordingErrorsAreSticky(t *testing.T) {
	d, other := openTest(t), openTest(t)
	p, foreign := newStep(t, d, 0), newStep(t, other, 0)
	defer p.Free()
	defer foreign.Free()
	freed := newStep(t, d, 0)
	freed.Free()
	l := d.Caps().Limits
	b := newBuffer(t, d, "b", 4096, DeviceLocal)
	defer b.Free()
	gone := newBuffer(t, d, "gone", 64, DeviceLocal)
	gone.Free()
	push := words(1, 1, 1)
	two := func(r Range) []Binding { return []Binding{{r, ReadOnly}, {b.Range(2048, 64), WriteOnly}} }
	fine := two(b.Range(0, 64))
	d.caps.Limits.MaxStorageBufferRange = 1024 // a small device
	for _, c := range []struct {
		name, err string
		record    func(c *Commands)
	}{
		{"grid 0", "grid 0 x 1 x 1", func(c *Commands) { c.Dispatch("k", p, push, fine, 0, 1, 1) }},
		{"grid too large", "grid 1 x", func(c *Commands) { c.Dispatch("k", p, push, fine, 1, l.MaxComputeWorkGroupCount[1]+1, 1) }},
		{"push size", "8 bytes of push constants", func(c *Commands) { c.Dispatch("k", p, push[:8], fine, 1, 1, 1) }},
		{"bindings", "1 bindings", func(c *Commands) { c.Dispatch("k", p, push, fine[:1], 1, 1, 1) }},
		{"no pipeline", "no pipeline", func(c *Commands) { c.Dispatch("k", nil, push, fine, 1, 1, 1) }},
		{"foreign pipeline", "another device", func(c *Commands) { c.Dispatch("k", foreign, push, fine, 1, 1, 1) }},
		{"freed pipeline", "freed", func(c *Commands) { c.Dispatch("k", freed, push, fine, 1, 1, 1) }},
		{"freed buffer", `"gone" is freed`, func(c *Commands) { c.Dispatch("k", p, push, two(gone.All()), 1, 1, 1) }},
		{"offset", "offset 2 is not a multiple", func(c *Commands) { c.Dispatch("k", p, push, two(b.Range(2, 64)), 1, 1, 1) }},
		{"range too large", "1028 bytes exceed 1024 bytes", func(c *Commands) { c.Dispatch("k", p, push, two(b.Range(0, 1028)), 1, 1, 1) }},
		{"outside", "not within its 4096", func(c *Commands) { c.Dispatch("k", p, push, two(b.Range(4096, 1)), 1, 1, 1) }},
		{"no access", "access 0", func(c *Commands) { c.Dispatch("k", p, push, []Binding{{b.Range(0, 64), 0}, fine[1]}, 1, 1, 1) }},
		{"short indirect", "at least 12", func(c *Commands) { c.DispatchIndirect("k", p, push, fine, b.Range(0, 8)) }},
		{"ragged indirect", "multiple of 4", func(c *Commands) { c.DispatchIndirect("k", p, push, fine, b.Range(2, 12)) }},
		{"copy lengths", "different length", func(c *Commands) { c.Copy(b.Range(0, 8), b.Range(16, 9)) }},
		{"copy overlap", "overlapping", func(c *Commands) { c.Copy(b.Range(0, 8), b.Range(4, 8)) }},
		{"copy outside", "not within", func(c *Commands) { c.Copy(b.Range(0, 8), b.Range(4090, 8)) }},
	} {
		cmd := newCommands(t, d, "sticky")
		c.record(cmd)
		cmd.Dispatch("later", p, push, fine, 1, 1, 1)
		err := cmd.End()
		if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), `"sticky"`) {
			t.Errorf("%s: %v", c.name, err)
		}
		if cmd.Dispatches() != 0 {
			t.Errorf("%s: recorded on after the error", c.name)
		}
		if _, err := d.Submit(cmd); err == nil {
			t.Errorf("%s: submitted", c.name)
		}
		if err := cmd.Reset(); err != nil { // and a reset cures it
			t.Errorf("%s: reset: %v", c.name, err)
		}
		cmd.Copy(b.Range(1024, 8), b.Range(1032, 8)) // beside each other
		cmd.Copy(b.Range(1048, 8), b.Range(1040, 8))
		cmd.Dispatch("fine", p, push, fine, 1, 1, 1)
		write(t, d, b.All(), make([]byte, 4096))
		run(t, d, cmd)
		cmd.Dispatch("after the end", p, push, fine, 1, 1, 1)
		if err := cmd.End(); err == nil {
			t.Error("recorded after End: no error")
		}
		cmd.Free()
		cmd.Free()
	}
}

// More dispatches than one descriptor pool holds, twice over the same pools.
func TestManyDispatches(t *testing.T) {
	d := openTest(t)
	p := newStep(t, d, 0)
	defer p.Free()
	a, b := newBuffer(t, d, "a", 256, DeviceLocal), newBuffer(t, d, "b", 256, DeviceLocal)
	defer a.Free()
	defer b.Free()
	c := newCommands(t, d, "many")
	defer c.Free()
	var pools int
	for round := range 2 {
		if round > 0 {
			if err := c.Reset(); err != nil {
				t.Fatal(err)
			}
		}
		const n = 250
		for range n {
			c.Dispatch("there", p, words(64, 1, 1), []Binding{{a.All(), ReadOnly}, {b.All(), WriteOnly}}, 1, 1, 1)
			c.Dispatch("back", p, words(64, 1, 0), []Binding{{b.All(), ReadOnly}, {a.All(), WriteOnly}}, 1, 1, 1)
		}
		write(t, d, a.All(), make([]byte, 256))
		run(t, d, c)
		for i, v := range readWords(t, d, a.All()) {
			if v != n {
				t.Fatalf("round %d: value %d is %d, want %d", round, i, v, n)
			}
		}
		if round == 0 {
			pools = len(c.sets.pools)
		}
	}
	if pools < 2 || len(c.sets.pools) != pools {
		t.Errorf("%d pools, then %d", pools, len(c.sets.pools))
	}
}
