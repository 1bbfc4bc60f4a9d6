package prompt

import (
	"fmt"
	"slices"
	"strings"

	"sealvk/tokenize"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // system, user or assistant
	Content string `json:"content"`
}

// Template is a chat format: a built-in one, or a Jinja template ([Compile]).
// It may be used concurrently. The zero value is SeaLLM.
type Template struct {
	format format
	jinja  *jinjaTemplate // nil: the built-in format
}

type format int

const (
	seallm format = iota
	chatml
	gemma
)

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
	SeaLLM = Template{format: seallm}

	// ChatML is
	//
	//	<|im_start|>role\ncontent<|im_end|>\n
	//
	// with any role (github.com/openai/openai-python, chatml.md). The two
	// markers are pieces where the vocabulary has them, else plain text, and
	// then a message can imitate them.
	ChatML = Template{format: chatml}

	// Gemma is the format of Google's instruction-tuned models
	// (ai.google.dev/gemma/docs/formatting):
	//
	//	<start_of_turn>user\ncontent<end_of_turn>\n
	//
	// with the roles user and model (assistant) in turn, contents stripped of
	// white space at both ends, and a system message, which may come first,
	// put in front of the first user message with a blank line.
	Gemma = Template{format: gemma}
)

// markers of the formats
const (
	imStart   = "<|im_start|>"
	imEnd     = "<|im_end|>"
	turnStart = "<start_of_turn>"
	turnEnd   = "<end_of_turn>"
)

var names = [...]string{seallm: "seallm", chatml: "chatml", gemma: "gemma"}

// String returns the name of a built-in template, as ByName takes it, or what
// a Jinja template was compiled as.
func (t Template) String() string {
	if t.jinja != nil {
		return t.jinja.name
	}
	return names[t.format]
}

// ByName returns the built-in template with this name: seallm, chatml or gemma.
func ByName(name string) (Template, error) {
	for i, n := range names {
		if strings.EqualFold(n, name) {
			return Template{format: format(i)}, nil
		}
	}
	return Template{}, fmt.Errorf("prompt: no template %q; known are %s", name, strings.Join(names[:], ", "))
}

// Detect chooses the built-in template by the markers that occur in
// chatTemplate, the Jinja source from the model's file. Without any source it
// is ChatML if the vocabulary has a piece <|im_end|>, else SeaLLM. A source
// without known markers, or with those of two formats, is an error.
func Detect(chatTemplate string, tok *tokenize.Tokenizer) (Template, error) {
	if strings.TrimSpace(chatTemplate) == "" {
		if _, ok := marker(tok, imEnd); ok {
			return ChatML, nil
		}
		return SeaLLM, nil
	}
	gemma := strings.Contains(chatTemplate, turnStart)
	im := strings.Contains(chatTemplate, imStart)
	switch {
	case gemma && !im:
		return Gemma, nil
	case im && !gemma && strings.Contains(chatTemplate, imEnd):
		return ChatML, nil
	case im && !gemma:
		return SeaLLM, nil
	}
	const most = 80
	shown := []rune(chatTemplate)
	if len(shown) > most {
		shown = append(shown[:most], '…')
	}
	return Template{}, fmt.Errorf("prompt: unknown chat template %q; choose one of %s",
		string(shown), strings.Join(names[:], ", "))
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

// markers returns the strings that structure the format, without eos.
func (t Template) markers() []string {
	if t.jinja != nil {
		return t.jinja.markers()
	}
	switch t.format {
	case chatml:
		return []string{imEnd, imStart}
	case gemma:
		return []string{turnEnd, turnStart}
	}
	return []string{imStart}
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
