package engine

import (
	"slices"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// SpeculateAuto lets Request.Speculate follow what checks of drafts cost and give: as many
// tokens are drafted as pay, none where none do.
const SpeculateAuto = -1

// MostDrafted is the most tokens that are drafted for a step: a row is the newest token's.
const MostDrafted = shaders.DecodeRows - 1

const (
	rowCost    = 0.125           // of a step's first row: that of the second one, before it is measured
	checkAgain = 1000            // steps without drafts after which the costs of checks count as unknown
	settled    = 5 * time.Second // of decode, beside which compiling further kernels is little
	gain       = 1.05            // a check must be expected to gain this much
	unlikely   = 0.05            // tokens less likely are not drafted
)

// guess chooses how many tokens to draft for each active answer and reports whether there are
// any: as many as are asked for, or as raise the tokens per time that the next step can be
// expected to give. Of the latter kind are only steps whose rows are a power of two, which
// kernels fill. What a lone answer's steps take is what they take by its faster kernels, where it has such:
// a check must gain over those.
func (b *batch) guess() bool {
	n, most := len(b.active), b.m.plan.rows
	fixed, auto := n, false
	for _, a := range b.active {
		a.draft, a.trial, a.reach = 0, 0, 1
		switch {
		case a.room() == 0 || a.request.draft == nil && !a.drafter.Knows():
		case a.request.Speculate < 0:
			auto = true
		default:
			a.draft = min(a.request.Speculate, a.room(), most-fixed)
			fixed += a.draft
		}
	}
	if fixed > n || !auto || b.m.decode.plans[b.m.class(n)].took == 0 {
		return fixed > n
	}
	expected, found := float64(n), false
	best := gain * expected / b.m.stepCost(b.m.class(n))
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
		if p := a.reach * a.drafter.Chance(a.trial); p > chance {
			likeliest, chance = a, p
		}
	}
	return likeliest, chance
}

// room is the number of tokens that may be drafted: the step gives one more. What may follow a draft is known only
// once the draft is, so that masked answers have none.
func (a *answer) room() int {
	if a.err != nil || a.request.Mask != nil {
		return 0
	}
	return max(0, a.total-len(a.result.Tokens)-1)
}

// drafted is the tokens that the answer wants checked, or, of one that was put back, computed again.
func (a *answer) drafted() []int32 {
	switch {
	case a.draft == 0:
		return nil
	case a.behind() > 0:
		return a.result.Tokens[a.computed+1:][:a.draft]
	case a.request.draft != nil:
		return a.request.draft(slices.Concat(a.request.Prompt, a.result.Tokens), a.draft)
	}
	return a.drafter.Draft(a.draft)
}

// quick reports whether a step of a class of n rows costs no time to prepare that its answer may not win
// back: its kernels are built, or would be among much else.
func (m *Model) quick(n int) bool {
	return m.decode.plans[n].samples > 0 || m.decode.spent > settled && !m.building.failed() ||
		len(m.kernels.Missing(func(c *vk.Commands) { m.decodeDispatches(c, n) })) == 0
}

// stepCost is the seconds that a step of a class of n rows takes: as measured, or estimated from steps of
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
