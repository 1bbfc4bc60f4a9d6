package engine

import "strings"

// stopMatcher lets text through up to the first stop string. What may be the
// beginning of one is withheld until it is clear.
type stopMatcher struct {
	stops    []string
	withheld string
}

// push takes the next piece of text and returns what may be shown, and whether
// a stop string was met; the stop string and what follows it are dropped.
func (m *stopMatcher) push(text string) (show string, stopped bool) {
	m.withheld += text
	first := -1
	for _, s := range m.stops {
		if i := strings.Index(m.withheld, s); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	if first >= 0 {
		show, m.withheld = m.withheld[:first], ""
		return show, true
	}
	keep := 0
	for _, s := range m.stops {
		for n := min(len(s)-1, len(m.withheld)); n > keep; n-- {
			if strings.HasSuffix(m.withheld, s[:n]) {
				keep = n
				break
			}
		}
	}
	cut := len(m.withheld) - keep
	show, m.withheld = m.withheld[:cut], m.withheld[cut:]
	return show, false
}

// flush returns what is still withheld: the text has ended.
func (m *stopMatcher) flush() string {
	rest := m.withheld
	m.withheld = ""
	return rest
}
