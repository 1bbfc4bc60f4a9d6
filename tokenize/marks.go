package tokenize

import (
	"fmt"
	"slices"
	"strconv"
)

// Marks name the pieces that begin and end a sequence, each by its id or its
// text, in place of those that a file names; "" leaves it to the file.
type Marks struct{ BOS, EOS string }

// Mark has the named pieces begin and end sequences. Learned ones become
// control pieces, which no text is encoded to.
func (v *Vocab) Mark(m Marks) error {
	bos, eos, err := v.marked(m)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		mark *int32
		id   int32
	}{{&v.BOS, bos}, {&v.EOS, eos}} {
		if s.id < 0 {
			continue
		}
		*s.mark = s.id
		if p := &v.Pieces[s.id]; p.Kind == Normal || p.Kind == Unused {
			p.Kind = Control
		}
	}
	return nil
}

// marked gives the ids of the pieces that m names, -1 for those it does not.
func (v *Vocab) marked(m Marks) (bos, eos int32, err error) {
	if bos, err = v.find("bos", m.BOS); err != nil {
		return -1, -1, err
	}
	eos, err = v.find("eos", m.EOS)
	return bos, eos, err
}

// find gives the id of the piece with this id or text, -1 for "".
func (v *Vocab) find(mark, name string) (int32, error) {
	if name == "" {
		return -1, nil
	}
	if id, err := strconv.ParseUint(name, 10, 31); err == nil {
		if id >= uint64(len(v.Pieces)) {
			return -1, fmt.Errorf("%s is to be piece %d, but the vocabulary has %d pieces", mark, id, len(v.Pieces))
		}
		return int32(id), nil
	}
	id := slices.IndexFunc(v.Pieces, func(p Piece) bool { return p.Text == name })
	if id < 0 {
		return -1, fmt.Errorf("%s is to be %.40q, but no piece has that text", mark, name)
	}
	return int32(id), nil
}
