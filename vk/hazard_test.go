package vk

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// The model keeps every access to every byte, and every barrier since.
func TestHazardsAgainstByteMap(t *testing.T) {
	buffers := []*Buffer{{name: "a", size: 64}, {name: "b", size: 64}}
	type access struct {
		step  int
		write bool
		in    stages
	}
	type key struct {
		b *Buffer
		i int64
	}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var h hazards
		h.reset()
		seen := map[key][]access{}
		barriers := map[int][]edge{} // by the step in front of which they are
		for step := range 40 {
			var uses []use
			for range 1 + rng.IntN(3) {
				offset := 4 * rng.Int64N(15)
				u := use{r: buffers[rng.IntN(2)].Range(offset, 1+rng.Int64N(64-offset)), write: rng.IntN(3) == 0, in: kernels}
				switch rng.IntN(6) {
				case 0:
					u.in = copies
				case 1:
					u.in, u.write = grids, false
				}
				uses = append(uses, u)
			}
			ordered := func(since int, from, to stages) bool {
				for at := since + 1; at <= step; at++ {
					if slices.ContainsFunc(barriers[at], func(e edge) bool { return e.from&from == from && e.to&to == to }) {
						return true
					}
				}
				return false
			}
			var want edge
			need := func(since int, from, to stages) {
				if !ordered(since, from, to) {
					want.from, want.to = want.from|from, want.to|to
				}
			}
			each := func(f func(k key, u use)) {
				for _, u := range uses {
					for i := u.r.Offset; i < u.r.Offset+storage(u.r.Size); i++ {
						f(key{u.r.Buffer, i}, u)
					}
				}
			}
			for _, u := range uses {
				need(-1, earlier, u.in)
			}
			each(func(k key, u use) {
				for _, a := range seen[k] {
					if a.write || u.write {
						need(a.step, a.in, u.in)
					}
				}
			})
			got := h.conflict(uses)
			if got != want {
				t.Fatalf("seed %d, step %d: barrier %v, want %v", seed, step, got, want)
			}
			if got != (edge{}) {
				h.pass(got)
				barriers[step] = append(barriers[step], got)
			}
			h.add(uses)
			each(func(k key, u use) { seen[k] = append(seen[k], access{step, u.write, u.in}) })
		}
	}
}

