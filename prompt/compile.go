package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sealvk/prompt/jinja"
	"sealvk/tokenize"
)

// format is a compiled template and what its source shows of it.
type format struct {
	name     string
	source   string
	template *jinja.Template
	check    func(*tokenize.Tokenizer, []Message) error // of what is to be rendered; nil: none

	probe sync.Once // of what follows
	calls CallForm
}

// Compile makes a template of Jinja source as published models have it, in the
// environment of Hugging Face's transformers (package jinja). name says where
// the source is from, for errors and String.
//
// Only what the template itself writes becomes a control piece or marker; its
// messages are guarded as with the built-in formats. The prompt begins with
// one bos whether the template writes it or not.
func Compile(name, source string) (Template, error) {
	template, err := jinja.Compile(source)
	if err != nil {
		return Template{}, fmt.Errorf("prompt: %s: %w", name, err)
	}
	return Template{format: &format{name: name, source: source, template: template}}, nil
}

// CompileFile is Compile of a file's content: Jinja source, or a JSON object
// such as tokenizer_config.json whose chat_template is the source (of several
// the one named "default"). A byte order mark in front is passed over.
func CompileFile(name string, content []byte) (Template, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	source := string(content)
	if strings.HasSuffix(name, ".json") || json.Valid(content) {
		var err error
		if source, err = templateOf(content); err != nil {
			return Template{}, fmt.Errorf("prompt: %s: %w", name, err)
		}
	}
	return Compile(name, source)
}

// ErrNoTemplate is of a JSON file without a template.
var ErrNoTemplate = errors.New("there is no chat_template in it")

// templateOf finds the source in a tokenizer_config.json.
func templateOf(config []byte) (string, error) {
	var c struct {
		ChatTemplate json.RawMessage `json:"chat_template"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return "", err
	}
	var source string
	if json.Unmarshal(c.ChatTemplate, &source) == nil && source != "" {
		return source, nil
	}
	var several []struct{ Name, Template string }
	if json.Unmarshal(c.ChatTemplate, &several) == nil {
		for _, t := range several {
			if t.Name == "default" {
				return t.Template, nil
			}
		}
	}
	return "", ErrNoTemplate
}

// Auto honours the Jinja source from a model's file as it is; without one the
// template is as Detect says. name is the file's, for errors.
func Auto(name, source string, tok *tokenize.Tokenizer) (Template, error) {
	if strings.TrimSpace(source) == "" {
		t, _ := Detect("", tok)
		return t, nil
	}
	return Compile(name, source)
}

// roles are those that templates know.
var roles = [...]string{"system", "user", "assistant", "tool"}

// render returns the conversation in order. It begins with bos.
func (t Template) render(tok *tokenize.Tokenizer, msgs []Message, addGenerationPrompt bool) ([]part, error) {
	if tok.BOS() < 0 {
		return nil, fmt.Errorf("prompt: %s: the vocabulary has no bos", t.name)
	}
	if t.check != nil {
		if err := t.check(tok, msgs); err != nil {
			return nil, fmt.Errorf("prompt: %s: %w", t.name, err)
		}
	}
	var list []any
	size := 0
	for _, m := range msgs {
		// A template may make a piece of a role, as '<|' + role + '|>'. Those
		// that everyone knows can say nothing of their own.
		role := any(jinja.Input(m.Role))
		if slices.Contains(roles[:], m.Role) {
			role = m.Role
		}
		turn := jinja.Dict{{Key: "role", Value: role}, {Key: "content", Value: jinja.Input(m.Content)}}
		more, n, err := m.ofTools()
		if err != nil {
			return nil, fmt.Errorf("prompt: %s: %w", t.name, err)
		}
		list = append(list, append(turn, more...))
		size += len(m.Role) + len(m.Content) + n
	}
	var tools any
	if t.tools != nil {
		tools = t.tools.list
		size += t.tools.size
	}
	vars := jinja.Dict{
		{Key: "messages", Value: list},
		{Key: "add_generation_prompt", Value: addGenerationPrompt},
		{Key: "bos_token", Value: spelling(tok, tok.BOS())},
		{Key: "eos_token", Value: spelling(tok, tok.EOS())},
		{Key: "unk_token", Value: spelling(tok, tok.UNK())},
		{Key: "tools", Value: tools},
		{Key: "documents", Value: nil},
	}
	// Every message costs the template some hundred steps, also an empty one.
	text, err := t.template.Render(vars, size+64*len(msgs))
	if err != nil {
		return nil, fmt.Errorf("prompt: %s: %w", t.name, err)
	}
	return cut(tok, text), nil
}

// spelling is the text of a piece, or nothing if the vocabulary lacks it.
func spelling(tok *tokenize.Tokenizer, id int32) string {
	if id < 0 {
		return ""
	}
	return tok.Piece(id).Text
}

// cut finds the pieces that the template itself wrote: control pieces,
// unknown ones and markers that stand in its own text as a whole, the leftmost
// and longest first. One bos comes first.
func cut(tok *tokenize.Tokenizer, text jinja.Text) []part {
	guards := guards(tok)
	bos := part{tok.Piece(tok.BOS()).Text, tok.BOS()}
	parts := []part{bos}
	plain := 0
	flush := func(end int) {
		if plain < end {
			parts = append(parts, part{text.S[plain:end], -1})
		}
	}
	input := append(text.Input, jinja.Span{Start: len(text.S), End: len(text.S)})
	for at := 0; at < len(text.S); {
		if at == input[0].Start {
			at, input = input[0].End, input[1:]
			continue
		}
		id, n := pieceAt(tok, guards, text.S[at:input[0].Start])
		if n == 0 {
			at++
			continue
		}
		flush(at)
		if id != bos.id || len(parts) > 1 { // a bos at the start is the one that is there
			parts = append(parts, part{text.S[at : at+n], id})
		}
		at += n
		plain = at
	}
	flush(len(text.S))
	return parts
}

// pieceAt returns the longest piece that a template may write as text and that
// text begins with, one of guards or a control or unknown one, and its length in
// bytes; 0 if there is none. Pieces so long that looking for them would take its
// time are left out; no template writes such.
func pieceAt(tok *tokenize.Tokenizer, guards []string, text string) (id int32, n int) {
	const most = 128 // bytes
	id, n = tok.SpecialAt(text[:min(len(text), most)])
	for _, g := range guards {
		if len(g) > n && strings.HasPrefix(text, g) {
			id, _ = tok.ID(g)
			n = len(g)
		}
	}
	return id, n
}

// turnEnds are what other published formats end a turn with.
var turnEnds = [...]string{"<|eot_id|>", "<|eom_id|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>"}

// markers returns what ends an answer and occurs in the source.
func (t *format) markers() (found []string) {
	for _, m := range append([]string{imEnd, turnEnd, imStart, turnStart}, turnEnds[:]...) {
		if strings.Contains(t.source, m) {
			found = append(found, m)
		}
	}
	return found
}
