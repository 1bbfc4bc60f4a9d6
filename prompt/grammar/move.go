package grammar

import (
	"cmp"
	"container/heap"
	"slices"
)

// move is a state in the making: what a character leads to. It is in two
// halves, so that stacks that meet are joined before anything is built on them,
// and a text that can be read in many ways stays cheap. First come the nodes
// behind the character, with the rules that end there and what follows their
// callers; then the rules that begin, callers before what they call.
type move struct {
	at       []*stacks // node → stacks that may be below it; nil: not reached
	touched  []int32   // nodes that were reached
	todo     []int32   // nodes to go on from
	entered  []*stacks // rule → stacks below its start
	begun    ruleHeap  // rules that are entered
	complete bool
}

// follow returns the state behind s by a character of class k; nil: the budget
// is used up.
func (a *automaton) follow(s *state, k class, b *budget) *state {
	for _, i := range s.items {
		b.spend(1)
		if n := a.g.nodes[i.node]; a.g.classes.has(n.arg, k) {
			a.reach(n.next, i.below, b)
		}
	}
	a.end(b)
	for _, i := range a.touched {
		if n := a.g.nodes[i]; n.op == enter {
			a.call(n, a.at[i], b)
		}
	}
	a.begin(b)
	t := a.arrive()
	if *b <= 0 {
		return nil
	}
	return t
}

// reach adds stacks below a node, and the node to those to go on from if that
// is new.
func (a *automaton) reach(node int32, below *stacks, b *budget) {
	was := a.at[node]
	now := a.union(was, below, b)
	if now == was {
		return
	}
	if was == nil {
		a.touched = append(a.touched, node)
	}
	a.at[node] = now
	a.todo = append(a.todo, node)
}

// end goes on from the nodes behind a character through ends of rules.
func (a *automaton) end(b *budget) {
	for len(a.todo) > 0 && b.spend(1) {
		i := a.todo[len(a.todo)-1]
		a.todo = a.todo[:len(a.todo)-1]
		switch n := a.g.nodes[i]; n.op {
		case fork:
			a.reach(n.next, a.at[i], b)
			a.reach(n.or, a.at[i], b)
		case enter:
			if a.g.empty[n.arg] {
				a.reach(n.next, a.at[i], b)
			}
		case leave:
			for _, f := range a.at[i].frames {
				if f.node == bottom {
					a.complete = true
				} else {
					a.reach(f.node, f.below, b)
				}
			}
		}
	}
}

// call enters the rule of a node.
func (a *automaton) call(n node, below *stacks, b *budget) {
	if a.g.nodes[n.next].op != leave { // else what goes on is the caller's caller: lists don't grow stacks
		below = a.stacksOf([]frame{{n.next, below}})
	}
	a.enter(n.arg, below, b)
}

// enter adds stacks below a rule's start.
func (a *automaton) enter(rule int32, below *stacks, b *budget) {
	if a.entered[rule] == nil {
		heap.Push(&a.begun, ruleRank{a.g.ranks[rule], rule})
	}
	a.entered[rule] = a.union(a.entered[rule], below, b)
}

// begin goes on from the starts of the rules that are entered. It passes over
// rules' ends: those that can be empty were passed over where they are called.
func (a *automaton) begin(b *budget) {
	for len(a.begun) > 0 {
		r := heap.Pop(&a.begun).(ruleRank).rule
		below := a.entered[r]
		a.entered[r] = nil
		if *b <= 0 {
			continue // so that nothing is left behind
		}
		a.reach(a.g.starts[r], below, b)
		for len(a.todo) > 0 && b.spend(1) {
			i := a.todo[len(a.todo)-1]
			a.todo = a.todo[:len(a.todo)-1]
			switch n := a.g.nodes[i]; n.op {
			case fork:
				a.reach(n.next, below, b)
				a.reach(n.or, below, b)
			case enter:
				a.call(n, below, b)
				if a.g.empty[n.arg] {
					a.reach(n.next, below, b)
				}
			}
		}
	}
}

// arrive returns the state that was made, and puts a.move back.
func (a *automaton) arrive() *state {
	var items []item
	for _, i := range a.touched {
		if a.g.nodes[i].op == read {
			items = append(items, item{i, a.at[i]})
		}
		a.at[i] = nil
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.node, b.node) })
	s := a.stateOf(items, a.complete)
	a.touched, a.todo, a.complete = a.touched[:0], a.todo[:0], false
	return s
}

type ruleRank struct{ rank, rule int32 }

// ruleHeap has the rule of the least rank first.
type ruleHeap []ruleRank

func (h ruleHeap) Len() int           { return len(h) }
func (h ruleHeap) Less(i, j int) bool { return h[i].rank < h[j].rank }
func (h ruleHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *ruleHeap) Push(x any)        { *h = append(*h, x.(ruleRank)) }
func (h *ruleHeap) Pop() any {
	x := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return x
}
