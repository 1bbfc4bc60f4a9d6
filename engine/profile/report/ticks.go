package report

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// evenly marks a linear axis at about ten round values.
type evenly struct{}

func (evenly) Ticks(low, high float64) (ticks []plot.Tick) {
	if !(high > low) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/10)))
	for _, f := range []float64{2, 2.5, 2} { // 1, 2, 5, 10
		if (high-low)/step <= 12 {
			break
		}
		step *= f
	}
	for i := math.Ceil(low/step - 1e-9); i*step <= high*(1+1e-9); i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: round(i * step)})
	}
	return ticks
}

// decades marks the powers of ten of a logarithmic axis, and two to nine times each
// without a label.
type decades struct{}

func (decades) Ticks(low, high float64) (ticks []plot.Tick) {
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for i := 1.0; i < 10; i++ {
			tick := plot.Tick{Value: i * math.Pow(10, e)}
			if i == 1 {
				tick.Label = decade(int(e))
			}
			if tick.Value >= low*(1-1e-9) && tick.Value <= high*(1+1e-9) {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// decade is 10 to the power e, "100 k".
func decade(e int) string {
	if e < 0 {
		return round(math.Pow(10, float64(e)))
	}
	prefix := min(e/3, len(prefixes)-1)
	return strings.TrimSpace(round(math.Pow(10, float64(e-3*prefix))) + " " + prefixes[prefix])
}

var prefixes = []string{"", "k", "M", "G", "T", "P"}

// round gives a round value without the error of its computation.
func round(v float64) string {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 10, 64), 64)
	return strconv.FormatFloat(v+0, 'f', -1, 64) // -0 + 0 is 0
}
