package weights

import (
	"fmt"
	"slices"
	"strings"
)

// marks finds the pieces of a vocabulary that stand for no text: what begins a sequence, what
// ends one or a turn, and what nothing can become. llama.cpp's llama_vocab::impl::load
// (https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp) is the model for
// names and order.
type marks struct {
	m    *metadata
	v    *Vocab
	ids  map[string]int32 // of the pieces by their texts
	ends []int32          // pieces that end an answer

	empty, twice oddities
}

// endNames are the pieces that end an answer by their names alone, markup where it is a control piece.
var endNames = []string{
	"<eos>", "</s>", "<end_of_turn>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|endoftext|>",
	"<|end_of_text|>", "<EOT>", "_<EOT>", "\u2581<EOT>", "[EOT]", "[EOS]", "<end_of_utterance>",
	"<|fim_pad|>", "<fim_pad>", "<fim-pad>", "[PAD]", "<PAD>", "<|fim_repo|>", "<|repo_name|>", "<|file_sep|>",
}

// What a file that names no bos or eos most likely means, the likeliest first.
var (
	bosNames = []string{"<bos>", "<s>", "<|begin_of_text|>", "<|startoftext|>"}
	eosNames = []string{"<eos>", "</s>", "<|end_of_text|>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<end_of_turn>"}
)

// markup reports whether a name is also that of an HTML tag: in Gemma's vocabulary <s> and
// </s> are user-defined pieces for struck-out text.
func markup(name string) bool { return name == "<s>" || name == "</s>" }

// becomesText reports whether text is encoded to pieces of this kind.
func (k Kind) becomesText() bool { return k != Control && k != Unused }

// add takes note of piece id. One without a text, and of two with the same text one that text
// cannot become, are renamed so that nothing does; llama.cpp does the first.
func (r *marks) add(id int32) error {
	p := &r.v.Pieces[id]
	if p.Text == "" {
		r.empty.add(fmt.Sprintf("piece %d of the vocabulary is empty: no text becomes it", id))
		r.hide(id, "EMPTY")
	}
	if first, twice := r.ids[p.Text]; twice {
		one := &r.v.Pieces[first]
		if one.Kind.becomesText() && p.Kind.becomesText() {
			return fmt.Errorf("piece %.40q appears twice, as %d and %d", p.Text, first, id)
		}
		hidden := id
		if !one.Kind.becomesText() && p.Kind.becomesText() {
			hidden = first
		}
		if slices.Contains(endNames, p.Text) {
			r.ends = append(r.ends, hidden) // the model may have been trained with either
		}
		r.twice.add(fmt.Sprintf("piece %.40q of the vocabulary appears twice, as %d and %d: no text becomes %d", p.Text, first, id, hidden))
		r.hide(hidden, "DUPLICATE")
	}
	r.ids[p.Text] = id
	return nil
}

// hide gives a piece a name of its own, as one that no text becomes.
func (r *marks) hide(id int32, why string) {
	p := &r.v.Pieces[id]
	p.Text = fmt.Sprintf("[%s_%d]", why, id)
	if p.Kind == Normal || p.Kind == UserDefined || p.Kind == Unused {
		p.Kind = Control
	}
}

// settle fills in the vocabulary's ids and gives those that end an answer besides its eos, in order.
func (r *marks) settle() []int32 {
	r.empty.warn(r.m)
	r.twice.warn(r.m)
	for _, name := range endNames {
		if id, ok := r.ids[name]; ok && (!markup(name) || r.v.Pieces[id].Kind == Control) {
			r.control(id)
			r.ends = append(r.ends, id)
		}
	}
	v := r.v
	v.BOS, v.EOS, v.UNK, v.PAD = r.id("bos"), r.id("eos"), r.id("unknown"), r.id("padding")
	v.BOS = r.byName("bos", v.BOS, bosNames)
	v.EOS = r.byName("eos", v.EOS, eosNames)
	r.settleUnknown()
	for _, key := range []string{"eot", "eom", "fim_pad", "fim_rep", "fim_sep"} {
		if id := r.id(key); id >= 0 {
			r.control(id)
			r.ends = append(r.ends, id)
		}
	}
	slices.Sort(r.ends)
	return slices.DeleteFunc(slices.Compact(r.ends), func(id int32) bool { return id == v.EOS })
}

// id gives that of tokenizer.ggml.KEY_token_id, -1 if there is none inside the vocabulary.
func (r *marks) id(key string) int32 {
	key = "tokenizer.ggml." + key + "_token_id"
	given, ok := r.m.values[key]
	if !ok {
		return -1
	}
	n, ok := given.integer()
	switch {
	case !ok:
		r.m.warnf("metadata key %q is %v, not an id; it is passed over", key, given)
	case n < uint64(len(r.v.Pieces)):
		return int32(n)
	case key != "tokenizer.ggml.padding_token_id": // of no use for answers, and some who trained the model added a piece for it
		r.m.warnf("metadata key %q is %s, past the vocabulary's %d pieces; it is passed over", key, given.display(), len(r.v.Pieces))
	}
	return -1
}

// byName looks for the mark that the file names no id for.
func (r *marks) byName(key string, id int32, names []string) int32 {
	for _, name := range names {
		if id >= 0 {
			break
		}
		found, ok := r.ids[name]
		if !ok || r.v.Pieces[found].Kind != Control && markup(name) {
			continue
		}
		id = found
		r.m.warnf("no usable tokenizer.ggml.%s_token_id: it is taken to be %d, piece %q", key, id, name)
	}
	if id >= 0 {
		r.control(id)
	}
	return id
}

// control makes a mark that is typed as learned text a control piece, as llama.cpp does: else no
// template could write it, and text could become it. What does not look like a mark stays.
func (r *marks) control(id int32) {
	p := &r.v.Pieces[id]
	open, end := strings.ContainsAny(p.Text[:1], "<["), strings.ContainsAny(p.Text[len(p.Text)-1:], ">]")
	if (p.Kind == Normal || p.Kind == Unused) && (slices.Contains(endNames, p.Text) || open && end) {
		r.m.warnf("piece %d, %.40q, is typed as text and marks a begin or an end: it is taken for a control piece", id, p.Text)
		p.Kind = Control
	}
}

// settleUnknown has the unknown id and the one piece of that kind agree, where the file tells one of them.
func (r *marks) settleUnknown() {
	v := r.v
	of := int32(slices.IndexFunc(v.Pieces, func(p Piece) bool { return p.Kind == Unknown }))
	switch {
	case v.UNK < 0 && of >= 0:
		v.UNK = of
		r.m.warnf("no usable tokenizer.ggml.unknown_token_id: it is taken to be %d, piece %.40q", of, v.Pieces[of].Text)
	case v.UNK >= 0 && of < 0 && v.Pieces[v.UNK].Kind != Byte:
		r.m.warnf("piece %d, %.40q, is not typed as the unknown piece that tokenizer.ggml.unknown_token_id says it is; it is taken for that", v.UNK, v.Pieces[v.UNK].Text)
		v.Pieces[v.UNK].Kind = Unknown
	}
}
