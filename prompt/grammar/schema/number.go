package schema

import (
	"math/big"
)

// bounds are the ends of the numbers that all items allow, and the digits behind the point.
func (b *builder) bounds(items []item) (lo, hi end, places int, err error) {
	places = fractionDigits
	tighten := func(into *end, at *big.Rat, exclusive bool, sign int) {
		if at == nil {
			return
		}
		c := 0
		if into.at != nil {
			c = at.Cmp(into.at) * sign
		}
		if into.at == nil || c > 0 || c == 0 && exclusive {
			*into = end{at, exclusive}
		}
	}
	for _, i := range items {
		tighten(&lo, i.Minimum, false, 1)
		tighten(&lo, i.ExclusiveMinimum, true, 1)
		tighten(&hi, i.Maximum, false, -1)
		tighten(&hi, i.ExclusiveMaximum, true, -1)
		if i.MultipleOf != nil {
			n, ok := decimalPlaces(i.MultipleOf)
			if !ok {
				at, _ := pointer(i.Schema)
				return lo, hi, 0, problem(at+"/multipleOf", "can't be enforced by a grammar; 1, 0.1, 0.01 and so on can")
			}
			places = min(places, n)
		}
	}
	return lo, hi, places, nil
}

// decimalPlaces is n where x is 10 to the -n.
func decimalPlaces(x *big.Rat) (n int, ok bool) {
	for ; n <= fractionDigits; n++ {
		if x.Cmp(new(big.Rat).SetFrac(one(), power(n))) == 0 {
			return n, true
		}
	}
	return 0, false
}

func (b *builder) number(name string, items []item) (*expr, error) {
	lo, hi, places, err := b.bounds(items)
	switch {
	case err != nil:
		return nil, err
	case places == 0:
		return b.integer(name, items)
	case lo.at == nil && hi.at == nil && places == fractionDigits:
		return shared("number"), nil
	}
	return decimals(lo, hi, places), nil
}

func (b *builder) integer(name string, items []item) (*expr, error) {
	lo, hi, _, err := b.bounds(items)
	if err != nil {
		return nil, err
	}
	var least, most *big.Int
	if lo.at != nil {
		least = floor(lo.at)
		if !lo.at.IsInt() || lo.exclusive {
			least.Add(least, one())
		}
	}
	if hi.at != nil {
		most = floor(hi.at)
		if hi.at.IsInt() && hi.exclusive {
			most.Sub(most, one())
		}
	}
	if least != nil && most != nil && least.Cmp(most) > 0 {
		return never, nil
	}
	return wholes(least, most), nil
}
