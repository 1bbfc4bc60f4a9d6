package weights

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// setPiece makes piece id another one.
func (f *tiny) setPiece(id int, text string, kind Kind) {
	v := f.values["tokenizer.ggml.tokens"]
	var data []byte
	for i, rest := 0, v.data; len(rest) > 0; i++ {
		n := 8 + binary.LittleEndian.Uint64(rest)
		piece := rest[:n]
		if rest = rest[n:]; i == id {
			piece = append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
		}
		data = append(data, piece...)
	}
	v.data = data
	f.set("tokenizer.ggml.tokens", v)
	f.patch("tokenizer.ggml.token_type", 4*id, byte(kind))
}

// What is odd and changes no answer is read with a warning each. The tiny file has <eos> 1,
// <bos> 2, <unk> 3, and <unused0> 352 to <unused6> 358.
func TestOddFilesAreReadWithWarnings(t *testing.T) {
	u32 := func(n uint32) value { return scalar32(typeUint32, n) }
	for _, c := range []struct {
		name   string
		change func(f *tiny)
		want   []string // a part of each warning
		check  func(m *Model) bool
	}{
		{"nothing odd", func(f *tiny) {}, nil, func(m *Model) bool { return len(m.Stops) == 0 }},
		{"unknown keys", func(f *tiny) { f.set("x.y", u32(1)); f.set("tokenizer.ggml.z", textValue("z")) }, nil, nil},
		{"key empty", func(f *tiny) { f.set("", u32(1)) }, []string{`metadata key "" at byte 8501 is empty`},
			func(m *Model) bool { return m.Metadata[len(m.Metadata)-1] == Entry{"", "uint32", "1"} }},
		{"keys not UTF-8", func(f *tiny) { f.set("a\xff", u32(1)); f.set("\xfe", u32(1)) }, []string{`"a\xff" at byte 8501 is empty or not UTF-8 (and 1 more`},
			func(m *Model) bool { return m.Metadata[len(m.Metadata)-2].Key == `a\xff` }},
		{"arrays in an array", func(f *tiny) {
			one := []byte{byte(typeString), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 'a', 'b'}
			f.set("x", value{typ: typeArray, array: true, count: 2, data: append(one, byte(typeUint16), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 7)})
		}, []string{`metadata key "x" at byte 8501 has arrays in an array`}, nil},
		{"bool of 2", func(f *tiny) { f.set("tokenizer.ggml.add_bos_token", value{typ: typeBool, data: []byte{2}}) },
			[]string{"is a bool of 2; it is taken to be true"}, func(m *Model) bool { return m.Vocab.AddBOS }},
		{"bool of another type", func(f *tiny) { f.set("tokenizer.ggml.add_bos_token", u32(0)) }, []string{"is uint32, not a bool"}, nil},
		{"name not UTF-8", func(f *tiny) { f.set("general.name", textValue("Bản \xe1x")) }, []string{`"general.name" at byte`},
			func(m *Model) bool { return m.Config.Name == `Bản \xe1x` }},
		{"name of another type", func(f *tiny) { f.set("general.name", u32(7)) }, []string{"is uint32, not a string"},
			func(m *Model) bool { return m.Config.Name == "7" }},

		{"piece empty", func(f *tiny) { f.setPiece(358, "", Normal) }, []string{"piece 358 of the vocabulary is empty"},
			func(m *Model) bool {
				return m.Vocab.Pieces[358] == Piece{"[EMPTY_358]", m.Vocab.Pieces[358].Score, Control}
			}},
		{"pieces empty", func(f *tiny) { f.setPiece(357, "", Unused); f.setPiece(358, "", Control) }, []string{"piece 357 of the vocabulary is empty: no text becomes it (and 1 more"}, nil},
		{"control piece twice", func(f *tiny) { f.setPiece(358, "<eos>", Control) }, []string{`"<eos>" of the vocabulary appears twice, as 1 and 358: no text becomes 358`},
			func(m *Model) bool {
				return m.Vocab.Pieces[358].Text == "[DUPLICATE_358]" && slices.Equal(m.Stops, []int32{358})
			}},
		{"unused before learned", func(f *tiny) { f.setPiece(5, "O", Unused) }, []string{`"O" of the vocabulary appears twice, as 5 and 300: no text becomes 5`},
			func(m *Model) bool {
				return m.Vocab.Pieces[5].Text == "[DUPLICATE_5]" && m.Vocab.Pieces[300].Text == "O"
			}},

		{"eot", func(f *tiny) { f.set("tokenizer.ggml.eot_token_id", u32(300)) }, nil,
			func(m *Model) bool { return slices.Equal(m.Stops, []int32{300}) && m.Vocab.Pieces[300].Kind == Normal }},
		{"eot and eom", func(f *tiny) {
			f.set("tokenizer.ggml.eom_token_id", u32(300))
			f.set("tokenizer.ggml.eot_token_id", u32(1))
			f.setPiece(358, "<|im_end|>", UserDefined)
		}, nil, func(m *Model) bool {
			return slices.Equal(m.Stops, []int32{300, 358}) && m.Vocab.Pieces[358].Kind == UserDefined
		}},
		{"eot past the end", func(f *tiny) { f.set("tokenizer.ggml.eot_token_id", u32(360)) }, []string{`eot_token_id" is 360, past the vocabulary's 360 pieces`}, nil},
		{"eot of another type", func(f *tiny) { f.set("tokenizer.ggml.eot_token_id", textValue("x")) }, []string{`eot_token_id" is string, not an id`}, nil},
		{"eot typed normal", func(f *tiny) {
			f.set("tokenizer.ggml.eot_token_id", u32(358))
			f.setPiece(358, "<|done|>", Normal)
		}, []string{`piece 358, "<|done|>", is typed as text`}, func(m *Model) bool { return m.Vocab.Pieces[358].Kind == Control && slices.Equal(m.Stops, []int32{358}) }},
		{"end typed normal", func(f *tiny) { f.setPiece(357, "<end_of_turn>", Normal) }, []string{`piece 357, "<end_of_turn>", is typed as text`},
			func(m *Model) bool { return m.Vocab.Pieces[357].Kind == Control && slices.Equal(m.Stops, []int32{357}) }},
		{"markup is text", func(f *tiny) { f.setPiece(357, "</s>", UserDefined); f.setPiece(358, "<s>", Normal) }, nil,
			func(m *Model) bool { return len(m.Stops) == 0 && m.Vocab.Pieces[357].Kind == UserDefined }},
		{"</s> is a control piece", func(f *tiny) { f.setPiece(357, "</s>", Control) }, nil, func(m *Model) bool { return slices.Equal(m.Stops, []int32{357}) }},

		{"no ids", func(f *tiny) {
			for _, key := range []string{"bos", "eos", "unknown"} {
				f.remove("tokenizer.ggml." + key + "_token_id")
			}
		}, []string{`bos_token_id: it is taken to be 2, piece "<bos>"`, `eos_token_id: it is taken to be 1, piece "<eos>"`, `unknown_token_id: it is taken to be 3, piece "<unk>"`},
			func(m *Model) bool { return m.Vocab.BOS == 2 && m.Vocab.EOS == 1 && m.Vocab.UNK == 3 }},
		{"no id, another name", func(f *tiny) {
			f.remove("tokenizer.ggml.eos_token_id")
			f.setPiece(1, "<|im_end|>", Normal)
		}, []string{`piece 1, "<|im_end|>", is typed as text`, `eos_token_id: it is taken to be 1, piece "<|im_end|>"`},
			func(m *Model) bool { return m.Vocab.EOS == 1 && len(m.Stops) == 0 }},
		{"ids past the end", func(f *tiny) {
			f.set("tokenizer.ggml.bos_token_id", u32(360))
			f.set("tokenizer.ggml.eos_token_id", scalar32(typeInt32, 0xffffffff))
		}, []string{`bos_token_id" is 360, past the vocabulary's 360 pieces`, `eos_token_id" is -1, past`, "taken to be 2", "taken to be 1"}, nil},
		{"no id and no name", func(f *tiny) {
			f.remove("tokenizer.ggml.bos_token_id")
			f.setPiece(2, "<begin>", Control)
		}, nil, func(m *Model) bool { return m.Vocab.BOS == -1 }},
		{"bos typed normal", func(f *tiny) { f.patch("tokenizer.ggml.token_type", 8, byte(Normal)) }, []string{`piece 2, "<bos>", is typed as text`},
			func(m *Model) bool { return m.Vocab.Pieces[2].Kind == Control }},
		{"unknown typed control", func(f *tiny) { f.patch("tokenizer.ggml.token_type", 12, byte(Control)) }, []string{`piece 3, "<unk>", is not typed as the unknown piece`},
			func(m *Model) bool { return m.Vocab.Pieces[3].Kind == Unknown }},
	} {
		f := readTiny(t)
		c.change(f)
		m, err := Parse("tiny", f.bytes())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.EqualFunc(m.Warnings, c.want, strings.Contains) {
			t.Errorf("%s: warnings %q, want %q", c.name, m.Warnings, c.want)
		}
		if c.check != nil && !c.check(m) {
			t.Errorf("%s: stops at %v, bos %d, eos %d, pieces %v", c.name, m.Stops, m.Vocab.BOS, m.Vocab.EOS, m.Vocab.Pieces[350:])
		}
	}
}

// Two pieces that a text could become are an error, whichever kinds they have.
func TestPiecesThatATextCouldBothBecome(t *testing.T) {
	for _, kind := range []Kind{Normal, UserDefined} {
		f := readTiny(t)
		f.setPiece(358, "O", kind)
		if _, err := Parse("tiny", f.bytes()); err == nil || !strings.Contains(err.Error(), `piece "O" appears twice, as 300 and 358`) {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
}

// Every name of an end is one whatever its kind, but for that of an HTML tag.
func TestEndsByName(t *testing.T) {
	for _, name := range endNames[2:] {
		for _, kind := range []Kind{Normal, Control, UserDefined} {
			f := readTiny(t)
			f.setPiece(355, name, kind)
			m, err := Parse("tiny", f.bytes())
			if err != nil || !slices.Equal(m.Stops, []int32{355}) {
				t.Errorf("%s of kind %d: %v", name, kind, fmt.Sprint(m, err))
			}
		}
	}
}
