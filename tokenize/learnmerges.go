package tokenize

import "fmt"

// specialNames are the texts of the pieces that begin and end a sequence; an
// empty one means that nothing names it.
type specialNames struct{ bos, eos string }

// replace takes the texts of the pieces that marks name.
func (n *specialNames) replace(v *Vocab, marks Marks) error {
	bos, eos, err := v.marked(marks)
	if bos >= 0 {
		n.bos = v.Pieces[bos].Text
	}
	if eos >= 0 {
		n.eos = v.Pieces[eos].Text
	}
	return err
}

// parseTokenizerJSON makes a tokenizer of a tokenizer.json; rows and marks as
// for LoadSized.
func parseTokenizerJSON(data []byte, names specialNames, rows int, marks Marks) (*Tokenizer, error) {
	f, err := readTokenizerJSON(data)
	if err != nil {
		return nil, err
	}
	v, err := f.vocab()
	if err != nil {
		return nil, err
	}
	if err := f.addTokens(&v); err != nil {
		return nil, err
	}
	if err := names.replace(&v, marks); err != nil {
		return nil, err
	}
	if v.BOS, err = f.mark(&v, "bos_token", names.bos, "<bos>"); err != nil {
		return nil, err
	}
	if v.EOS, err = f.mark(&v, "eos_token", names.eos, "<eos>"); err != nil {
		return nil, err
	}
	m, err := f.merges(&v)
	if err != nil {
		return nil, err
	}
	setScores(&v, m.made)
	f.nameBytes(&v)
	pieces := len(v.Pieces)
	if err := v.resize(rows); err != nil {
		return nil, err
	}
	for id, p := range v.Pieces[pieces:] {
		f.Model.Vocab[p.Text] = int32(pieces + id)
	}
	t, err := newTokenizer(v, f.Model.Vocab)
	if err != nil {
		return nil, err
	}
	t.learnMerges(m)
	for _, a := range f.Added {
		t.fix(a)
	}
	return t, nil
}

// vocab returns the model's pieces, of the kinds unknown, byte and normal.
func (f *tokenizerJSON) vocab() (Vocab, error) {
	pieces := make([]Piece, len(f.Model.Vocab))
	for text, id := range f.Model.Vocab {
		if id < 0 || int(id) >= len(pieces) {
			return Vocab{}, fmt.Errorf("model.vocab: %q has the id %d, but %d pieces have the ids 0 to %d; download the file again",
				text, id, len(pieces), len(pieces)-1)
		}
		if text == "" {
			return Vocab{}, fmt.Errorf("model.vocab: the piece of id %d is empty; download the file again", id)
		}
		if other := pieces[id].Text; other != "" {
			return Vocab{}, fmt.Errorf("model.vocab: %q and %q both have the id %d; download the file again",
				min(text, other), max(text, other), id)
		}
		pieces[id] = Piece{Text: text, Kind: Normal}
		if _, ok := byteValue(text); ok {
			pieces[id].Kind = Byte
		}
	}
	unk, ok := f.Model.Vocab[f.Model.Unknown]
	if !ok {
		return Vocab{}, fmt.Errorf("model.unk_token %q is not in model.vocab", f.Model.Unknown)
	}
	pieces[unk].Kind = Unknown
	f.Model.size = len(pieces)
	return Vocab{Pieces: pieces, UNK: unk}, nil
}

// addTokens marks or appends the added tokens.
func (f *tokenizerJSON) addTokens(v *Vocab) error {
	seen := make(map[int32]bool, len(f.Added))
	for i, a := range f.Added {
		if a.Content == "" {
			return fmt.Errorf("added_tokens[%d] is empty", i)
		}
		id, ok := f.Model.Vocab[a.Content]
		if !ok {
			id = int32(len(v.Pieces))
			v.Pieces = append(v.Pieces, Piece{Text: a.Content})
			f.Model.Vocab[a.Content] = id
		}
		if id != a.ID {
			return fmt.Errorf("added_tokens[%d] (%q) has the id %d, by model.vocab it is %d; download the file again", i, a.Content, a.ID, id)
		}
		if seen[id] {
			return fmt.Errorf("added_tokens[%d] (%q) is there twice", i, a.Content)
		}
		seen[id] = true
		switch p := &v.Pieces[id]; {
		case p.Kind == Unknown:
		case a.Special:
			p.Kind = Control
		default:
			p.Kind = UserDefined
		}
	}
	return nil
}

// mark returns the id of the piece called name, a special one even where
// added_tokens don't say so; -1 if nothing names it and none has the usual name.
func (f *tokenizerJSON) mark(v *Vocab, field, name, usual string) (int32, error) {
	if name == "" {
		name = usual
	}
	id, ok := f.Model.Vocab[name]
	if !ok {
		if name == usual {
			return -1, nil
		}
		return 0, fmt.Errorf("%s %q of tokenizer_config.json is not in the vocabulary; the two files must be of one model", field, name)
	}
	switch p := &v.Pieces[id]; p.Kind {
	case Normal:
		f.Added = append(f.Added, addedToken{ID: id, Content: name})
		p.Kind = Control
	case UserDefined:
		p.Kind = Control
	}
	return id, nil
}

