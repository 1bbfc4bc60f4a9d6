// Package lookup guesses how a text goes on from what stands in it already: prompt lookup
// decoding, https://github.com/apoorvumang/prompt-lookup-decoding. It needs no model and no device.
package lookup

import "slices"

// Drafter guesses that an answer goes on as the text went on where it last read the same. It
// scores its guesses whether they are checked or not, so that it costs nothing to learn when they
// are good.
type Drafter struct {
	ids   []int32 // prompt and answer
	next  int     // ids[next:] is what came the last time; 0: there is no such time
	match int     // ids in front of next that are also the last ones

	// Right of Tries guesses were right, by the ids that agreed; those of long ago count less.
	Right, Tries [longMatch + 1]float64
}

const (
	shortMatch = 2 // ids that must agree
	longMatch  = 8 // from here on all matches count as equal
	forgetting = 0.95
)

// Begin takes the prompt of an answer of up to so many tokens.
func (d *Drafter) Begin(prompt []int32, total int) {
	*d = Drafter{ids: append(make([]int32, 0, len(prompt)+min(total, 4096)), prompt...)}
	for i := shortMatch; i <= longMatch; i++ { // as good as four tries that say so
		d.Tries[i] = 4
		d.Right[i] = 4 * (1 - 1.5/float64(i))
	}
	d.lookup()
}

// Active reports whether Begin was called.
func (d *Drafter) Active() bool { return d.ids != nil }

// Knows reports whether there is anything to guess by.
func (d *Drafter) Knows() bool { return d.next > 0 }

// Push takes the answer's next token.
func (d *Drafter) Push(id int32) {
	if !d.Active() {
		return
	}
	if d.next > 0 {
		i := min(d.match, longMatch)
		d.Tries[i] = forgetting*d.Tries[i] + 1
		d.Right[i] *= forgetting
		if d.ids[d.next] == id {
			d.Right[i]++
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
func (d *Drafter) lookup() {
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

// Draft guesses n tokens; nil if it knows nothing. Past the end of the text, its period goes on.
func (d *Drafter) Draft(n int) []int32 {
	if !d.Knows() {
		return nil
	}
	guess := slices.Clone(d.ids[d.next:min(d.next+n, len(d.ids))])
	for period := len(guess); len(guess) < n; {
		guess = append(guess, guess[len(guess)-period])
	}
	return guess
}

// Chance is the probability that the guess behind n right ones is right as well.
func (d *Drafter) Chance(n int) float64 {
	if !d.Knows() {
		return 0
	}
	i := min(d.match+n, longMatch)
	return d.Right[i] / d.Tries[i]
}
