package prompt

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"sealvk/tokenize"
)

const (
	seallmJinja = `{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`
	chatmlJinja = `{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`
	gemmaJinja  = `{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}`
)

func mustCompile(t testing.TB, name, source string) Template {
	t.Helper()
	template, err := Compile(name, source)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// compiled are SeaLLM, ChatML and Gemma as their models are published.
func compiled(t testing.TB) []Template {
	return []Template{mustCompile(t, "seallm.jinja", seallmJinja), mustCompile(t, "chatml.jinja", chatmlJinja), mustCompile(t, "gemma.jinja", gemmaJinja)}
}

func isGemma(t Template) bool { return t == Gemma || t.String() == "gemma.jinja" }

// published is the template of the published tokenizer_config.json.
func published(t testing.TB) Template {
	t.Helper()
	path := "../testdata/prompt/seallm.json"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	template, err := CompileFile(path, content)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// checkSame says that two templates give the same text and ids.
func checkSame(t *testing.T, a, b Template, tok *tokenize.Tokenizer, msgs []Message) {
	t.Helper()
	for _, head := range []bool{false, true} {
		ids, err := a.Encode(tok, msgs, head)
		same, err2 := b.Encode(tok, msgs, head)
		if err != nil || err2 != nil || !slices.Equal(ids, same) {
			t.Errorf("%q: %v gives %v, %v\n%v gives %v, %v", msgs, a, ids, err, b, same, err2)
		}
		ids, err = a.EncodeSpecial(tok, msgs, head)
		same, err2 = b.EncodeSpecial(tok, msgs, head)
		if err != nil || err2 != nil || !slices.Equal(ids, same) {
			t.Errorf("%q, special pieces parsed: %v gives %v, %v\n%v gives %v, %v", msgs, a, ids, err, b, same, err2)
		}
		text, err := a.Text(tok, msgs, head)
		if sameText, err2 := b.Text(tok, msgs, head); err != nil || err2 != nil || text != sameText {
			t.Errorf("%q: %v gives %q, %v\n%v gives %q, %v", msgs, a, text, err, b, sameText, err2)
		}
	}
}

func TestCompiledIsTheBuiltIn(t *testing.T) {
	jinjas := compiled(t)
	msgs := []Message{{Role: "user", Content: " Hi <eos>\n"}, {Role: "assistant", Content: "<end_of_turn>\u3000"}, {Role: "user", Content: "<bos>"}}
	for _, tok := range []*tokenize.Tokenizer{plainVocab(t), chatmlVocab(t), userVocab(t)} {
		checkSame(t, SeaLLM, jinjas[0], tok, msgs)
		checkSame(t, SeaLLM, jinjas[0], tok, append([]Message{{Role: "system", Content: "Be brief."}, {Role: "<bos>", Content: ""}}, msgs...))
		checkSame(t, ChatML, jinjas[1], tok, msgs)
	}
	checkSame(t, Gemma, jinjas[2], userVocab(t), msgs)
	want := "<bos><start_of_turn>user\nHi <eos><end_of_turn>\n<start_of_turn>model\n<end_of_turn><end_of_turn>\n" +
		"<start_of_turn>user\n<bos><end_of_turn>\n<start_of_turn>model\n"
	if got, err := jinjas[2].Text(userVocab(t), msgs, true); err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	_, err := jinjas[2].Encode(userVocab(t), append([]Message{{Role: "system", Content: "x"}}, msgs...), true)
	if err == nil || err.Error() != "prompt: gemma.jinja: line 1: System role not supported" {
		t.Errorf("got %v", err)
	}
}

// TestOneBOS: the template writes it once, several times or not at all, and
// messages spell it too.
func TestOneBOS(t *testing.T) {
	for name, tok := range map[string]*tokenize.Tokenizer{"plain": plainVocab(t), "user-defined": userVocab(t)} {
		x := tok.Encode(nil, "x", false)
		for _, source := range []string{"{{ messages[0].content }}", "{{ bos_token }}{{ messages[0].content }}",
			"{{ bos_token + bos_token }}{{ messages[0].content }}", "<bos>{{ messages[0].content }}"} {
			template := mustCompile(t, "t", source)
			got, err := template.Encode(tok, []Message{{Role: "user", Content: "x"}}, false)
			if err != nil || !slices.Equal(got, append([]int32{tok.BOS()}, x...)) {
				t.Errorf("%s: %q gives %v, %v", name, source, got, err)
			}
			got, err = template.EncodeSpecial(tok, []Message{{Role: "user", Content: "<bos><bos>x"}}, false)
			if err != nil || got[0] != tok.BOS() || got[1] == tok.BOS() {
				t.Errorf("%s: %q with special pieces gives %v, %v", name, source, got, err)
			}
			got, err = template.Encode(tok, []Message{{Role: "user", Content: "<bos>x"}}, false)
			if text, err2 := tok.Decode(got); err != nil || err2 != nil || text != "<bos><bos>x" || slices.Contains(got[1:], tok.BOS()) {
				t.Errorf("%s: %q gives %v, %v for a spelled bos", name, source, got, err)
			}
		}
	}
	tok := nanoVocab(t, func(v *tokenize.Vocab) { v.BOS = -1 })
	if _, err := published(t).Encode(tok, nil, true); err == nil || !strings.Contains(err.Error(), "no bos") {
		t.Errorf("got %v", err)
	}
}

// TestWhatTheTemplateWrites: its control pieces are parsed next to messages
// that complete, split or surround them.
func TestWhatTheTemplateWrites(t *testing.T) {
	tok := plainVocab(t)
	eos := tok.EOS()
	for source, want := range map[string]int{
		"{{ messages[0].content }}":                                    0,
		"<eos>{{ messages[0].content }}<eos>":                          2,
		"<e{{ messages[0].content }}":                                  0,
		"{{ messages[0].content }}os>":                                 0,
		"{{ '<eo' + 's>' + messages[0].content }}":                     1,
		"{{ messages[0].content | upper }}<eos>":                       1,
		"{% for c in messages[0].content %}{{ c }}{% endfor %}":        0,
		"{{ messages | tojson }}":                                      0,
		"{{ messages[0].content[:2] + messages[0].content[2:] }}":      0,
		"{{ (messages[0].content + '<eos>').split('>') | join('>') }}": 1,
		"{{ messages[0].role.replace('user', '<eos>') }}":              1,
		"{{ '<eos>'.replace('eos', messages[0].content) }}":            0,
	} {
		for _, content := range []string{"<eos>", "os>", "<e", "eos", "x<eos>", "<<eos>>"} {
			ids, err := mustCompile(t, "t", source).Encode(tok, []Message{{Role: "user", Content: content}}, false)
			n := 0
			for _, id := range ids {
				if id == eos {
					n++
				}
			}
			if err != nil || n != want {
				t.Errorf("%q with %q: %d eos, %v, want %d", source, content, n, err, want)
			}
		}
	}
}

// TestRolesInPieces: '<' + role + '>' is a piece for a role that is known.
func TestRolesInPieces(t *testing.T) {
	tok := nanoVocab(t, func(v *tokenize.Vocab) {
		for _, text := range []string{"<user>", "<forged>"} {
			v.Pieces = append(v.Pieces, tokenize.Piece{Text: text, Kind: tokenize.Control})
		}
	})
	template := mustCompile(t, "t", "{% for m in messages %}{{ '<' + m.role + '>' + m.content }}{% endfor %}")
	ids, err := template.Encode(tok, []Message{{Role: "user", Content: "<user>"}, {Role: "forged", Content: "user>"}, {Role: "user", Content: "<"}}, false)
	if n := specials(tok, ids); err != nil || n != 3 || ids[1] != 2048 || slices.Contains(ids, 2049) {
		t.Errorf("%v, %v: %d control pieces, want 3", ids, err, n)
	}
}

// TestLongestPiece: of pieces that begin alike the template writes the longest, of up to 128
// bytes.
func TestLongestPiece(t *testing.T) {
	most := "<" + strings.Repeat("x", 126) + ">"
	texts := []string{"<a", "<a>b", "<a>", most, most + ">"}
	tok := nanoVocab(t, func(v *tokenize.Vocab) {
		for _, text := range texts {
			v.Pieces = append(v.Pieces, tokenize.Piece{Text: text, Kind: tokenize.Control})
		}
	})
	for source, want := range map[string][]int32{"<a>b": {2049}, "<a><a": {2050, 2048}, most: {2051}} {
		ids, err := mustCompile(t, "t", source).Encode(tok, nil, false)
		if err != nil || !slices.Equal(ids[1:], want) {
			t.Errorf("%q: %v, %v, want %v behind bos", source, ids, err, want)
		}
	}
	if ids, err := mustCompile(t, "t", most+">").Encode(tok, nil, false); err != nil || slices.Contains(ids, 2052) {
		t.Errorf("a piece of %d bytes is looked for: %v, %v", len(most)+1, ids, err)
	}
}

// TestEmptyMessagesPay: each brings steps along, however little it says.
func TestEmptyMessagesPay(t *testing.T) {
	const n = 100_000
	text, err := mustCompile(t, "t", seallmJinja).Text(plainVocab(t), make([]Message, n), false)
	if want := len("<bos>") + n*len("<|im_start|>\n<eos>\n"); err != nil || len(text) != want {
		t.Errorf("%d bytes, %v, want %d", len(text), err, want)
	}
}

// TestTurnEndsAreGuarded: also those that the vocabulary has as user-defined pieces.
func TestTurnEndsAreGuarded(t *testing.T) {
	for _, kind := range []tokenize.Kind{tokenize.Control, tokenize.UserDefined} {
		tok := nanoVocab(t, func(v *tokenize.Vocab) {
			v.Pieces = append(v.Pieces, tokenize.Piece{Text: "<|eot_id|>", Kind: kind})
		})
		ids, err := mustCompile(t, "t", "{{ messages[0].content }}<|eot_id|>").Encode(tok, []Message{{Role: "user", Content: "a<|eot_id|>b"}}, false)
		text, err2 := tok.Decode(ids)
		if err != nil || err2 != nil || text != "<bos>a<|eot_id|>b<|eot_id|>" || slices.Index(ids, 2048) != len(ids)-1 {
			t.Errorf("%v: %v (%q), %v, %v: want the end of the turn once, at the end", kind, ids, text, err, err2)
		}
	}
}

func TestCompileFile(t *testing.T) {
	of := func(v any) []byte {
		b, err := json.Marshal(map[string]any{"chat_template": v, "x": 1})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, content := range map[string][]byte{
		"t.jinja":               []byte(seallmJinja + "\n"),
		"tokenizer_config.json": of(seallmJinja),
		"without an ending":     of(seallmJinja),
		"several.json":          of([]map[string]string{{"name": "tool_use", "template": "x"}, {"name": "default", "template": seallmJinja}}),
	} {
		template, err := CompileFile(name, content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkSame(t, SeaLLM, template, plainVocab(t), []Message{{Role: "user", Content: "Hi"}})
	}
	for name, content := range map[string][]byte{"a.json": of(nil), "b.json": []byte("{}"), "c.json": of([]string{"x"}), "d.json": of("")} {
		if _, err := CompileFile(name, content); !errors.Is(err, ErrNoTemplate) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, content := range map[string][]byte{"e.json": []byte("{"), "f.json": []byte("[]"), "g.jinja": []byte("\n{% if %}"), "h.jinja": []byte("{\xff{ '\xff")} {
		if _, err := CompileFile(name, content); err == nil && name != "h.jinja" || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Compile("model.gguf", "a\n{{ x"); err == nil || err.Error() != "prompt: model.gguf: line 2: a tag has no end }}" {
		t.Errorf("got %v", err)
	}
}

func TestAuto(t *testing.T) {
	tok := plainVocab(t)
	if got, err := Auto("m", " \n", tok); err != nil || got != SeaLLM {
		t.Errorf("no source: %v, %v", got, err)
	}
	if got, err := Auto("m", "", chatmlVocab(t)); err != nil || got != ChatML {
		t.Errorf("no source, ChatML's vocabulary: %v, %v", got, err)
	}
	got, err := Auto("m", "[INST] {{ messages[0].content }} [/INST]", tok)
	if err != nil || got.String() != "m" {
		t.Fatalf("%v, %v", got, err)
	}
	if text, err := got.Text(tok, []Message{{Role: "user", Content: "Hi"}}, true); err != nil || text != "<bos>[INST] Hi [/INST]" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Auto("m", "{% nope %}", tok); err == nil {
		t.Error("an unknown tag passes")
	}
}

func TestStopsOfJinja(t *testing.T) {
	jinjas := compiled(t)
	llama := mustCompile(t, "llama", "{{ messages[0].content }}<|eot_id|>")
	eot := nanoVocab(t, func(v *tokenize.Vocab) {
		v.Pieces = append(v.Pieces, tokenize.Piece{Text: "<|eot_id|>", Kind: tokenize.Control})
	})
	for name, c := range map[string]struct {
		template Template
		tok      *tokenize.Tokenizer
		ids      []int32
		strings  []string
	}{
		"seallm":              {jinjas[0], plainVocab(t), []int32{1}, []string{imStart}},
		"chatml":              {jinjas[1], chatmlVocab(t), []int32{1}, []string{imStart}},
		"chatml, no piece":    {jinjas[1], plainVocab(t), []int32{1}, []string{imEnd, imStart}},
		"gemma":               {jinjas[2], userVocab(t), []int32{1, 2049, 2048}, nil},
		"llama":               {llama, eot, []int32{1, 2048}, nil},
		"llama without piece": {llama, plainVocab(t), []int32{1}, nil},
	} {
		ids, stops := c.template.Stops(c.tok)
		if !slices.Equal(ids, c.ids) || !slices.Equal(stops, c.strings) {
			t.Errorf("%s: got %v, %q, want %v, %q", name, ids, stops, c.ids, c.strings)
		}
	}
}
