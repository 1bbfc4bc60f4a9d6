package tokenize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// tokenizerJSON is what matters of a tokenizer.json, Hugging Face tokenizers'
// form. What it does at the ends of a text (post_processor, truncation,
// padding) is the caller's business here.
type tokenizerJSON struct {
	Added        []addedToken    `json:"added_tokens"`
	Normalizer   json.RawMessage `json:"normalizer"`
	PreTokenizer json.RawMessage `json:"pre_tokenizer"`
	Decoder      json.RawMessage `json:"decoder"`
	Model        *bpeModel       `json:"model"`
}

type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"` // found where blanks are U+2581 already
	Special    bool   `json:"special"`
}

type bpeModel struct {
	Type         string    `json:"type"`
	Dropout      float64   `json:"dropout"`
	Unknown      string    `json:"unk_token"`
	Prefix       string    `json:"continuing_subword_prefix"`
	Suffix       string    `json:"end_of_word_suffix"`
	ByteFallback bool      `json:"byte_fallback"`
	IgnoreMerges bool      `json:"ignore_merges"`
	Vocab        vocabList `json:"vocab"`
	Merges       mergeList `json:"merges"`

	size int // of Vocab, before added tokens come to it
}

// readTokenizerJSON reads and checks all but the vocabulary.
func readTokenizerJSON(data []byte) (*tokenizerJSON, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8; download the file again")
	}
	f := new(tokenizerJSON)
	if err := json.Unmarshal(data, f); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("not JSON: byte %d: %w; download the file again", syntax.Offset, err)
		}
		return nil, fmt.Errorf("not a tokenizer.json: %w", err)
	}
	if f.Model == nil {
		return nil, errors.New(`not a tokenizer.json: "model" is missing`)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("%w; only tokenizers of Gemma's kind are supported", err)
	}
	return f, nil
}

// check refuses settings under which ids or text would be other than ours.
func (f *tokenizerJSON) check() error {
	m := f.Model
	if m.Type != "BPE" {
		return fmt.Errorf("model.type is %q, not BPE", m.Type)
	}
	for _, s := range []struct {
		bad  bool
		what string
	}{
		{!m.ByteFallback, "model.byte_fallback is off"},
		{m.IgnoreMerges, "model.ignore_merges is on"},
		{m.Dropout != 0, "model.dropout is on"},
		{m.Prefix != "", fmt.Sprintf("model.continuing_subword_prefix is %q", m.Prefix)},
		{m.Suffix != "", fmt.Sprintf("model.end_of_word_suffix is %q", m.Suffix)},
		{m.Unknown == "", "model.unk_token is missing"},
	} {
		if s.bad {
			return errors.New(s.what)
		}
	}
	for i, a := range f.Added {
		for _, s := range []struct {
			on   bool
			name string
		}{{a.LStrip, "lstrip"}, {a.RStrip, "rstrip"}, {a.SingleWord, "single_word"}} {
			if s.on {
				return fmt.Errorf("added_tokens[%d] (%q) has %s", i, a.Content, s.name)
			}
		}
	}
	return f.checkSteps()
}

// step is a normalizer, pre-tokenizer or decoder.
type step struct {
	Type    string `json:"type"`
	Pattern struct {
		String *string `json:"String"`
	} `json:"pattern"`
	Content       string `json:"content"`
	Invert        bool   `json:"invert"`
	Normalizers   []step `json:"normalizers"`
	PreTokenizers []step `json:"pretokenizers"`
	Decoders      []step `json:"decoders"`
}

// replaces reports whether s puts to in the place of from.
func (s *step) replaces(from, to string) bool {
	return s.Type == "Replace" && s.Pattern.String != nil && *s.Pattern.String == from && s.Content == to
}

// readSteps reads null, one step or a Sequence of them.
func readSteps(raw json.RawMessage) ([]step, error) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	var s step
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if s.Type != "Sequence" {
		return []step{s}, nil
	}
	return append(append(s.Normalizers, s.PreTokenizers...), s.Decoders...), nil
}

// checkSteps allows what Gemma's exports have: a blank becomes U+2581, which
// leaves a pre-tokenizer that splits at blanks nothing to do, and the decoder
// is Decode.
func (f *tokenizerJSON) checkSteps() error {
	for _, c := range []struct {
		name  string
		raw   json.RawMessage
		right func(s []step) bool
	}{
		{"normalizer", f.Normalizer, func(s []step) bool {
			return len(s) == 1 && s[0].replaces(" ", space)
		}},
		{"pre_tokenizer", f.PreTokenizer, func(s []step) bool {
			return len(s) == 0 || len(s) == 1 && s[0].Type == "Split" && !s[0].Invert &&
				s[0].Pattern.String != nil && *s[0].Pattern.String == " "
		}},
		{"decoder", f.Decoder, func(s []step) bool {
			return len(s) == 3 && s[0].replaces(space, " ") && s[1].Type == "ByteFallback" && s[2].Type == "Fuse"
		}},
	} {
		steps, err := readSteps(c.raw)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if !c.right(steps) {
			var b bytes.Buffer
			if json.Compact(&b, c.raw) != nil {
				b.WriteString("missing")
			}
			return fmt.Errorf("%s is %.120s", c.name, b.String())
		}
	}
	return nil
}
