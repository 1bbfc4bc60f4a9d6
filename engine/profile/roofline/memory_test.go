package roofline

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func newTestSet(t testing.TB, b *bench) *workingSet {
	t.Helper()
	w, err := newWorkingSet(b)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A run's time is what its two timestamps span, which lies within what the host saw of it,
// and its rate is the work over that time.
func TestCopyTimes(t *testing.T) {
	b := newTestBench(t)
	if !b.timed {
		if c := device.Caps(); c.QueueFamilies[c.QueueFamily].TimestampValidBits > 0 && c.Limits.TimestampPeriod > 0 {
			t.Fatal("the queue has timestamps that are not used")
		}
		t.Skip("the queue has no timestamps: one clock agrees with itself")
	}
	copies, err := newTestSet(t, b).copies()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range copies {
		units, err := b.grow(l)
		if err != nil {
			t.Fatal(err)
		}
		rate, e, err := b.rate(l, units, false)
		if err != nil {
			t.Fatal(err)
		}
		spans, err := b.commands.Spans()
		if err != nil {
			t.Fatal(err)
		}
		took := b.d.Between(spans[0].Begin, spans[0].End)
		t.Logf("%s, %d MiB: device %v, host %v", l.variant, units, e.device, e.host)
		if e.device != took || float64(e.device) > 1.01*float64(e.host) {
			t.Errorf("%s: %v by timestamps at %v, within %v by the host's clock", l.variant, e.device, took, e.host)
		}
		if got := rate * e.device.Seconds(); math.Abs(got-l.unit*float64(units)) > 1e-9*got {
			t.Errorf("%s: %g bytes/s for %v are %g bytes, want %d units of %g", l.variant, rate, e.device, got, units, l.unit)
		}
	}
}

// A copy counts each byte that it reads and each that it writes, and the rate of the best
// kernel is that of the best of its runs.
func TestCopyRate(t *testing.T) {
	b := newTestBench(t)
	w := newTestSet(t, b)
	copies, err := w.copies()
	if err != nil {
		t.Fatal(err)
	}
	const units = 5
	for _, l := range copies {
		if _, _, err := b.rate(l, units, true); err != nil {
			t.Fatal(err)
		}
		var bytes int64
		for _, p := range w.pieces {
			bytes += w.part(w.from, p).Size + w.part(w.to, p).Size
		}
		if float64(bytes) != units*l.unit {
			t.Errorf("%s: %d bytes are read and written, %g counted", l.variant, bytes, units*l.unit)
		}
	}
	kernels := copies[:len(copies)-1] // all but vkCmdCopyBuffer
	s, err := b.fastest(kernels)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(kernels, func(l *load) bool { return l.variant == s.variant }) {
		t.Errorf("the fastest kernel is %q", s.variant)
	}
	if len(s.sorted) != repeats || !slices.IsSorted(s.sorted) || s.sorted[0] <= 0 || s.best < s.sorted[repeats-1] {
		t.Errorf("the best of %v is %g", s.sorted, s.best)
	}
	t.Logf("%.3g bytes/s (%s)", s.best, s.variant)
}

// One wrong word of 256 MiB is found, whichever variant reads or copies it.
func TestWrongMemoryIsFound(t *testing.T) {
	b := newTestBench(t)
	w := newTestSet(t, b)
	reads, err := w.reads()
	if err != nil {
		t.Fatal(err)
	}
	copies, err := w.copies()
	if err != nil {
		t.Fatal(err)
	}
	const units = 5
	for i, l := range append(reads, copies...) {
		w.next = w.units - 2 // past the end and on from the start
		if _, _, err := b.rate(l, units, true); err != nil {
			t.Fatalf("%s: %v", l.variant, err)
		}
		word := w.from.Range(int64(i)*4*12345, 4)
		before, err := read[uint32](b, word)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range []uint32{1, 0} {
			if err := device.Write(word, words(before[0]^change)); err != nil {
				t.Fatal(err)
			}
			w.next = w.units - 2
			_, _, err := b.rate(l, units, true)
			if found := err != nil && strings.Contains(err.Error(), "broken"); found != (change != 0) {
				t.Errorf("%s: word %#x instead of %#x: error %v", l.variant, before[0]^change, before[0], err)
			}
		}
	}
}

func TestPatternSums(t *testing.T) {
	for _, s := range []shape{{1, 1024, 8}, {8, 64, 4}, {256, 64, 8}} {
		p := piece{first: 5, units: 1}
		invocations := unitBytes / 16 / s.loads
		for _, i := range []int{0, 1, s.lanes, invocations - 1} {
			var want uint32
			for k := range s.loads {
				vector := p.first*unitBytes/16 + i/s.lanes*s.lanes*s.loads + k*s.lanes + i%s.lanes
				for j := range 4 {
					want += uint32(4*vector+j) * factor
				}
			}
			if got := s.sum(p, i); got != want {
				t.Errorf("%v, invocation %d: %#x, want %#x", s, i, got, want)
			}
		}
		if int64(invocations)*4 != sumBytes(s.loads) {
			t.Errorf("%v: %d invocations a unit, room for %d bytes", s, invocations, sumBytes(s.loads))
		}
	}
}

// Pieces follow each other around the working set, within every limit.
func TestCut(t *testing.T) {
	w := newTestSet(t, newTestBench(t))
	l := &device.Caps().Limits
	for _, units := range []int{1, 3, w.units, 2*w.units + 7, (passes+2)*w.units - 1} {
		for _, groups := range []int{1, 64, 1024} {
			first := w.units - 2
			at, sum := first, 0
			for _, p := range w.cut(first, units, w.most(groups)) {
				if p.first != at%w.units || p.units < 1 || p.first+p.units > w.units || p.pass != at/w.units%passes {
					t.Fatalf("%d units: %+v where unit %d comes next", units, p, at)
				}
				if int64(p.units)*unitBytes > l.MaxStorageBufferRange || p.units*groups > l.MaxComputeWorkGroupCount[0] {
					t.Fatalf("%d units: %+v exceeds a limit", units, p)
				}
				at += p.units
				sum += p.units
			}
			if sum != units {
				t.Errorf("%d units were cut into %d", units, sum)
			}
		}
	}
}

// BenchmarkCopy copies the same bytes by the kernels and by the host; MB/s counts them
// once, GB/s read and written.
func BenchmarkCopy(b *testing.B) {
	const size = cpuSet
	report := func(b *testing.B, d time.Duration) {
		b.SetBytes(size)
		b.ReportMetric(2*size*float64(b.N)/d.Seconds()/1e9, "GB/s")
	}
	b.Run("host", func(b *testing.B) {
		from, to := make([]byte, size), make([]byte, size)
		copy(from, to[1:])
		for b.Loop() {
			copy(to, from)
		}
		report(b, b.Elapsed())
	})
	bench := newTestBench(b)
	w := newTestSet(b, bench)
	copies, err := w.copies()
	if err != nil {
		b.Fatal(err)
	}
	for i, l := range copies {
		b.Run(fmt.Sprintf("device%d", i), func(b *testing.B) {
			b.Log(l.variant)
			var sum time.Duration
			for b.Loop() {
				_, e, err := bench.rate(l, size/unitBytes, false)
				if err != nil {
					b.Fatal(err)
				}
				sum += e.device
			}
			report(b, sum)
		})
	}
}
