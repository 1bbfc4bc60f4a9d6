package grammar

import "encoding/binary"

// stacks is a set of stacks of nodes at which rules that were entered go on:
// what may be on top, each with the stacks below it. Equal sets of one automaton
// are the same pointer; they never change. The empty stack is in a set by a
// frame with the node bottom.
type stacks struct {
	id     uint32
	frames []frame // by node, each once
}

type frame struct {
	node  int32
	below *stacks
}

const bottom = -1

// stacksOf returns the set with these frames, which it keeps.
func (a *automaton) stacksOf(frames []frame) *stacks {
	key := a.key[:0]
	for _, f := range frames {
		key = binary.LittleEndian.AppendUint32(key, uint32(f.node))
		id := uint32(0)
		if f.below != nil {
			id = f.below.id
		}
		key = binary.LittleEndian.AppendUint32(key, id)
	}
	a.key = key
	s, ok := a.stacks[string(key)]
	if !ok {
		s = &stacks{id: uint32(len(a.stacks) + 1), frames: frames}
		a.stacks[string(key)] = s
		a.size += 100 + 3*len(key)
	}
	return s
}

// union returns the stacks of both sets; nil is the set without any.
func (a *automaton) union(s, t *stacks, b *budget) *stacks {
	switch {
	case s == nil || s == t:
		return t
	case t == nil:
		return s
	case s.id > t.id:
		s, t = t, s
	}
	pair := [2]*stacks{s, t}
	if u, ok := a.unions[pair]; ok {
		return u
	}
	if !b.spend(1 + len(s.frames) + len(t.frames)) {
		return s
	}
	frames := make([]frame, 0, len(s.frames)+len(t.frames))
	i, j := 0, 0
	for i < len(s.frames) && j < len(t.frames) {
		f, g := s.frames[i], t.frames[j]
		switch {
		case f.node < g.node:
			frames = append(frames, f)
			i++
		case f.node > g.node:
			frames = append(frames, g)
			j++
		default:
			frames = append(frames, frame{f.node, a.union(f.below, g.below, b)})
			i++
			j++
		}
	}
	frames = append(append(frames, s.frames[i:]...), t.frames[j:]...)
	u := a.stacksOf(frames)
	a.unions[pair] = u
	a.size += 64
	return u
}
