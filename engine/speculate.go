package engine

import (
	"slices"
	"time"

	"sealvk/shaders"
)

// SpeculateAuto lets Request.Speculate follow what checks of drafts cost and give: as many
// tokens are drafted as pay, none where none do.
const SpeculateAuto = -1

// MostDrafted is the most tokens that are drafted for a step: a row is the newest token's.
const MostDrafted = shaders.DecodeRows - 1

// A drafter guesses that an answer goes on as the text went on where it last read the same,
// which needs no model: prompt lookup decoding, https://github.com/apoorvumang/prompt-lookup-decoding.
// It scores its guesses whether they are checked or not, so that it costs nothing to learn
// when they are good.
type drafter struct {
	ids   []int32 // prompt and answer
	next  int     // ids[next:] is what came the last time; 0: there is no such time
	match int     // ids in front of next that are also the last ones
	right [longMatch + 1]float64
	tries [longMatch + 1]float64 // by match
}

const (
	shortMatch = 2 // ids that must agree
	longMatch  = 8 // from here on all matches count as equal
	forgetting = 0.95
	rowCost    = 0.125           // of a step's first row: that of the second one, before it is measured
	checkAgain = 1000            // steps without drafts after which the costs of checks count as unknown
	settled    = 5 * time.Second // of decode, beside which compiling further kernels is little
)

// begin takes the prompt of an answer of up to so many tokens.
func (d *drafter) begin(prompt []int32, total int) {
	*d = drafter{ids: append(make([]int32, 0, len(prompt)+min(total, 4096)), prompt...)}
	for i := shortMatch; i <= longMatch; i++ { // as good as four tries that say so
		d.tries[i] = 4
		d.right[i] = 4 * (1 - 1.5/float64(i))
	}
	d.lookup()
}

// active reports whether begin was called.
func (d *drafter) active() bool { return d.ids != nil }

// push takes the answer's next token.
func (d *drafter) push(id int32) {
	if !d.active() {
		return
	}
	if d.next > 0 {
		i := min(d.match, longMatch)
		d.tries[i] = forgetting*d.tries[i] + 1
		d.right[i] *= forgetting
		if d.ids[d.next] == id {
			d.right[i]++
			d.next++
			d.match++
		} else {
			d.next = 0
		}
	}
	d.ids = append(d.ids, id)
	if d.next == 0 {
		d.lookup()
	}
}

// lookup finds the longest of the matches with the last ids, and of those the last one.
func (d *drafter) lookup() {
	d.next, d.match = 0, 0
	end := len(d.ids)
	for next := end - 1; next >= shortMatch && d.match < longMatch; next-- {
		n := 0
		for n < longMatch && n < next && d.ids[next-1-n] == d.ids[end-1-n] {
			n++
		}
		if n >= shortMatch && n > d.match {
			d.next, d.match = next, n
		}
	}
}

// draft guesses n tokens; nil if it knows nothing. Past the end of the text, its period goes on.
func (d *drafter) draft(n int) []int32 {
	if d.next == 0 {
		return nil
	}
	guess := slices.Clone(d.ids[d.next:min(d.next+n, len(d.ids))])
	for period := len(guess); len(guess) < n; {
		guess = append(guess, guess[len(guess)-period])
	}
	return guess
}

// chance is the probability that the guess behind n right ones is right as well.
func (d *drafter) chance(n int) float64 {
	if d.next == 0 {
		return 0
	}
	i := min(d.match+n, longMatch)
	return d.right[i] / d.tries[i]
}

// A check must be expected to gain this much, and tokens less likely than unlikely are not drafted.
const (
	gain     = 1.05
	unlikely = 0.05
)

// guess chooses how many tokens to draft for each active answer and reports whether there are
// any: as many as are asked for, or as raise the tokens per time that the next step can be
// expected to give. Of the latter kind are only steps whose rows are a power of two, which
// kernels fill.
func (b *batch) guess() bool {
	n, most := len(b.active), b.m.plan.rows
	fixed, auto := n, false
	for _, a := range b.active {
		a.draft, a.trial, a.reach = 0, 0, 1
		switch {
		case a.room() == 0 || a.request.draft == nil && a.drafter.next == 0:
		case a.request.Speculate < 0:
			auto = true
		default:
			a.draft = min(a.request.Speculate, a.room(), most-fixed)
			fixed += a.draft
		}
	}
	if fixed > n || !auto || b.m.decode.plans[n].took == 0 {
		return fixed > n
	}
	expected, found := float64(n), false
	best := gain * expected / b.m.stepCost(n)
	for rows := n + 1; rows <= most; rows++ {
		a, chance := b.likeliest()
		if a == nil {
			break
		}
		a.trial++
		a.reach = chance
		expected += chance
		if rows&(rows-1) != 0 {
			continue
		}
		if rate := expected / b.m.stepCost(rows); rate > best && b.m.quick(rows) {
			best, found = rate, true
			for _, a := range b.active {
				a.draft = a.trial
			}
		}
	}
	return found
}

// likeliest is the answer whose next guess is right with the highest probability; nil if
// none is likely.
func (b *batch) likeliest() (likeliest *answer, chance float64) {
	chance = unlikely
	for _, a := range b.active {
		if a.request.Speculate >= 0 || a.trial >= a.room() {
			continue
		}
		if p := a.reach * a.drafter.chance(a.trial); p > chance {
			likeliest, chance = a, p
		}
	}
	return likeliest, chance
}

// room is the number of tokens that may be drafted: the step gives one more.
func (a *answer) room() int {
	if a.err != nil {
		return 0
	}
	return max(0, a.total-len(a.result.Tokens)-1)
}

// drafted is the tokens that the answer wants checked.
func (a *answer) drafted() []int32 {
	switch {
	case a.draft == 0:
		return nil
	case a.request.draft != nil:
		return a.request.draft(a.drafter.ids, a.draft)
	}
	return a.drafter.draft(a.draft)
}

// quick reports whether a step of n rows costs no time to prepare that its answer may not win
// back: its kernels are built, or would be among much else.
func (m *Model) quick(n int) bool {
	return m.kernels.Built(n) || m.decode.plans[n].samples > 0 || m.decode.spent > settled
}

// stepCost is the seconds that a step of n rows takes: as measured, or estimated from steps of
// fewer rows. What was measured only once, or long ago, may have been disturbed: the estimate
// holds where it is less.
func (m *Model) stepCost(n int) float64 {
	d := &m.decode
	p := &d.plans[n]
	known := p.took.Seconds()
	if p.samples > 1 && d.plain-d.checked < checkAgain {
		return known
	}
	fewer := n - 1
	for fewer > 0 && d.plans[fewer].took == 0 {
		fewer--
	}
	if fewer == 0 {
		return known
	}
	slope := rowCost * d.plans[fewer].took.Seconds()
	for i := fewer - 1; i > 0; i-- {
		if d.plans[i].took > 0 {
			slope = max(0, (d.plans[fewer].took-d.plans[i].took).Seconds()/float64(fewer-i))
			break
		}
	}
	estimate := d.plans[fewer].took.Seconds() + slope*float64(n-fewer)
	if known > 0 {
		return min(known, estimate)
	}
	return estimate
}
