package roofline

import (
	"errors"
	"fmt"

	kernels "sealvk/shaders/roofline"
	"sealvk/vk"
)

const (
	// unitBytes is the unit of memory work: a multiple of what any variant's workgroup reads.
	unitBytes = 1 << 20
	// A working set far beyond any cache. Host memory behind a CPU device is slower to fill.
	gpuSet, cpuSet, leastSet = 1 << 30, 256 << 20, 16 << 20
	// factor of the pattern: word i is i*factor, so that sums are known in closed form.
	factor = 2654435761
	// passes over the working set whose sums have room of their own: the next one waits.
	passes = 4
	// unhurried is the units that one submission fills or verifies: slow devices take long.
	unhurried = 64
	// checkLoads of an invocation that fills, verifies, or reads on a GPU.
	checkLoads = 64
)

// workingSet is a buffer of the pattern, one to copy to, and room for results.
type workingSet struct {
	b          *bench
	units      int // of both
	from, to   *vk.Buffer
	sums       *vk.Buffer
	next       int     // the unit at which the next run goes on: short runs must not find the last ones' bytes cached
	pieces     []piece // of the last run
	fill       *vk.Pipeline
	verify     *vk.Pipeline
	checkLanes int
}

// piece is the part of a run that one dispatch has.
type piece struct {
	first, units int // in the working set
	pass         int // 0 to passes-1
}

func measureMemory(b *bench, r *Roofs) error {
	w, err := newWorkingSet(b)
	if err != nil {
		return err
	}
	r.WorkingSetBytes = int64(w.units) * unitBytes
	reads, err := w.reads()
	if err != nil {
		return err
	}
	s, err := b.fastest(reads)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	r.set(&r.ReadBytesPerS, "read_bytes_per_s", s)
	copies, err := w.copies()
	if err != nil {
		return err
	}
	if s, err = b.fastest(copies); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	r.set(&r.CopyBytesPerS, "copy_bytes_per_s", s)
	for _, buffer := range []*vk.Buffer{w.from, w.to, w.sums} {
		buffer.Free()
	}
	return nil
}

// newWorkingSet takes up to a quarter of the free device memory, and fills it.
func newWorkingSet(b *bench) (w *workingSet, err error) {
	c := b.d.Caps()
	size := int64(gpuSet)
	if c.Type == vk.CPU {
		size = cpuSet
	}
	var free int64
	for _, h := range b.d.Heaps() {
		if h.DeviceLocal {
			free = max(free, h.Budget-h.Usage)
		}
	}
	size = max(leastSet, min(size, free/8, c.Limits.MaxMemoryAllocationSize, c.Limits.MaxBufferSize))
	w = &workingSet{b: b}
	for ; ; size /= 2 {
		w.units = int(size / unitBytes)
		if err = w.allocate(); err == nil {
			break
		}
		if !errors.Is(err, vk.ErrOutOfMemory) || size/2 < leastSet {
			return nil, err
		}
	}
	w.checkLanes = 64
	if c.Type == vk.CPU {
		w.checkLanes = c.Subgroup.Size
	}
	if w.fill, err = b.pipeline(kernels.Fill, 0, uint32(w.checkLanes)); err != nil {
		return nil, err
	}
	if w.verify, err = b.pipeline(kernels.Verify, 0, uint32(w.checkLanes), checkLoads); err != nil {
		return nil, err
	}
	if err = w.fillWith(w.to, 1, 0, w.units); err != nil { // pages that nobody has touched are slow
		return nil, err
	}
	return w, w.fillWith(w.from, 0, 0, w.units)
}

func (w *workingSet) allocate() (err error) {
	for _, x := range []struct {
		buffer **vk.Buffer
		name   string
		bytes  int64 // a unit
	}{
		{&w.from, "roofline from", unitBytes}, {&w.to, "roofline to", unitBytes}, {&w.sums, "roofline sums", passes * sumBytes(checkLoads)},
	} {
		if *x.buffer, err = w.b.buffer(x.name, int64(w.units)*x.bytes); err != nil {
			break
		}
	}
	if err != nil { // leave nothing of it to a smaller try
		for _, b := range []*vk.Buffer{w.from, w.to, w.sums} {
			if b != nil {
				b.Free()
			}
		}
	}
	return err
}

// sumBytes is the room for the results of a unit with loads uvec4 an invocation.
func sumBytes(loads int) int64 { return unitBytes / 16 / int64(loads) * 4 }

// most is the number of units that one dispatch may have, with groups workgroups each.
func (w *workingSet) most(groups int) int {
	l := &w.b.d.Caps().Limits
	return min(int(l.MaxStorageBufferRange/unitBytes), l.MaxComputeWorkGroupCount[0]/groups)
}

// cut divides units from the given one on into pieces: none with more than most, or beyond
// the end of the set.
func (w *workingSet) cut(first, units, most int) []piece {
	var list []piece
	for pass := 0; units > 0; {
		n := min(units, w.units-first, most)
		list = append(list, piece{first, n, pass})
		units -= n
		if first += n; first == w.units {
			first, pass = 0, (pass+1)%passes
		}
	}
	return list
}

func (w *workingSet) part(b *vk.Buffer, p piece) vk.Range {
	return b.Range(int64(p.first)*unitBytes, int64(p.units)*unitBytes)
}

func (w *workingSet) results(p piece, loads int) vk.Range {
	n := sumBytes(loads)
	return w.sums.Range(int64(p.pass*w.units+p.first)*n, int64(p.units)*n)
}

// fillWith writes the pattern plus seed, from unit first on.
func (w *workingSet) fillWith(to *vk.Buffer, seed uint32, first, units int) error {
	groups := unitBytes / 16 / w.checkLanes
	for _, p := range w.cut(first, min(units, w.units), min(unhurried, w.most(groups))) {
		_, err := w.b.run(func(c *vk.Commands, _ uint32) {
			c.Dispatch("fill", w.fill, words(uint32(p.first*unitBytes/4), factor, seed), kernels.Fill.Bind(w.part(to, p)), p.units*groups, 1, 1)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// verifyCopied compares what the last run copied with the pattern.
func (w *workingSet) verifyCopied() error {
	groups := unitBytes / 16 / w.checkLanes / checkLoads
	checked := map[piece]bool{} // long runs pass by several times
	for _, p := range w.pieces {
		if p.pass = 0; checked[p] {
			continue
		}
		checked[p] = true
		for _, q := range w.cut(p.first, p.units, min(unhurried, w.most(groups))) {
			_, err := w.b.run(func(c *vk.Commands, seed uint32) {
				c.Dispatch("verify", w.verify, words(uint32(q.first*unitBytes/4), factor, seed),
					kernels.Verify.Bind(w.part(w.to, q), w.results(q, checkLoads)), q.units*groups, 1, 1)
			})
			if err != nil {
				return err
			}
			wrong, err := read[uint32](w.b, w.results(q, checkLoads))
			if err != nil {
				return err
			}
			for i, n := range wrong {
				if n != w.b.seed() {
					return fmt.Errorf("the copy differs from its source within %d bytes from %d on: the driver is broken",
						checkLoads*16*w.checkLanes, int64(q.first)*unitBytes+int64(i/w.checkLanes*w.checkLanes)*16*checkLoads)
				}
			}
		}
	}
	return nil
}

// shape is a variant of the kernels that read or copy.
type shape struct{ lanes, loads, ahead int }

func (s shape) String() string {
	return fmt.Sprintf("%d lanes, %d × 16 bytes each, %d at once", s.lanes, s.loads, s.ahead)
}

// groups of a unit.
func (s shape) groups() int { return unitBytes / 16 / s.lanes / s.loads }

// readShapes for GPUs: several waves a workgroup, several loads under way. On CPU devices
// one lane reads for a whole SIMD vector, or a vector's lanes read side by side.
func (b *bench) readShapes() (list []shape) {
	c := b.d.Caps()
	if !b.gpu {
		return []shape{{1, 1024, 8}, {c.Subgroup.Size, 64, 1}, {c.Subgroup.Size, 64, 8}, {64, 64, 4}, {64, 64, 8}}
	}
	for _, n := range lanes(c, 32, 64, 256) {
		list = append(list, shape{n, checkLoads, 1}, shape{n, checkLoads, 4}, shape{n, checkLoads, 8})
	}
	return list
}

func (b *bench) copyShapes() (list []shape) {
	c := b.d.Caps()
	if !b.gpu {
		return []shape{{1, 1024, 4}, {c.Subgroup.Size, 64, 4}, {64, 4, 4}}
	}
	for _, n := range lanes(c, 64, 256) {
		list = append(list, shape{n, 1, 1}, shape{n, 4, 4}, shape{n, 64, 4})
	}
	return list
}

func (w *workingSet) reads() ([]*load, error) {
	var list []*load
	for _, s := range w.b.readShapes() {
		p, err := w.b.pipeline(kernels.Read, 0, uint32(s.lanes), uint32(s.loads), uint32(s.ahead))
		if err != nil {
			return nil, err
		}
		list = append(list, &load{
			variant: s.String(), unit: unitBytes,
			record: w.inPieces(s.groups(), func(c *vk.Commands, seed uint32, q piece) {
				c.Dispatch("read", p, words(seed), kernels.Read.Bind(w.part(w.from, q), w.results(q, s.loads)), q.units*s.groups(), 1, 1)
			}),
			check: func() error { return w.checkSums(s) },
		})
	}
	return list, nil
}

// inPieces records units of work as one piece after the other; groups are the workgroups of a unit.
func (w *workingSet) inPieces(groups int, one func(c *vk.Commands, seed uint32, p piece)) func(c *vk.Commands, seed uint32, units int) {
	return func(c *vk.Commands, seed uint32, units int) {
		w.pieces = w.cut(w.next, units, w.most(groups))
		w.next = (w.next + units) % w.units
		for _, p := range w.pieces {
			one(c, seed, p)
		}
	}
}

// checkSums compares each invocation's sum of the last run.
func (w *workingSet) checkSums(s shape) error {
	checked := map[piece]bool{}
	for _, p := range w.pieces {
		if checked[p] {
			continue
		}
		checked[p] = true
		sums, err := read[uint32](w.b, w.results(p, s.loads))
		if err != nil {
			return err
		}
		for i, got := range sums {
			if want := w.b.seed() + s.sum(p, i); got != want {
				return fmt.Errorf("the sum of invocation %d over buffer bytes from %d on is %#x instead of %#x: the driver is broken",
					i, int64(p.first)*unitBytes, got, want)
			}
		}
	}
	return nil
}

// sum is that of the pattern's words that invocation i of a piece reads, modulo 2^32.
func (s shape) sum(p piece, i int) uint32 {
	n, stride := uint32(s.loads), uint32(s.lanes)
	at := uint32(p.first*unitBytes/16) + uint32(i/s.lanes*s.lanes*s.loads+i%s.lanes) // the first uvec4
	vectors := n*at + stride*(n*(n-1)/2)                                             // the sum of their indices
	return factor * (16*vectors + 6*n)
}

func (w *workingSet) copies() ([]*load, error) {
	var list []*load
	add := func(variant string, groups int, record func(c *vk.Commands, seed uint32, p piece)) {
		list = append(list, &load{
			variant: variant, unit: 2 * unitBytes,
			prepare: func(units int) error { return w.fillWith(w.to, 1, w.next, units) },
			record:  w.inPieces(groups, record),
			check:   w.verifyCopied,
		})
	}
	for _, s := range w.b.copyShapes() {
		p, err := w.b.pipeline(kernels.Copy, 0, uint32(s.lanes), uint32(s.loads), uint32(s.ahead))
		if err != nil {
			return nil, err
		}
		add(s.String(), s.groups(), func(c *vk.Commands, _ uint32, q piece) {
			c.Dispatch("copy", p, nil, kernels.Copy.Bind(w.part(w.from, q), w.part(w.to, q)), q.units*s.groups(), 1, 1)
		})
	}
	add("vkCmdCopyBuffer", 1, func(c *vk.Commands, _ uint32, q piece) { c.Copy(w.part(w.to, q), w.part(w.from, q)) })
	return list, nil
}
