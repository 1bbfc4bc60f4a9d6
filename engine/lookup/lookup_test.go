package lookup

import (
	"math"
	"slices"
	"testing"
)

func TestDrafter(t *testing.T) {
	d := func(ids ...int32) *Drafter {
		var d Drafter
		d.Begin(ids, 10)
		return &d
	}
	for _, c := range []struct {
		ids   []int32
		match int
		draft []int32 // of 4
	}{
		{[]int32{1, 2, 3, 4, 5}, 0, nil},
		{[]int32{1, 2, 3, 4, 9, 2}, 0, nil}, // one id is no match
		{[]int32{1, 2, 3, 4, 5, 6, 9, 1, 2}, 2, []int32{3, 4, 5, 6}},
		{[]int32{1, 2, 7, 1, 2, 8, 1, 2}, 2, []int32{8, 1, 2, 8}},          // the later one, and its period
		{[]int32{0, 1, 2, 7, 5, 1, 2, 8, 0, 1, 2}, 3, []int32{7, 5, 1, 2}}, // the longer one
		{[]int32{4, 4, 4}, 2, []int32{4, 4, 4, 4}},
	} {
		d := d(c.ids...)
		if got := d.Draft(4); d.match != c.match || !slices.Equal(got, c.draft) {
			t.Errorf("%v: match of %d, draft %v, want %d, %v", c.ids, d.match, got, c.match, c.draft)
		}
	}

	copying := d(1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2)
	before := copying.Chance(0)
	for id := int32(3); id < 8; id++ {
		copying.Push(id)
	}
	if copying.match != 7 || copying.Chance(0) <= before || !slices.Equal(copying.Draft(2), []int32{8, 9}) {
		t.Errorf("while it is right: match of %d, chance %v, draft %v", copying.match, copying.Chance(0), copying.Draft(2))
	}
	misled := d(1, 2, 3, 1, 2)
	before = misled.Chance(0)
	misled.Push(9)
	if misled.next != 0 || misled.Draft(3) != nil {
		t.Errorf("after a wrong guess: %+v", misled)
	}
	for _, id := range []int32{1, 2} {
		misled.Push(id)
	}
	if misled.Chance(0) >= before || !slices.Equal(misled.Draft(1), []int32{9}) {
		t.Errorf("chance %v, before a wrong guess %v, draft %v", misled.Chance(0), before, misled.Draft(1))
	}
}

// By hand: at first a match of n ids, from 8 on all alike, is as good as four tries of which 1.5 / n
// were wrong; each guess then counts 1, and those before it a twentieth less.
func TestChance(t *testing.T) {
	var d Drafter
	d.Begin([]int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2}, 10)
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) < 1e-12) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("the first guess", d.Chance(0), 1-1.5/2)
	near("the second", d.Chance(1), 1-1.5/3)
	near("the seventh", d.Chance(6), 1-1.5/8)
	near("the eighth", d.Chance(7), 1-1.5/8)
	d.Push(3)
	near("what is known of two ids", d.Right[2]/d.Tries[2], (0.95*4*(1-1.5/2)+1)/(0.95*4+1))
	d.Push(9)
	near("of three, after a wrong guess", d.Right[3]/d.Tries[3], 0.95*4*(1-1.5/3)/(0.95*4+1))
	near("nothing known", d.Chance(0), 0)
}
