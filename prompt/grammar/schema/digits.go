package schema

import (
	"fmt"
	"math/big"
	"strings"
)

// The digits of numbers in a range. A number is compared with an end of the range from its first
// digit on: as long as they are equal it is tight to that end, and free of it afterwards.

const (
	wholeDigits    = 15 // such whole numbers are exact in a float64
	fractionDigits = 15
)

// power is 10 to the n.
func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func one() *big.Int { return big.NewInt(1) }

// wholes are the whole numbers from lo to hi; nil: as far as there are digits.
func wholes(lo, hi *big.Int) *expr {
	if lo == nil && hi == nil {
		return shared("integer")
	}
	if lo == nil {
		lo = new(big.Int).Neg(beyond(hi))
	}
	if hi == nil {
		hi = beyond(lo)
	}
	var parts []*expr
	if lo.Sign() < 0 {
		top := new(big.Int).Neg(hi)
		if top.Sign() <= 0 {
			top = one()
		}
		if low := new(big.Int).Neg(lo); low.Cmp(top) >= 0 {
			parts = append(parts, seq(text("-"), natural(top, low)))
		}
	}
	if hi.Sign() >= 0 {
		if lo.Sign() < 0 {
			lo = new(big.Int)
		}
		if lo.Cmp(hi) <= 0 {
			parts = append(parts, natural(lo, hi))
		}
	}
	return oneOf(parts...)
}

// beyond is the greatest number of as many digits as x has, and of wholeDigits at least.
func beyond(x *big.Int) *big.Int {
	n := max(wholeDigits, len(new(big.Int).Abs(x).String()))
	return new(big.Int).Sub(power(n), one())
}

// natural are the numbers from lo to hi, 0 <= lo <= hi.
func natural(lo, hi *big.Int) *expr {
	var parts []*expr
	from, to := len(lo.String()), len(hi.String())
	full := 0 // lengths in front of this one all of whose numbers are in the range
	flush := func(n int) {
		if full > 0 {
			parts = append(parts, seq(classOf("[1-9]"), times(classOf("[0-9]"), n-full-1, n-2)))
			full = 0
		}
	}
	for n := from; n <= to; n++ {
		least, most := power(n-1), new(big.Int).Sub(power(n), one())
		if n == 1 {
			if lo.Sign() == 0 {
				parts = append(parts, text("0"))
			}
			if hi.Sign() == 0 {
				break
			}
		}
		if lo.Cmp(least) <= 0 && hi.Cmp(most) >= 0 {
			full++
			continue
		}
		flush(n)
		if lo.Cmp(least) > 0 {
			least = lo
		}
		if hi.Cmp(most) < 0 {
			most = hi
		}
		parts = append(parts, between(least.String(), most.String()))
	}
	flush(to + 1)
	return oneOf(parts...)
}

// between are the digits from lo to hi, which are of one length.
func between(lo, hi string) *expr {
	n := len(lo)
	switch {
	case n == 0:
		return empty
	case strings.Trim(lo, "0") == "" && strings.Trim(hi, "9") == "":
		return times(classOf("[0-9]"), n, n)
	case lo[0] == hi[0]:
		return seq(text(lo[:1]), between(lo[1:], hi[1:]))
	}
	var parts []*expr
	first, last := lo[0], hi[0]
	if strings.Trim(lo[1:], "0") != "" {
		parts = append(parts, seq(text(lo[:1]), between(lo[1:], strings.Repeat("9", n-1))))
		first++
	}
	var tail *expr
	if strings.Trim(hi[1:], "9") != "" {
		tail = seq(text(hi[:1]), between(strings.Repeat("0", n-1), hi[1:]))
		last--
	}
	if first <= last {
		parts = append(parts, seq(digit(first, last), times(classOf("[0-9]"), n-1, n-1)))
	}
	if tail != nil {
		parts = append(parts, tail)
	}
	return oneOf(parts...)
}

func digit(from, to byte) *expr {
	if from == to {
		return text(string(from))
	}
	return classOf(fmt.Sprintf("[%c-%c]", from, to))
}

// end is one of a range of numbers.
type end struct {
	at        *big.Rat // nil: none
	exclusive bool
}

