package prompt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sealvk/tokenize"
)

// Message is one turn of a conversation.
type Message struct {
	Role       string     `json:"role"` // system, user, assistant or tool
	Content    string     `json:"content"`
	Name       string     `json:"name,omitempty"`         // of who speaks, or of the tool; "": none is told
	ToolCalls  []ToolCall `json:"-"`                      // of an assistant
	ToolCallID string     `json:"tool_call_id,omitempty"` // of a tool's result; "": none is told
}

// Template is a chat format, written in Jinja: a built-in one, or one that
// [Compile] made. It may be used concurrently.
type Template struct {
	*format
	tools *Tools // that are told to the model; nil: none
}

// The built-in formats; nothing assigns to them.
var (
	// SeaLLM is the format of SeaLLM-7B-v2.5 (its model card and
	// chat_template): for each turn
	//
	//	<|im_start|>role\ncontent<eos>\n
	//
	// with any role. <eos> is the vocabulary's eos, whatever its name.
	// <|im_start|> is plain text in that vocabulary, so a message that holds
	// it can imitate the head of a turn; it can't end its own turn.
	SeaLLM = builtIn("seallm", `{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{{ m.content }}{{ eos_token + '\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`, checkSeaLLM)

	// ChatML is
	//
	//	<|im_start|>role\ncontent<|im_end|>\n
	//
	// with any role (github.com/openai/openai-python, chatml.md). The two
	// markers are pieces where the vocabulary has them, else plain text, and
	// then a message can imitate them.
	ChatML = builtIn("chatml", `{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{{ m.content }}{{ '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`, nil)

	// Gemma is the format of Google's instruction-tuned models
	// (ai.google.dev/gemma/docs/formatting):
	//
	//	<start_of_turn>user\ncontent<end_of_turn>\n
	//
	// with the roles user and model (assistant) in turn, contents stripped of
	// white space at both ends, and a system message, which may come first,
	// put in front of the first user message with a blank line.
	Gemma = builtIn("gemma", `{% set system = '' %}
{%- if messages[0].role == 'system' %}{% set system = messages[0].content + '\n\n' %}{% set messages = messages[1:] %}{% endif %}
{%- for m in messages %}
{{- '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + (system if loop.first else '') + m.content | trim + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}`, checkGemma)
)

// markers of the formats
const (
	imStart   = "<|im_start|>"
	imEnd     = "<|im_end|>"
	turnStart = "<start_of_turn>"
	turnEnd   = "<end_of_turn>"
)

// builtIn compiles a format of this package; check refuses what it cannot
// write, nil nothing.
func builtIn(name, source string, check func(*tokenize.Tokenizer, []Message) error) Template {
	t, err := Compile(name, source)
	if err != nil {
		panic(err)
	}
	t.check = check
	return t
}

func checkSeaLLM(tok *tokenize.Tokenizer, _ []Message) error {
	if tok.EOS() < 0 {
		return errors.New("the vocabulary has no eos")
	}
	return nil
}

// checkGemma wants the markers to be pieces, and user and assistant to take
// turns behind a system message or none.
func checkGemma(tok *tokenize.Tokenizer, msgs []Message) error {
	for _, m := range [...]string{turnStart, turnEnd} {
		if _, ok := marker(tok, m); !ok {
			return fmt.Errorf("the vocabulary has no piece %s", m)
		}
	}
	first := 0
	if len(msgs) > 0 && msgs[0].Role == "system" {
		first = 1
	}
	if len(msgs) == first {
		return errors.New("there is no user message")
	}
	for i, m := range msgs[first:] {
		role := m.Role
		if role == "assistant" {
			role = "model"
		}
		want := [...]string{"user", "model"}[i%2]
		switch {
		case role != "user" && role != "model":
			return fmt.Errorf("message %d has the role %q; known are system (first), user and assistant", first+i, m.Role)
		case role != want:
			return fmt.Errorf("message %d is of %s, but user and assistant must take turns, user first", first+i, m.Role)
		}
	}
	return nil
}

// String returns the name of a built-in template, as ByName takes it, or what
// a Jinja template was compiled as.
func (t Template) String() string { return t.name }

// ByName returns the built-in template with this name: seallm, chatml or gemma.
func ByName(name string) (t Template, ok bool) {
	for _, t := range []Template{SeaLLM, ChatML, Gemma} {
		if strings.EqualFold(t.name, name) {
			return t, true
		}
	}
	return t, false
}

// Detect chooses the built-in template by the markers that occur in
// chatTemplate, the Jinja source from the model's file. Without any source it
// is ChatML if the vocabulary has a piece <|im_end|>, else SeaLLM. It is false
// of a source without known markers, or with those of two formats.
func Detect(chatTemplate string, tok *tokenize.Tokenizer) (t Template, ok bool) {
	if strings.TrimSpace(chatTemplate) == "" {
		if _, ok := marker(tok, imEnd); ok {
			return ChatML, true
		}
		return SeaLLM, true
	}
	gemma := strings.Contains(chatTemplate, turnStart)
	im := strings.Contains(chatTemplate, imStart)
	switch {
	case gemma && !im:
		return Gemma, true
	case im && !gemma && strings.Contains(chatTemplate, imEnd):
		return ChatML, true
	case im && !gemma:
		return SeaLLM, true
	}
	return t, false
}

// Stops returns what ends an answer by default: token ids, and strings in the
// decoded text. They are the end of a sequence, the end of a turn and the start
// of the next one; what has a piece is an id. A Jinja template stops at what it
// writes of the markers of the built-in formats, and at the end of a turn of
// other published ones if that is a piece.
func (t Template) Stops(tok *tokenize.Tokenizer) (ids []int32, strings []string) {
	if eos := tok.EOS(); eos >= 0 {
		ids = append(ids, eos)
	}
	for _, m := range t.markers() {
		id, ok := marker(tok, m)
		switch {
		case !ok && !slices.Contains(turnEnds[:], m):
			strings = append(strings, m)
		case ok && !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids, strings
}

// marker returns the piece of a marker: a control or user-defined one. A
// learned piece of that text is just text.
func marker(tok *tokenize.Tokenizer, text string) (int32, bool) {
	id, ok := tok.ID(text)
	if !ok {
		return 0, false
	}
	kind := tok.Piece(id).Kind
	return id, kind == tokenize.Control || kind == tokenize.UserDefined
}

// Source is the template's Jinja source.
func (t Template) Source() string { return t.source }
