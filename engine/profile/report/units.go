package report

import (
	"math"
	"strconv"
	"strings"
)

// digits gives v with three significant digits, or all those before the point; without
// exponent down to 1e-4.
func digits(v float64) string {
	a := math.Abs(v)
	switch {
	case a == 0:
		return "0"
	case a < 1e-4 || a >= 1e15 || math.IsNaN(a):
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	_, exponent, _ := strings.Cut(strconv.FormatFloat(a, 'e', 2, 64), "e") // of the rounded value
	e, _ := strconv.Atoi(exponent)
	return strconv.FormatFloat(v, 'f', max(0, 2-e), 64)
}

// micro gives a time in µs, to a tenth.
func micro(us float64) string { return strconv.FormatFloat(us, 'f', 1, 64) }

// percent gives a share with one decimal, without the sign.
func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) }

// si gives v with a decimal prefix, "12.3 M"; the unit follows without a blank.
func si(v float64) string {
	a := math.Abs(v)
	for _, p := range []struct {
		factor float64
		prefix string
	}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if a >= 0.9995*p.factor {
			return digits(v/p.factor) + " " + p.prefix
		}
	}
	return digits(v) + " "
}

// duration gives a time in the unit that suits it.
func duration(us float64) string {
	switch a := math.Abs(us); {
	case a >= 0.9995e6:
		return digits(us/1e6) + " s"
	case a >= 0.9995e3:
		return digits(us/1e3) + " ms"
	}
	return digits(us) + " µs"
}

// axisUnit is the unit, in µs, of an axis that goes up to most µs.
func axisUnit(most float64) (unit float64, name string) {
	if most >= 1e4 {
		return 1e3, "ms"
	}
	return 1, "µs"
}

// orDash hides a zero that means "none" or "unknown".
func orDash(v float64, text func(float64) string) string {
	if v == 0 {
		return "-"
	}
	return text(v)
}

// clip shortens text to n characters.
func clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// plural is "1 step", "2 steps".
func plural(n int, noun, ending string) string {
	if n != 1 {
		noun += ending
	}
	return strconv.Itoa(n) + " " + noun
}

// wrap breaks words into lines of at most n characters where it can.
func wrap(words []string, n int) []string {
	var lines []string
	line := ""
	for _, word := range words {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > n {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