// decimals are the numbers between two ends with at most places digits behind the point, without
// an exponent.
func decimals(lo, hi end, places int) *expr {
	if lo.at == nil && hi.at == nil || lo.at == nil && hi.at.Sign() > 0 || hi.at == nil && lo.at.Sign() < 0 {
		if lo.at == nil {
			lo.at = new(big.Rat).SetInt(new(big.Int).Neg(power(wholeDigits)))
		}
		if hi.at == nil {
			hi.at = new(big.Rat).SetInt(power(wholeDigits))
		}
	}
	if lo.at == nil {
		lo.at = new(big.Rat).SetInt(new(big.Int).Neg(beyond(floor(hi.at))))
	}
	if hi.at == nil {
		hi.at = new(big.Rat).SetInt(beyond(floor(lo.at)))
	}
	var parts []*expr
	if lo.at.Sign() < 0 {
		from, to := end{new(big.Rat).Neg(hi.at), hi.exclusive}, end{new(big.Rat).Neg(lo.at), lo.exclusive}
		if from.at.Sign() <= 0 { // 0 is no negative number
			from = end{new(big.Rat), true}
		}
		parts = append(parts, seq(text("-"), positive(from, to, places)))
	}
	if hi.at.Sign() >= 0 {
		if lo.at.Sign() < 0 {
			lo = end{new(big.Rat), false}
		}
		parts = append(parts, positive(lo, hi, places))
	}
	return oneOf(parts...)
}

func floor(x *big.Rat) *big.Int { return new(big.Int).Div(x.Num(), x.Denom()) } // Euclid's, of a positive divisor

// positive are those of decimals from 0 on.
func positive(lo, hi end, places int) *expr {
	if c := lo.at.Cmp(hi.at); c > 0 || c == 0 && (lo.exclusive || hi.exclusive) {
		return never
	}
	first, last := floor(lo.at), floor(hi.at)
	low, high := fractionOf(lo), fractionOf(hi)
	if first.Cmp(last) == 0 {
		return seq(text(first.String()), fractions(low, high, places))
	}
	parts := []*expr{seq(text(first.String()), fractions(low, free, places))}
	if a, b := new(big.Int).Add(first, one()), new(big.Int).Sub(last, one()); a.Cmp(b) <= 0 {
		parts = append(parts, seq(natural(a, b), fractions(free, free, places)))
	}
	return oneOf(append(parts, seq(text(last.String()), fractions(free, high, places)))...)
}

// limit is an end that the digits so far are tight to; digits are those of the end that are still
// to come, behind which are zeros.
type limit struct {
	tight     bool
	digits    string
	exclusive bool
}

var free limit

// fractionOf is an end's part behind the point. JSON's numbers have a last digit.
func fractionOf(e end) limit {
	n, _ := e.at.FloatPrec()
	digits := e.at.FloatString(n)
	_, fraction, _ := strings.Cut(digits, ".")
	return limit{true, strings.TrimRight(fraction, "0"), e.exclusive}
}

// next is the digit of the end at this place, and the limit behind it.
func (l limit) next() (byte, limit) {
	if l.digits == "" {
		return '0', l
	}
	return l.digits[0], limit{true, l.digits[1:], l.exclusive}
}

// fractions are the point and what follows, or nothing.
func fractions(lo, hi limit, places int) *expr {
	digits := never
	if places > 0 {
		digits = seq(text("."), fraction(lo, hi, places))
	}
	if ends(lo, hi) {
		return optional(digits)
	}
	return digits
}

// ends is whether a number may end here: its further digits are zeros.
func ends(lo, hi limit) bool {
	return (!lo.tight || lo.digits == "" && !lo.exclusive) && (!hi.tight || hi.digits != "" || !hi.exclusive)
}

// fraction is at least one digit, at most left.
func fraction(lo, hi limit, left int) *expr {
	if lo.tight && lo.digits == "" && !lo.exclusive {
		lo = free // zeros are at that end, and all else beyond
	}
	switch {
	case left == 0 || hi.tight && hi.digits == "": // zeros, which add nothing, or less
		return never
	case !lo.tight && !hi.tight:
		return times(classOf("[0-9]"), 1, left)
	}
	from, to := byte('0'), byte('9')
	low, high := free, free
	if lo.tight {
		from, low = lo.next()
	}
	if hi.tight {
		to, high = hi.next()
	}
	if from > to {
		return never
	}
	then := func(d byte, lo, hi limit) *expr {
		more := fraction(lo, hi, left-1)
		if ends(lo, hi) {
			more = optional(more)
		}
		return seq(digit(d, d), more)
	}
	if lo.tight && hi.tight && from == to {
		return then(from, low, high)
	}
	var parts []*expr
	if lo.tight {
		parts = append(parts, then(from, low, free))
		from++
	}
	if hi.tight {
		to--
	}
	if from <= to && from <= '9' {
		parts = append(parts, seq(digit(from, to), times(classOf("[0-9]"), 0, left-1)))
	}
	if hi.tight {
		parts = append(parts, then(to+1, free, high))
	}
	return oneOf(parts...)
}
