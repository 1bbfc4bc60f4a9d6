package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"sealvk/engine/profile/bench"
)

// numbers is a flag's list as llama-bench takes it: numbers and ranges, separated by commas;
// the flag may be given again for more. What is there already is not added.
type numbers struct {
	values   []int
	min, max int
	given    bool
}

// mostValues of a list; a test each.
const mostValues = 64

func (n *numbers) String() string {
	var texts []string
	for _, v := range n.values {
		texts = append(texts, strconv.Itoa(v))
	}
	return strings.Join(texts, ",")
}

func (n *numbers) Set(s string) error {
	values, err := n.parse(s)
	if err != nil {
		return err
	}
	if !n.given {
		n.values, n.given = nil, true
	}
	for _, v := range values {
		if !slices.Contains(n.values, v) {
			n.values = append(n.values, v)
		}
	}
	if len(n.values) > mostValues {
		return fmt.Errorf("want at most %d values", mostValues)
	}
	return nil
}

func (n *numbers) parse(s string) ([]int, error) {
	wrong := fmt.Errorf("want whole numbers from %d to %d separated by commas, or a range first-last, first-last+step or first-last*factor", n.min, n.max)
	var values []int
	for item := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(item, "-")
		from, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil || from < n.min || from > n.max {
			return nil, wrong
		}
		to, next := from, func(v int) int { return v + 1 }
		if isRange {
			if to, next, err = parseRange(last); err != nil || to < from || to > n.max || next(from) <= from {
				return nil, wrong
			}
		}
		for v := from; v <= to && len(values) <= mostValues; v = next(v) {
			values = append(values, v)
		}
	}
	return values, nil
}

// parseRange reads the rest of a range: last, last+step or last*factor.
func parseRange(s string) (last int, next func(int) int, err error) {
	at := strings.IndexAny(s, "+*")
	if at < 0 {
		last, err = strconv.Atoi(s)
		return last, func(v int) int { return v + 1 }, err
	}
	last, errLast := strconv.Atoi(s[:at])
	by, errBy := strconv.Atoi(s[at+1:])
	next = func(v int) int { return v + by }
	if s[at] == '*' {
		next = func(v int) int { return v * by }
	}
	return last, next, errors.Join(errLast, errBy)
}

// modelNames is a flag's list of models, separated by commas where no file has the whole as its name; may be given again.
type modelNames []string

func (m *modelNames) String() string { return strings.Join(*m, ",") }

func (m *modelNames) Set(s string) error {
	list := []string{s}
	if _, err := os.Stat(s); err != nil {
		list = strings.Split(s, ",")
	}
	if slices.Contains(list, "") {
		return errors.New("want the names of models")
	}
	for _, name := range list { // urfave/cli sets a flag with an alias twice
		if !slices.Contains(*m, name) {
			*m = append(*m, name)
		}
	}
	return nil
}

// promptGen is -pg: a prompt's tokens and those generated behind it; may be given again.
type promptGen struct {
	values []bench.Test
	max    int
}

func (g *promptGen) String() string {
	var texts []string
	for _, t := range g.values {
		texts = append(texts, fmt.Sprintf("%d,%d", t.Prompt, t.Gen))
	}
	return strings.Join(texts, " ")
}

func (g *promptGen) Set(s string) error {
	before, after, _ := strings.Cut(s, ",")
	pp, errP := strconv.Atoi(strings.TrimSpace(before))
	tg, errG := strconv.Atoi(strings.TrimSpace(after))
	if errP != nil || errG != nil || pp < 1 || tg < 1 || pp > g.max || tg > g.max || len(g.values) == mostValues {
		return fmt.Errorf("want PP,TG, two whole numbers from 1 to %d, such as 512,128", g.max)
	}
	g.values = append(g.values, bench.Test{Prompt: pp, Gen: tg})
	return nil
}

// choices is a flag's list of some of a few words, separated by commas; may be given again.
type choices struct {
	choice
	values []string
	given  bool
}

func (c *choices) String() string { return strings.Join(c.values, ",") }

func (c *choices) Set(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		if err := c.choice.Set(item); err != nil {
			return err
		}
		if !c.given {
			c.values, c.given = nil, true
		}
		if !slices.Contains(c.values, item) {
			c.values = append(c.values, item)
		}
	}
	return nil
}
