package profile

import (
	"cmp"
	"slices"
	"time"
)

// part is what a moment of a step's wall time is spent on. Where several go on, the first
// of them counts.
type part int

const (
	kernel part = iota
	gap         // between the dispatches of a submission
	submit
	reading // timestamps
	wait
	readback
	host // none of the others
	parts
)

// interval is a time in which something goes on.
type interval struct {
	part       part
	begin, end time.Time
}

// budgetOf divides the wall time of all series' steps. The device times are put
// onto the host's clock, and every moment is given to exactly one part.
func budgetOf(list []*series) Budget {
	var sums [parts]time.Duration
	var wall, ticks time.Duration
	steps := 0
	for _, b := range list {
		intervals := b.intervals()
		for _, s := range b.steps {
			steps++
			wall += s.end.Sub(s.begin)
			for p, d := range divide(intervals, s.begin, s.end) {
				sums[p] += d
			}
			ticks += b.ticksWithin(s.begin, s.end)
		}
	}
	mean := func(d time.Duration) float64 { return micros(d) / float64(max(steps, 1)) }
	return Budget{
		WallUS: mean(wall), KernelsUS: mean(sums[kernel]), GapsUS: mean(sums[gap]), SubmitUS: mean(sums[submit]),
		WaitUS: mean(sums[wait]), ReadUS: mean(sums[readback]), HostUS: mean(sums[host]), ProfileUS: mean(sums[reading]),
		KernelTicksUS: mean(ticks),
	}
}

// ticksWithin sums the times, by the device's clock, of what runs within begin and end; of
// what reaches beyond, its share. Some may belong to the next step: the host submits ahead.
func (b *series) ticksWithin(begin, end time.Time) (sum time.Duration) {
	for _, s := range b.submissions {
		for _, span := range s.Spans {
			from, to := b.clock.at(span.Begin), b.clock.at(span.End)
			inside := min(to.Sub(begin), end.Sub(begin)) - max(from.Sub(begin), 0)
			if whole := to.Sub(from); inside > 0 && whole > 0 {
				elapsed := b.clock.dev.Between(span.Begin, span.End)
				sum += time.Duration(float64(elapsed) * float64(inside) / float64(whole))
			}
		}
	}
	return sum
}

// intervals are those of a series' submissions; what the host does between reading
// timestamps and the end of a step is reading the result back.
func (b *series) intervals() []interval {
	var list []interval
	for _, s := range b.submissions {
		for _, span := range s.Spans {
			list = append(list, interval{kernel, b.clock.at(span.Begin), b.clock.at(span.End)})
		}
		if n := len(s.Spans); n > 0 {
			list = append(list, interval{gap, b.clock.at(s.Spans[0].Begin), b.clock.at(s.Spans[n-1].End)})
		}
		list = append(list, interval{submit, s.Submit, s.Submitted}, interval{wait, s.Wait, s.Woken}, interval{reading, s.Woken, s.Read})
	}
	for _, s := range b.steps {
		if n := len(s.submissions); n > 0 {
			list = append(list, interval{readback, s.submissions[n-1].Read, s.end})
		}
	}
	return list
}

// divide gives every moment from begin to end to the first part that has an interval there.
func divide(intervals []interval, begin, end time.Time) (sums [parts]time.Duration) {
	type edge struct {
		at    time.Time
		part  part
		delta int
	}
	var edges []edge
	for _, i := range intervals {
		if i.begin.Before(begin) {
			i.begin = begin
		}
		if i.end.After(end) {
			i.end = end
		}
		if i.begin.Before(i.end) {
			edges = append(edges, edge{i.begin, i.part, 1}, edge{i.end, i.part, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at.Sub(begin), b.at.Sub(begin)) })
	var open [parts]int
	open[host] = 1
	at := begin
	spend := func(to time.Time) {
		for p, n := range open {
			if n > 0 {
				sums[p] += to.Sub(at)
				break
			}
		}
		at = to
	}
	for _, e := range edges {
		spend(e.at)
		open[e.part] += e.delta
	}
	spend(end)
	return sums
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }
