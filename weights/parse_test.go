package weights

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// TestChangedTinyFile covers what no file in bad-files does. An empty want stands for
// a file that is read.
func TestChangedTinyFile(t *testing.T) {
	u32 := func(n uint32) value { return scalar32(typeUint32, n) }
	for _, c := range []struct {
		name   string
		change func(f *tiny)
		want   string
	}{
		{"unchanged", func(f *tiny) {}, ""},
		{"version 2", func(f *tiny) { f.version = 2 }, ""},
		{"alignment absent", func(f *tiny) { f.remove("general.alignment") }, ""},
		{"alignment 8", func(f *tiny) { f.set("general.alignment", u32(8)); f.alignment = 8 }, ""},
		{"alignment 48", func(f *tiny) { f.set("general.alignment", u32(48)) }, "power of two"},
		{"alignment 64", func(f *tiny) { f.set("general.alignment", u32(64)) }, "not a multiple of the alignment 64"},
		{"key twice", func(f *tiny) { f.keys = append(f.keys, "general.name") }, `metadata key "general.name" at byte 8501: appears twice`},
		{"key long", func(f *tiny) { f.set(strings.Repeat("x", 65536), u32(1)) }, "longer than 65535 bytes"},
		{"arrays in an array, cut", func(f *tiny) { f.set("x", value{typ: typeArray, array: true, count: 1}) }, "unknown value type"},
		{"arrays in each other", func(f *tiny) {
			var data []byte
			for range maxNesting {
				data = append(data, byte(typeArray), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
			}
			f.set("x", value{typ: typeArray, array: true, count: 1, data: data})
		}, "arrays lie in each other more than 8 deep"},
		{"unknown keys", func(f *tiny) {
			f.set("tokenizer.chat_template.tool_use", textValue("{{ 1 }}"))
			f.set("general.tags", value{typ: typeString, array: true, count: 1, data: append([]byte{2, 0, 0, 0, 0, 0, 0, 0}, "ab"...)})
			f.set("general.note", textValue("\xff"))
		}, ""},

		{"architecture absent", func(f *tiny) { f.remove("general.architecture") }, `"general.architecture" is missing`},
		{"template not UTF-8", func(f *tiny) { f.set("tokenizer.chat_template", textValue("\xff")) }, `"tokenizer.chat_template" at byte`},
		{"an adapter", func(f *tiny) { f.set("general.type", textValue("adapter")) }, "is no model but an adapter (LoRA)"},
		{"a projector", func(f *tiny) { f.set("general.architecture", textValue("clip")) }, "is no model but a projector"},
		{"an importance matrix", func(f *tiny) { f.set("general.type", textValue("imatrix")) }, "is no model but an importance matrix"},
		{"64-bit count", func(f *tiny) {
			f.set("gemma.block_count", value{typ: typeUint64, data: binary.LittleEndian.AppendUint64(nil, 1)})
		}, ""},
		{"negative count", func(f *tiny) { f.set("gemma.block_count", scalar32(typeInt32, math.MaxUint32)) }, `"gemma.block_count" at byte 241 is out of range: -1`},
		{"huge count", func(f *tiny) { f.set("gemma.block_count", u32(1<<31-1)) }, `tensor "blk.1.attn_k.weight" is missing`},
		{"array as a count", func(f *tiny) {
			f.set("gemma.block_count", value{typ: typeUint32, array: true, count: 1, data: []byte{1, 0, 0, 0}})
		}, "is array of 1 uint32, want an integer"},
		{"float as a count", func(f *tiny) { f.set("gemma.block_count", scalar32(typeFloat32, 0)) }, "is float32, want an integer"},
		{"integer as epsilon", func(f *tiny) { f.set("gemma.attention.layer_norm_rms_epsilon", u32(1)) }, "is uint32, want a float"},
		{"NaN epsilon", func(f *tiny) {
			f.set("gemma.attention.layer_norm_rms_epsilon", scalar32(typeFloat32, 0x7fc00000))
		}, "is NaN, want a positive number"},
		{"zero theta", func(f *tiny) { f.set("gemma.rope.freq_base", scalar32(typeFloat32, 0)) }, "is 0, want a positive number"},
		{"head widths absent", func(f *tiny) {
			f.remove("gemma.attention.key_length")
			f.remove("gemma.attention.value_length")
		}, ""},
		{"head widths absent, heads do not divide", func(f *tiny) {
			f.remove("gemma.attention.key_length")
			f.remove("gemma.attention.value_length")
			f.set("gemma.attention.head_count", u32(3))
		}, `"gemma.attention.key_length" is missing`},
		{"kv heads absent", func(f *tiny) { f.remove("gemma.attention.head_count_kv") }, ""},
		{"odd head width", func(f *tiny) {
			f.set("gemma.attention.key_length", u32(15))
			f.set("gemma.attention.value_length", u32(15))
		}, "key_length is 15, want an even number of at most 256"},
		{"wide head", func(f *tiny) {
			f.set("gemma.attention.key_length", u32(258))
			f.set("gemma.attention.value_length", u32(258))
		}, "key_length is 258, want an even number of at most 256"},
		{"widths differ", func(f *tiny) { f.set("gemma.attention.value_length", u32(8)) }, "key_length is 16 and value_length 8"},
		{"kv heads do not divide", func(f *tiny) { f.set("gemma.attention.head_count_kv", u32(3)) }, "head_count 2 is not a multiple of gemma.attention.head_count_kv 3"},
		{"partial rotation", func(f *tiny) { f.set("gemma.rope.dimension_count", u32(8)) }, "dimension_count is 8, want the head's width 16"},
		{"rope scaling", func(f *tiny) { f.set("gemma.rope.scaling.type", textValue("yarn")) }, `"yarn" is not supported`},

		{"no rope scaling", func(f *tiny) {
			f.set("gemma.rope.scaling.type", textValue("none"))
			f.set("gemma.rope.scaling.factor", scalar32(typeFloat32, math.Float32bits(8)))
		}, ""},
		{"rope factors without meaning", func(f *tiny) {
			f.set("gemma.rope.scaling.factor", scalar32(typeFloat32, 0))
			f.set("gemma.rope.scale_linear", scalar32(typeFloat32, math.Float32bits(1)))
		}, ""},
		{"rope factor alone", func(f *tiny) {
			f.set("gemma.rope.scaling.factor", scalar32(typeFloat32, math.Float32bits(8)))
		}, "gemma.rope.scaling.factor is 8; only unscaled"},
		{"old rope factor", func(f *tiny) {
			f.set("gemma.rope.scale_linear", scalar32(typeFloat32, math.Float32bits(0.5)))
		}, "gemma.rope.scale_linear is 0.5; only unscaled"},
		{"rope factor is no float", func(f *tiny) { f.set("gemma.rope.scaling.factor", u32(8)) }, "is uint32, want a float"},
		{"new file type", func(f *tiny) { f.set("general.file_type", u32(1<<31+5)) }, ""},
		{"negative file type", func(f *tiny) { f.set("general.file_type", scalar32(typeInt32, math.MaxUint32)) }, ""},
		{"file type in words", func(f *tiny) { f.set("general.file_type", textValue("Q4_K_M")) }, ""},
		{"tokenizer's other keys", func(f *tiny) {
			f.set("tokenizer.ggml.pre", textValue("gemma"))
			f.set("tokenizer.ggml.add_space_prefix", value{typ: typeBool, data: []byte{1}})
			f.set("tokenizer.ggml.eot_token_id", u32(4))
		}, ""},

		{"padding past the end", func(f *tiny) { f.set("tokenizer.ggml.padding_token_id", u32(360)) }, ""},
		{"padding of -1", func(f *tiny) { f.set("tokenizer.ggml.padding_token_id", u32(math.MaxUint32)) }, ""},
		{"no tokenizer", func(f *tiny) { f.remove("tokenizer.ggml.tokens") }, `"tokenizer.ggml.tokens" is missing`},
		{"other tokenizer", func(f *tiny) { f.set("tokenizer.ggml.model", textValue("gpt2")) }, `"gpt2"; only "llama"`},
		{"scores too short", func(f *tiny) {
			v := f.values["tokenizer.ggml.scores"]
			v.count, v.data = v.count-1, v.data[4:]
			f.set("tokenizer.ggml.scores", v)
		}, "tokens has 360 entries, scores 359, token_type 360"},
		{"scores of another type", func(f *tiny) {
			v := f.values["tokenizer.ggml.scores"]
			v.typ = typeInt32
			f.set("tokenizer.ggml.scores", v)
		}, "is array of 360 int32, want an array of float32"},
		{"score NaN", func(f *tiny) { f.patch("tokenizer.ggml.scores", 28, 0, 0, 0xc0, 0x7f) }, "score of piece 7 is NaN"},
		{"piece type 9", func(f *tiny) { f.patch("tokenizer.ggml.token_type", 8, 9) }, "piece 2 has the unknown type 9"},
		{"piece not UTF-8", func(f *tiny) { f.patch("tokenizer.ggml.tokens", 8, 0xff) }, `piece 0 ("\xffpad>") is not valid UTF-8`},

		{"tensor name empty", func(f *tiny) { f.tensors[0].Name = "" }, `name "" at byte 8501 is empty`},
		{"tensor name long", func(f *tiny) { f.tensors[0].Name = strings.Repeat("x", 65) }, "longer than 64 bytes"},
		{"three dimensions", func(f *tiny) { f.tensor("blk.0.ffn_up.weight").dims = []uint64{32, 20, 2} }, "more than two dimensions"},
		{"trailing dimensions of 1", func(f *tiny) { f.tensor("blk.0.ffn_up.weight").dims = []uint64{32, 40, 1, 1} }, ""},
		{"partial block", func(f *tiny) { f.tensor("token_embd.weight").dims = []uint64{31, 360} }, "rows of 31 values are not a multiple of Q4_0's block of 32"},
		{"surplus tensor", func(f *tiny) {
			extra := *f.tensor("blk.0.attn_norm.weight")
			extra.Name = "blk.0.post_attention_norm.weight"
			f.tensors = append(f.tensors, &extra)
		}, `1 tensors more than a Gemma model of 1 layers has; the first is "blk.0.post_attention_norm.weight"`},
		{"head of its own", func(f *tiny) {
			head := *f.tensor("token_embd.weight")
			head.Name = "output.weight"
			f.tensors = append(f.tensors, &head)
		}, ""},
		{"head of another shape", func(f *tiny) {
			head := *f.tensor("blk.0.attn_norm.weight")
			head.Name = "output.weight"
			f.tensors = append(f.tensors, &head)
		}, `tensor "output.weight" has shape 1 × 32, want 360 × 32`},
	} {
		f := readTiny(t)
		c.change(f)
		m, err := Parse("tiny", f.bytes())
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "":
			if err := m.CheckFinite(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// patch overwrites bytes of a key's value.
func (f *tiny) patch(key string, at int, b ...byte) {
	v := f.values[key]
	v.data = bytes.Clone(v.data)
	copy(v.data[at:], b)
	f.values[key] = v
}

// A tied head that was stored all the same is not kept twice; one of its own stays.
func TestCopiedHead(t *testing.T) {
	for _, c := range []struct {
		change  func(head *Tensor)
		tensors int
	}{
		{func(*Tensor) {}, 11},
		{func(head *Tensor) {
			head.Data = bytes.Clone(head.Data)
			head.Data[len(head.Data)-1] ^= 1
		}, 12},
	} {
		f := readTiny(t)
		head := *f.tensor("token_embd.weight")
		head.Name = "output.weight"
		c.change(&head)
		f.tensors = append(f.tensors, &head)
		m, err := Parse("tiny", f.bytes())
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Tensors) != c.tensors || (m.Tensor("output.weight") != nil) != (c.tensors == 12) || m.Config.TiedHead != (c.tensors == 11) {
			t.Errorf("%d tensors, head %v, tied: %v; want %d", len(m.Tensors), m.Tensor("output.weight"), m.Config.TiedHead, c.tensors)
		}
	}
}

// Few bytes an entry in the file, many in memory: their number is bounded.
func TestEntriesAreBounded(t *testing.T) {
	data := make([]byte, 24+(maxEntries+1)*minTensorInfo)
	copy(data, "GGUF\x03")
	for tensors, keys := range map[uint64]uint64{maxEntries + 1: 0, 0: maxEntries + 1} {
		binary.LittleEndian.PutUint64(data[8:], tensors)
		binary.LittleEndian.PutUint64(data[16:], keys)
		if _, err := Parse("many", data); err == nil || !strings.Contains(err.Error(), "at most 1048576 can be read") {
			t.Errorf("%d tensors, %d keys: %v", tensors, keys, err)
		}
	}
}
