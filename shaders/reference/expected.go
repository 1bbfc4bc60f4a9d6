package reference

import (
	"fmt"
	"math"
)

// Expected is what a kernel must give.
type Expected struct {
	Values    []float64
	Tolerance []float64 // of each value: how far f32 arithmetic may end up from it
}

// Mismatch is a value of a kernel that is too far from the reference, or no number.
type Mismatch struct {
	Index                     int
	Got, Want, Off, Tolerance float64
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("%v, the reference has %v (off by %.3g, allowed %.3g)", m.Got, m.Want, m.Off, m.Tolerance)
}

// Check finds the first value that is beyond its tolerance, nil if there is none. NaN is
// beyond every tolerance.
func (e *Expected) Check(got []float32) *Mismatch {
	for i, want := range e.Values {
		g := float64(got[i])
		if off := math.Abs(g - want); !(off <= e.Tolerance[i] || g == want) { // equal infinities differ by NaN
			return &Mismatch{i, g, want, off, e.Tolerance[i]}
		}
	}
	return nil
}

func (e *Expected) add(value, tolerance float64) {
	e.Values, e.Tolerance = append(e.Values, value), append(e.Tolerance, tolerance)
}

// relative adds a value that is right to eps of its size, or of 1/1000 if it is smaller.
func (e *Expected) relative(value, eps float64) { e.add(value, eps*(1e-3+math.Abs(value))) }

// Append adds the values of another.
func (e *Expected) Append(o Expected) {
	e.Values, e.Tolerance = append(e.Values, o.Values...), append(e.Tolerance, o.Tolerance...)
}

// Reordered is the values in another order: the one at i is that at from(i).
func (e Expected) Reordered(from func(i int) int) Expected {
	r := Expected{make([]float64, len(e.Values)), make([]float64, len(e.Tolerance))}
	for i := range r.Values {
		r.Values[i], r.Tolerance[i] = e.Values[from(i)], e.Tolerance[from(i)]
	}
	return r
}

// Plus is the sum of e and values.
func (e Expected) Plus(values []float32) Expected {
	var sum Expected
	for i, v := range values {
		s := e.Values[i] + float64(v)
		sum.add(s, e.Tolerance[i]+rounding*max(math.Abs(float64(v)), math.Abs(s)))
	}
	return sum
}

// Times is the products of e and values.
func (e Expected) Times(values []float32) Expected {
	var p Expected
	for i, v := range values {
		f := math.Abs(float64(v))
		p.add(e.Values[i]*float64(v), e.Tolerance[i]*f+rounding*math.Abs(e.Values[i])*f)
	}
	return p
}

// Scaled is e times a factor.
func (e Expected) Scaled(factor float64) Expected {
	var p Expected
	for i, v := range e.Values {
		p.add(v*factor, (e.Tolerance[i]+rounding*math.Abs(v))*math.Abs(factor))
	}
	return p
}

// Part is n of the values.
func (e Expected) Part(first, n int) Expected {
	return Expected{e.Values[first:][:n], e.Tolerance[first:][:n]}
}
