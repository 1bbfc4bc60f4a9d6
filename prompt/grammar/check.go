package grammar

import (
	"slices"
	"strings"
)

// check refuses rules without a text of finite length and rules that begin with
// themselves, and sets g.empty and g.ranks. With them gone, whatever a state can
// read leads to a sentence, and what a state is follows in finite time.
func (g *Grammar) check() {
	finite := g.reach(true)
	for i, r := range g.rules {
		if !finite[g.starts[i]] {
			fail(r.at, "rule %s never ends: each of its alternatives needs a rule that never ends", r.name)
		}
	}
	nothing := g.reach(false)
	for _, start := range g.starts {
		g.empty = append(g.empty, nothing[start])
	}
	g.rank()
}

// reach says of each node whether its rule's end can be reached from it: by any
// text or, without characters, by the empty one.
func (g *Grammar) reach(characters bool) []bool {
	from := make([][]int32, len(g.nodes)) // node → nodes that go on with it
	callers := make([][]int32, len(g.rules))
	ruleAt := map[int32]int{} // node → the rule that starts there
	var reached []int32
	for i, n := range g.nodes {
		switch n.op {
		case leave:
			reached = append(reached, int32(i))
			continue
		case fork:
			from[n.or] = append(from[n.or], int32(i))
		case enter:
			callers[n.arg] = append(callers[n.arg], int32(i))
		}
		from[n.next] = append(from[n.next], int32(i))
	}
	for r, start := range g.starts {
		ruleAt[start] = r
	}
	yes := make([]bool, len(g.nodes))
	reach := func(i int32) {
		if !yes[i] {
			yes[i] = true
			reached = append(reached, i)
		}
	}
	for _, i := range reached {
		yes[i] = true
	}
	for len(reached) > 0 {
		i := reached[len(reached)-1]
		reached = reached[:len(reached)-1]
		for _, j := range from[i] {
			switch n := g.nodes[j]; {
			case n.op == fork, n.op == read && characters, n.op == enter && yes[g.starts[n.arg]]:
				reach(j)
			}
		}
		if r, ok := ruleAt[i]; ok {
			for _, j := range callers[r] {
				if yes[g.nodes[j].next] {
					reach(j)
				}
			}
		}
	}
	return yes
}

// rank orders the rules by what they can begin with.
func (g *Grammar) rank() {
	const unseen, open, done = 0, 1, 2
	mark := make([]byte, len(g.rules))
	g.ranks = make([]int32, len(g.rules))
	next := int32(len(g.rules))
	var path []int32
	seen := make([]bool, len(g.nodes))
	var visit func(r int32)
	visit = func(r int32) {
		mark[r] = open
		path = append(path, r)
		for _, callee := range g.beginnings(r, seen) {
			switch mark[callee] {
			case unseen:
				visit(callee)
			case open:
				g.refuse(path, callee)
			}
		}
		path = path[:len(path)-1]
		mark[r] = done
		next--
		g.ranks[r] = next
	}
	for r := range g.rules {
		if mark[r] == unseen {
			visit(int32(r))
		}
	}
}

// beginnings returns the rules that r can begin with. seen is of g's nodes.
func (g *Grammar) beginnings(r int32, seen []bool) (rules []int32) {
	for todo := []int32{g.starts[r]}; len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		switch n := g.nodes[i]; n.op {
		case fork:
			todo = append(todo, n.or, n.next)
		case enter:
			rules = append(rules, n.arg)
			if g.empty[n.arg] {
				todo = append(todo, n.next)
			}
		}
	}
	return rules
}

// refuse fails because of the rules on path from r on, each of which begins
// with the next, and the last with r.
func (g *Grammar) refuse(path []int32, r int32) {
	path = path[slices.Index(path, r):]
	var names []string
	for _, r := range path[:min(len(path), 9)] {
		names = append(names, g.rules[r].name)
	}
	if len(names) > 8 {
		names = append(names[:7], "…")
	}
	fail(g.rules[r].at, "rule %s begins with itself (%s): write its repetition with * or +, or let something stand in front of the rule",
		g.rules[r].name, strings.Join(append(names, g.rules[r].name), " → "))
}