// A barrier names the stages that need it and no others: a decode step in small, whose grid
// is written by its last kernel, and a copy for the host.
func TestBarriersNameWhatFollows(t *testing.T) {
	d := openTest(t)
	step := newStep(t, d, 0)
	defer step.Free()
	grid, err := d.NewPipeline(PipelineInfo{Name: "grid", SPIRV: readSPIRV(t, "grid"), Bindings: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer grid.Free()
	const n = stepGroup
	a, b := newBuffer(t, d, "a", 4*n, DeviceLocal), newBuffer(t, d, "b", 4*n, DeviceLocal)
	count, args, out := newBuffer(t, d, "count", 4, Upload), newBuffer(t, d, "args", 12, DeviceLocal), newBuffer(t, d, "out", 4*n, Readback)
	for _, b := range []*Buffer{a, b, count, args, out} {
		defer b.Free()
	}
	binary.LittleEndian.PutUint32(count.Bytes(), n)
	write(t, d, args.All(), words(1, 1, 1))
	write(t, d, a.All(), make([]byte, 4*n))
	record := func(mode TraceMode) *Commands {
		c := newCommands(t, d, "named stages")
		if err := c.Trace(mode); err != nil {
			t.Fatal(err)
		}
		ab, ba := []Binding{{a.All(), ReadOnly}, {b.All(), WriteOnly}}, []Binding{{b.All(), ReadOnly}, {a.All(), WriteOnly}}
		c.Dispatch("step", step, words(n, 1, 1), ab, 1, 1, 1)
		c.DispatchIndirect("step", step, words(n, 1, 1), ba, args.All())
		c.Dispatch("step", step, words(n, 1, 1), ab, 1, 1, 1)
		c.DispatchIndirect("step", step, words(n, 1, 1), ba, args.All())
		c.Dispatch("grid", grid, nil, []Binding{{count.All(), ReadOnly}, {args.All(), WriteOnly}}, 1, 1, 1)
		c.DispatchIndirect("step", step, words(n, 1, 1), ab, args.All())
		c.Copy(out.All(), b.All())
		if err := c.End(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := record(TraceOff)
	defer c.Free()
	written := copies // what the host can read of what was written
	if b.Bytes() != nil {
		written |= kernels
	}
	want := []edge{
		{earlier, kernels},         // what was submitted before
		{earlier, kernels | grids}, // nothing has waited for the grid yet
		{kernels, kernels},
		{kernels, kernels}, // the grid is as before
		{grids, kernels},   // it is overwritten once it was read
		{kernels, kernels | grids},
		{earlier, copies},
		{written, host},
	}
	if !slices.Equal(c.barriers, want) {
		t.Errorf("barriers %v,\nwant %v", c.barriers, want)
	}
	if got := c.Barriers(); got != len(want)-2 {
		t.Errorf("%d barriers between commands, want %d", got, len(want)-2)
	}
	for range 2 {
		submit(t, d, c)
	}
	for i := range n {
		if got := binary.LittleEndian.Uint32(out.Bytes()[4*i:]); got != 9 {
			t.Fatalf("value %d is %d, want 9", i, got)
		}
	}

	traced := record(TraceCommands)
	defer traced.Free()
	if got, want := traced.barriers[4], (edge{kernels | grids, kernels}); got != want {
		t.Errorf("traced, where each command is alone: %v, want %v", got, want)
	}
	if got, want := traced.barriers[len(traced.barriers)-1], (edge{written, host}); got != want {
		t.Errorf("traced, at the end: %v, want %v", got, want)
	}

	inner := newCommands(t, d, "nothing for the host")
	defer inner.Free()
	inner.Dispatch("step", step, words(n, 1, 1), []Binding{{a.All(), ReadOnly}, {b.All(), WriteOnly}}, 1, 1, 1)
	if err := inner.End(); err != nil {
		t.Fatal(err)
	}
	if b.Bytes() == nil && !slices.Equal(inner.barriers, []edge{{earlier, kernels}}) {
		t.Errorf("commands that the host reads nothing of: %v", inner.barriers)
	}

	timed := newCommands(t, d, "times for the host")
	defer timed.Free()
	if err := timed.Trace(TraceCommands); err != nil {
		t.Fatal(err)
	}
	timed.Dispatch("step", step, words(n, 1, 1), []Binding{{a.All(), ReadOnly}, {b.All(), WriteOnly}}, 1, 1, 1)
	if err := timed.End(); err != nil {
		t.Fatal(err)
	}
	if last := timed.barriers[len(timed.barriers)-1]; last.from&copies == 0 || last.to != host {
		t.Errorf("the times are copied, then comes %v", last)
	}

	// A grid is 12 bytes, whatever else lies in the range.
	rest := newBuffer(t, d, "grid and more", 512, DeviceLocal)
	defer rest.Free()
	beside := newCommands(t, d, "beside a grid")
	defer beside.Free()
	for range 2 {
		beside.DispatchIndirect("step", step, words(n, 1, 1), []Binding{{a.All(), ReadOnly}, {rest.Range(256, 256), WriteOnly}}, rest.All())
	}
	if err := beside.End(); err != nil {
		t.Fatal(err)
	}
	if got := beside.barriers[1]; got != (edge{kernels, kernels}) {
		t.Errorf("behind the same bytes and beside the grid: %v", got)
	}
}

// The masks that Vulkan gets.
func TestStageMasks(t *testing.T) {
	const indirect, compute, transfer, hostStage = 2, 0x800, 0x1000, 0x4000
	for s, want := range map[stages][2]uint32{
		kernels:         {compute, 0x20 | 0x40},
		grids:           {indirect, 1},
		copies:          {transfer, 0x800 | 0x1000},
		host:            {hostStage, 0x2000 | 0x4000},
		kernels | grids: {compute | indirect, 0x20 | 0x40 | 1},
	} {
		stage, access := s.masks()
		if uint32(stage) != want[0] || uint32(access) != want[1] {
			t.Errorf("%b: stages %x, accesses %x; want %x", s, stage, access, want)
		}
	}
}
