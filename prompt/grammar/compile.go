package grammar

import "math"

// node is a place in a rule's body, between characters.
type node struct {
	op   op
	arg  int32 // read: the set; enter: the rule
	next int32 // what follows
	or   int32 // fork: the other way
}

type op uint8

const (
	read  op = iota // a character of a set
	enter           // the text of a rule
	fork            // nothing, on one of two ways
	leave           // the rule ends
)

// compiler writes rules' bodies out as nodes, from their ends to their starts.
type compiler struct {
	nodes []node
	work  int // what was written out, nothing included: it costs time too
}

func (g *Grammar) compile() {
	var c compiler
	for i := range g.rules {
		r := &g.rules[i]
		g.starts = append(g.starts, c.body(r.body, c.add(r.at, node{op: leave})))
		r.body = nil
	}
	g.nodes = c.nodes
}

// add returns the number of a new node for what is written at at.
func (c *compiler) add(at int, n node) int32 {
	c.pay(at)
	c.nodes = append(c.nodes, n)
	return int32(len(c.nodes) - 1)
}

func (c *compiler) pay(at int) {
	if c.work++; c.work > maxNodes {
		fail(at, "the grammar is larger than %d parts, counted with what repetitions repeat", maxNodes)
	}
}

// body returns the first node of e, which goes on with next.
func (c *compiler) body(e *expr, next int32) int32 {
	c.pay(e.at)
	switch e.kind {
	case literal:
		for i := len(e.sets) - 1; i >= 0; i-- {
			next = c.add(e.at, node{op: read, arg: e.sets[i], next: next})
		}
	case call:
		next = c.add(e.at, node{op: enter, arg: e.rule, next: next})
	case sequence:
		for i := len(e.parts) - 1; i >= 0; i-- {
			next = c.body(e.parts[i], next)
		}
	case choice:
		first := c.body(e.parts[len(e.parts)-1], next)
		for i := len(e.parts) - 2; i >= 0; i-- {
			first = c.add(e.at, node{op: fork, next: c.body(e.parts[i], next), or: first})
		}
		next = first
	case repeat:
		next = c.repeat(e, next)
	}
	return next
}

func (c *compiler) repeat(e *expr, next int32) int32 {
	least := e.min
	if e.max == math.MaxInt {
		again := c.add(e.at, node{op: fork, or: next})
		c.nodes[again].next = c.body(e.parts[0], again)
		next = again
		if least > 0 { // the last of them is the one in the loop
			next = c.nodes[again].next
			least--
		}
	} else {
		end := next
		for range e.max - e.min {
			next = c.add(e.at, node{op: fork, next: c.body(e.parts[0], next), or: end})
		}
	}
	for range least {
		next = c.body(e.parts[0], next)
	}
	return next
}
