package schema

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxRepeat is the greatest minLength, maxLength, minItems or maxItems.
const maxRepeat = 10_000

func (b *builder) text(name string, items []item) (*expr, error) {
	least, most, err := b.sizes(items, "minLength", "maxLength", func(s *jsonschema.Schema) (*int, *int) { return s.MinLength, s.MaxLength })
	if err != nil {
		return nil, err
	}
	a, err := b.patterns(items)
	switch {
	case err != nil:
		return nil, err
	case a == nil && least == 0 && most < 0:
		return shared("string"), nil
	case a == nil:
		return inQuotes(times(shared("char"), least, most)), nil
	}
	if a, err = a.sized(least, most, b.left); err != nil {
		return nil, b.tooLong(items, err)
	}
	return a.expr(&b.grammar, name+"-t"), nil
}

// sized are the texts of a that are as long. Limits that hold for all of them cost no states.
func (a *automaton) sized(least, most int, left *budget) (*automaton, error) {
	if longest := a.longest(); longest >= 0 && longest <= most {
		most = -1
	}
	if a.shortest() >= least {
		least = 0
	}
	if least == 0 && most < 0 {
		return a, nil
	}
	l, err := lengths(least, most)
	if err != nil {
		return nil, err
	}
	return a.and(l, false, left)
}

// patterns are the texts that patterns and formats allow; nil where there are none.
func (b *builder) patterns(items []item) (*automaton, error) {
	var all *automaton
	for _, i := range items {
		at, _ := pointer(i.Schema)
		add := func(keyword string, a *automaton, err error) error {
			if err == nil {
				if all == nil {
					all = everything()
				}
				all, err = all.and(a, false, b.left)
			}
			if err != nil {
				return problem(at+"/"+keyword, "%v", err)
			}
			return nil
		}
		if i.Pattern != nil {
			a, err := matching(dialect(i.Pattern.String()), b.left)
			if err = add("pattern", a, err); err != nil {
				return nil, err
			}
		}
		if kind, ok := b.keywords(at)["format"].(string); ok && formats[kind] != "" {
			a, err := ofFormat[kind]()
			if err = add("format", a, err); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// tooLong is the error of texts under a pattern for whose lengths an automaton has too many states.
func (b *builder) tooLong(items []item, err error) error {
	at, _ := pointer(items[len(items)-1].Schema)
	return problem(at, "has minLength or maxLength beside a pattern or format, which %v", err)
}

// sizes are the least and the most of a count that all items allow; most < 0: any.
func (b *builder) sizes(items []item, least, most string, of func(*jsonschema.Schema) (lo, hi *int)) (int, int, error) {
	from, to := 0, -1
	for _, i := range items {
		at, _ := pointer(i.Schema)
		lo, hi := of(i.Schema)
		for _, n := range []struct {
			keyword string
			is      *int
		}{{least, lo}, {most, hi}} {
			if n.is != nil && (*n.is > maxRepeat || *n.is < 0) {
				return 0, 0, problem(at+"/"+n.keyword, "is more than %d, the most that can be enforced", maxRepeat)
			}
		}
		if lo != nil {
			from = max(from, *lo)
		}
		if hi != nil && (to < 0 || *hi < to) {
			to = *hi
		}
	}
	return from, to, nil
}

// words are the texts of a list.
func words(list []string) (*automaton, error) {
	a := &automaton{states: []state{{}}}
	for _, w := range slices.Compact(slices.Sorted(slices.Values(list))) {
		at := 0
		for _, r := range w { // words come in order, and so do edges
			edges := a.states[at].edges
			if n := len(edges); n > 0 && edges[n-1].lo == r {
				at = edges[n-1].to
				continue
			}
			if len(a.states) >= maxStates {
				return nil, errStates
			}
			a.states[at].edges = append(edges, edge{r, r, len(a.states)})
			at = len(a.states)
			a.states = append(a.states, state{})
		}
		a.states[at].accepts = true
	}
	return a, nil
}
