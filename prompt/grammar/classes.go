package grammar

import (
	"cmp"
	"errors"
	"slices"
)

// class is a number of characters that every set of a grammar holds all or none
// of, so that it is enough to know what follows one of them. Class 0 are those
// that no set holds.
type class uint16

const (
	maxClasses = 1 << 14
	maxMembers = 1 << 19 // classes of sets, counted before equal ones are joined
)

// classes divides the characters by sets.
type classes struct {
	from []rune    // where a new class begins; the first is 0
	of   []class   // that begins there
	in   [][]class // set → its classes, in order
	n    int       // classes
}

// divide returns the classes of sets.
func divide(sets []chars) (*classes, error) {
	c := &classes{from: []rune{0}}
	for _, set := range sets {
		for _, s := range set {
			c.from = append(c.from, s.lo, s.hi+1)
		}
	}
	slices.Sort(c.from)
	c.from = slices.Compact(c.from)
	// Each set in turn parts what it holds of a class from what it doesn't.
	parts := make([]int32, len(c.from))
	last, members := int32(0), 0
	for _, set := range sets {
		renamed := map[int32]int32{}
		for _, s := range set {
			i, _ := slices.BinarySearch(c.from, s.lo)
			for ; i < len(c.from) && c.from[i] <= s.hi; i++ {
				if members++; members > maxMembers {
					return nil, errors.New("the sets of characters [...] overlap in too many ways")
				}
				name, ok := renamed[parts[i]]
				if !ok {
					last++
					name = last
					renamed[parts[i]] = name
				}
				parts[i] = name
			}
		}
	}
	names := map[int32]class{0: 0}
	for _, part := range parts {
		name, ok := names[part]
		if !ok {
			name = class(len(names))
			if len(names) >= maxClasses {
				return nil, errors.New("too many characters are told apart; use sets of characters [...]")
			}
			names[part] = name
		}
		c.of = append(c.of, name)
	}
	c.n = len(names)
	for _, set := range sets {
		var in []class
		for _, s := range set {
			i, _ := slices.BinarySearch(c.from, s.lo)
			for ; i < len(c.from) && c.from[i] <= s.hi; i++ {
				in = append(in, c.of[i])
			}
		}
		slices.Sort(in)
		c.in = append(c.in, slices.Compact(in))
	}
	return c, nil
}

// find returns the class of a character.
func (c *classes) find(r rune) class {
	i, found := slices.BinarySearchFunc(c.from, r, func(from, r rune) int { return cmp.Compare(from, r) })
	if !found {
		i--
	}
	return c.of[i]
}

// findAll returns the classes of characters that are in order.
func (c *classes) findAll(in []rune) []class {
	of := make([]class, len(in))
	k := 0
	for i, r := range in {
		for k+1 < len(c.from) && c.from[k+1] <= r {
			k++
		}
		of[i] = c.of[k]
	}
	return of
}

// has says whether set holds the characters of k.
func (c *classes) has(set int32, k class) bool {
	_, found := slices.BinarySearch(c.in[set], k)
	return found
}

// overlap is how much of a set's characters another has.
type overlap uint8

const (
	none overlap = iota
	some
	all
)

// overlaps returns how much of a set's characters each set has.
func (c *classes) overlaps(set int32) []overlap {
	in := make([]bool, c.n)
	for _, k := range c.in[set] {
		in[k] = true
	}
	overlaps := make([]overlap, len(c.in))
	for other, classes := range c.in {
		shared := 0
		for _, k := range classes {
			if in[k] {
				shared++
			}
		}
		switch shared {
		case 0:
		case len(c.in[set]):
			overlaps[other] = all
		default:
			overlaps[other] = some
		}
	}
	return overlaps
}
