package weights

import (
	"encoding/binary"
	"math"

	"sealvk/weights/format"
)

// ggufWriter builds a GGUF header in memory.
type ggufWriter struct {
	b    []byte
	keys uint64
}

func (w *ggufWriter) u32(n uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, n) }
func (w *ggufWriter) u64(n uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, n) }
func (w *ggufWriter) str(s string) { w.u64(uint64(len(s))); w.b = append(w.b, s...) }

func (w *ggufWriter) key(name string, t valueType) {
	w.keys++
	w.str(name)
	w.u32(uint32(t))
}
func (w *ggufWriter) text(name, s string)        { w.key(name, typeString); w.str(s) }
func (w *ggufWriter) integer(name string, n int) { w.key(name, typeUint32); w.u32(uint32(n)) }
func (w *ggufWriter) float(name string, f float32) {
	w.key(name, typeFloat32)
	w.u32(math.Float32bits(f))
}
func (w *ggufWriter) boolean(name string, v bool) {
	w.key(name, typeBool)
	w.b = append(w.b, map[bool]byte{true: 1}[v])
}
func (w *ggufWriter) array(name string, t valueType, n int) {
	w.key(name, typeArray)
	w.u32(uint32(t))
	w.u64(uint64(n))
}

// newHeader gives everything in front of the tensor data, padding included, with the
// keys that llama.cpp writes for Gemma. Of the tensors it takes Name, Type, Rows, Cols and
// offset. Empty texts, ids of -1 and an unknown file type are left out.
func newHeader(c *Config, v *Vocab, chatTemplate string, f FileType, tensors []*Tensor) []byte {
	w := &ggufWriter{}
	w.text("general.architecture", "gemma")
	w.text("general.type", "model")
	if c.Name != "" {
		w.text("general.name", c.Name)
	}
	w.integer("gemma.context_length", c.Context)
	w.integer("gemma.embedding_length", c.Dim)
	w.integer("gemma.block_count", c.Layers)
	w.integer("gemma.feed_forward_length", c.FFNDim)
	w.integer("gemma.attention.head_count", c.Heads)
	w.integer("gemma.attention.head_count_kv", c.KVHeads)
	w.float("gemma.attention.layer_norm_rms_epsilon", c.NormEps)
	w.integer("gemma.attention.key_length", c.HeadDim)
	w.integer("gemma.attention.value_length", c.HeadDim)
	w.float("gemma.rope.freq_base", c.RopeTheta)
	w.vocab(v)
	if chatTemplate != "" {
		w.text("tokenizer.chat_template", chatTemplate)
	}
	w.integer("general.quantization_version", 2)
	if f >= 0 {
		w.integer("general.file_type", int(f))
	}
	return w.finish(tensors)
}

// finish gives the whole header: the keys written so far, the descriptions of the tensors, padding.
func (w *ggufWriter) finish(tensors []*Tensor) []byte {
	keys, metadata := w.keys, w.b
	*w = ggufWriter{b: []byte("GGUF")}
	w.u32(3)
	w.u64(uint64(len(tensors)))
	w.u64(keys)
	w.b = append(w.b, metadata...)
	for _, t := range tensors {
		w.str(t.Name)
		if t.Rows == 1 && t.Type == format.F32 {
			w.u32(1)
			w.u64(uint64(t.Cols))
		} else {
			w.u32(2)
			w.u64(uint64(t.Cols))
			w.u64(uint64(t.Rows))
		}
		w.u32(uint32(t.Type))
		w.u64(t.offset)
	}
	return append(w.b, make([]byte, align(uint64(len(w.b)))-uint64(len(w.b)))...)
}

// vocab writes the keys tokenizer.ggml.*. Gemma's text gets no blank in front.
func (w *ggufWriter) vocab(v *Vocab) {
	w.text("tokenizer.ggml.model", "llama")
	w.text("tokenizer.ggml.pre", "default")
	w.array("tokenizer.ggml.tokens", typeString, len(v.Pieces))
	for _, p := range v.Pieces {
		w.str(p.Text)
	}
	w.array("tokenizer.ggml.scores", typeFloat32, len(v.Pieces))
	for _, p := range v.Pieces {
		w.u32(math.Float32bits(p.Score))
	}
	w.array("tokenizer.ggml.token_type", typeInt32, len(v.Pieces))
	for _, p := range v.Pieces {
		w.u32(uint32(p.Kind))
	}
	for _, s := range []struct {
		name string
		id   int32
	}{{"bos", v.BOS}, {"eos", v.EOS}, {"unknown", v.UNK}, {"padding", v.PAD}} {
		if s.id >= 0 {
			w.integer("tokenizer.ggml."+s.name+"_token_id", int(s.id))
		}
	}
	w.boolean("tokenizer.ggml.add_bos_token", v.AddBOS)
	w.boolean("tokenizer.ggml.add_eos_token", v.AddEOS)
	w.boolean("tokenizer.ggml.add_space_prefix", false)
}