// learned is what model.merges says.
type learned struct {
	pairs pairs
	made  []int32 // pieces that merging makes, by the first merge of each
	bytes bool    // byte pieces are merged too
}

// merges looks the merges up. One that makes a control piece is left out: no
// text may become one, and where special pieces are parsed, they are found
// before anything is merged.
func (f *tokenizerJSON) merges(v *Vocab) (*learned, error) {
	type result struct {
		merges []merge
		err    error
	}
	results := onAllCores(len(f.Model.Merges), func(first, end int) result {
		merges, err := f.Model.lookUp(first, end)
		return result{merges, err}
	})
	l := &learned{pairs: newPairs(len(f.Model.Merges))}
	made := make([]bool, len(v.Pieces))
	for _, r := range results {
		if r.err != nil {
			return nil, r.err
		}
		for _, m := range r.merges {
			if k := v.Pieces[m.id].Kind; k == Control || k == Unknown {
				continue
			}
			l.pairs.put(m) // the last of equal ones counts
			l.bytes = l.bytes || v.Pieces[m.left].Kind == Byte || v.Pieces[m.right].Kind == Byte
			if !made[m.id] {
				made[m.id] = true
				l.made = append(l.made, m.id)
			}
		}
	}
	return l, nil
}

// lookUp returns the merges from first up to end by ids.
func (m *bpeModel) lookUp(first, end int) ([]merge, error) {
	found := make([]merge, 0, end-first)
	var text []byte
	for i, p := range m.Merges[first:end] {
		text = append(append(text[:0], p.left...), p.right...)
		left, okLeft := m.piece(p.left)
		right, okRight := m.piece(p.right)
		id, ok := m.piece(string(text))
		if !okLeft || !okRight || !ok {
			return nil, fmt.Errorf("model.merges[%d] joins %.40q and %.40q, but %.40q is not in model.vocab; download the file again",
				first+i, p.left, p.right, missing(p, okLeft, okRight))
		}
		found = append(found, merge{left, right, id, uint32(first + i)})
	}
	return found, nil
}

// piece returns the id of a piece of the model, which added tokens are not.
func (m *bpeModel) piece(text string) (id int32, ok bool) {
	id, ok = m.Vocab[text]
	return id, ok && int(id) < m.size
}

// missing returns what of a merge is not in the vocabulary.
func missing(p parts, left, right bool) string {
	switch {
	case !left:
		return p.left
	case !right:
		return p.right
	}
	return p.left + p.right
}

// setScores gives scores by which SentencePiece merges in the same order: the
// negative position in made, then in the order of ids the normal pieces that
// nothing makes (characters as a rule).
func setScores(v *Vocab, made []int32) {
	done := make([]bool, len(v.Pieces))
	for i, id := range made {
		v.Pieces[id].Score = -float32(i)
		done[id] = true
	}
	next := len(made)
	for id := range v.Pieces {
		if p := &v.Pieces[id]; p.Kind == Normal && !done[id] {
			p.Score = -float32(next)
			next++
		}
	}
}

// nameBytes gives single characters the names of byte pieces that are missing:
// transformers' converter writes the tab's as "\t".
func (f *tokenizerJSON) nameBytes(v *Vocab) {
	for b := range byte(0x80) {
		name := fmt.Sprintf("<0x%02X>", b)
		if _, ok := f.Model.Vocab[name]; ok {
			continue
		}
		id, ok := f.Model.Vocab[string(rune(b))]
		if !ok || v.Pieces[id].Kind != Normal {
			continue
		}
		delete(f.Model.Vocab, v.Pieces[id].Text)
		f.Model.Vocab[name] = id
		v.Pieces[id] = Piece{Text: name, Kind: Byte}
	}
}

// learnMerges fills the tables for merging.
func (t *Tokenizer) learnMerges(m *learned) {
	t.pairs = m.pairs
	for i, p := range t.vocab.Pieces {
		if p.Kind == Normal || p.Kind == UserDefined {
			if r, ok := onlyRune(p.Text); ok {
				t.chars.add(r, int32(i))
			}
		}
	}
	for _, id := range m.made {
		t.joins.add(t.vocab.Pieces[id].Text)
	}
	if m.bytes {
		t.joins.fill() // a piece's text is not the text that it came from
	}
}

// fix puts a piece into the tables of those found whole.
func (t *Tokenizer) fix(a addedToken) {
	sets := []fixed{t.special, t.plain}
	if k := t.vocab.Pieces[a.ID].Kind; k == Control || k == Unknown {
		sets = sets[:1]
	}
	for _, s := range sets {
		if a.Normalized {
			s.text.add(a.Content, a.ID)
		} else {
			s.raw.add(a.Content, a.ID)
		}
	}
}
