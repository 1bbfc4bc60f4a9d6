package prompt

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/tokenize"
)

// CallForm is how a template has a model write its calls of tools.
type CallForm int

const (
	NoTools     CallForm = iota // the template tells the model of no tools
	UnknownForm                 // it does, but calls have none of the forms below
	TaggedCalls                 // <tool_call>{"name": …, "arguments": {…}}</tool_call>, as Hermes and Qwen have it; text may stand around them
	PlainCalls                  // {"name": …, "parameters": {…}} as the whole answer, as Llama has it
)

// CallForm finds out by what the template makes of a tool and a call of it.
func (t Template) CallForm(tok *tokenize.Tokenizer) CallForm {
	t.probe.Do(func() { t.calls = t.findCallForm(tok) })
	return t.calls
}

func (t Template) findCallForm(tok *tokenize.Tokenizer) CallForm {
	const name = "probe_of_tools"
	tools, err := ReadTools([]byte(`[{"type":"function","function":{"name":"` + name + `","description":"d",` +
		`"parameters":{"type":"object","properties":{"x":{"type":"integer","description":"d"}},"required":["x"]}}}]`))
	if err != nil {
		return NoTools
	}
	t.tools = tools
	user := Message{Role: "user", Content: "u"}
	if text, err := t.Text(tok, []Message{user}, true); err != nil || !strings.Contains(text, name) {
		return NoTools
	}
	call := ToolCall{ID: "call00000", Name: name, Arguments: `{"x":1}`}
	text, err := t.Text(tok, []Message{
		user, {Role: "assistant", ToolCalls: []ToolCall{call}}, {Role: "tool", Name: name, ToolCallID: call.ID, Content: "r"},
	}, true)
	if err != nil {
		return UnknownForm
	}
	// What the template tells of the tool may look like a call of it.
	same := func(c ToolCall) bool { return strings.ReplaceAll(c.Arguments, " ", "") == call.Arguments }
	if _, calls := NewCallReader(TaggedCalls, tools).Push(text); slices.ContainsFunc(calls, same) {
		return TaggedCalls
	}
	for start := range text {
		if c, _, err := tools.call(text[start:]); err == nil && same(c) {
			return PlainCalls
		}
	}
	return UnknownForm
}

var errNoCall = errors.New("no call of a tool")

// call reads a call that text begins with, and its length in bytes: an object
// with the name of one of the tools, and arguments or parameters. The error is
// io.ErrUnexpectedEOF where text may be the beginning of one.
func (t *Tools) call(text string) (c ToolCall, n int, err error) {
	if !strings.HasPrefix(text, "{") {
		return c, 0, errNoCall
	}
	d := jsontext.NewDecoder(strings.NewReader(text))
	if _, err := d.ReadToken(); err != nil {
		return c, 0, err
	}
	c.Arguments = "{}"
	for d.PeekKind() == jsontext.KindString {
		key, err := d.ReadToken()
		if err != nil {
			return c, 0, err
		}
		name := key.String()
		v, err := d.ReadValue()
		if err != nil {
			return c, 0, err
		}
		switch name {
		case "name":
			b, err := jsontext.AppendUnquote(nil, v)
			if err != nil || !slices.Contains(t.names, string(b)) {
				return c, 0, errNoCall
			}
			c.Name = string(b)
		case "arguments", "parameters":
			if v.Kind() != jsontext.KindBeginObject {
				return c, 0, errNoCall
			}
			c.Arguments = string(v)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return c, 0, err
	}
	if c.Name == "" {
		return c, 0, errNoCall
	}
	return c, int(d.InputOffset()), nil
}

const (
	callStart = "<tool_call>"
	callEnd   = "</tool_call>"
	space     = " \t\r\n" // around calls
)

// CallReader tells the calls in an answer from its text, as that comes. What
// looks like a call but isn't a whole one of a tool that there is, is text. It
// is not safe for concurrent use.
type CallReader struct {
	form  CallForm
	tools *Tools
	held  string // that may be, or become, a call or the space around one
	seen  int    // bytes behind the tag of a call that begins, in which it does not end
	found bool   // a call
	plain bool   // the rest of the answer is text
}

// NewCallReader reads an answer to a prompt with tools, whose calls have one of
// the forms that are known.
func NewCallReader(form CallForm, tools *Tools) *CallReader {
	return &CallReader{form: form, tools: tools}
}

// Push takes the next piece of the answer. It returns the text that is sure to
// be none of a call, and the calls that are complete. White space around calls
// belongs to neither.
func (r *CallReader) Push(piece string) (text string, calls []ToolCall) {
	r.held += piece
	if r.form == PlainCalls {
		return r.pushPlain(), nil
	}
	return r.pushTagged(false)
}

// End returns what Push held back.
func (r *CallReader) End() (text string, calls []ToolCall) {
	if r.form == TaggedCalls {
		text, calls = r.pushTagged(true)
	} else if c, n, err := r.tools.call(strings.TrimLeft(r.held, space)); err == nil && !r.plain &&
		strings.Trim(strings.TrimLeft(r.held, space)[n:], space) == "" {
		r.held, r.found, calls = "", true, []ToolCall{c}
	}
	if !r.found || strings.Trim(r.held, space) != "" {
		text += r.held
	}
	r.held = ""
	return text, calls
}

// pushPlain holds back an answer that begins as a call.
func (r *CallReader) pushPlain() (text string) {
	if begun := strings.TrimLeft(r.held, space); !r.plain && (begun == "" || begun[0] == '{') {
		return ""
	}
	r.plain, text, r.held = true, r.held, ""
	return text
}

// pushTagged takes text and calls from what is held; whole is whether nothing follows.
func (r *CallReader) pushTagged(whole bool) (text string, calls []ToolCall) {
	for {
		start := strings.Index(r.held, callStart)
		if start < 0 {
			return text + r.take(len(r.held)-r.undecided()), calls
		}
		body := r.held[start+len(callStart):]
		c, n, err := r.tagged(body, whole)
		r.seen = 0
		switch {
		case err == nil:
			text += r.take(len(strings.TrimRight(r.held[:start], space)))
			r.held = r.held[strings.Index(r.held, callStart)+len(callStart)+n:]
			r.found = true
			calls = append(calls, c)
		case errors.Is(err, io.ErrUnexpectedEOF) && !whole:
			r.seen = len(body)
			return text + r.take(len(strings.TrimRight(r.held[:start], space))), calls
		default:
			text += r.take(start + len(callStart))
		}
	}
}

// tagged reads a call and its end tag, which may be missing where the answer ends.
func (r *CallReader) tagged(body string, whole bool) (c ToolCall, n int, err error) {
	if !whole && !strings.Contains(body[max(0, r.seen-len(callEnd)):], callEnd) {
		return c, 0, io.ErrUnexpectedEOF
	}
	rest := strings.TrimLeft(body, space)
	c, n, err = r.tools.call(rest)
	if err != nil {
		return c, 0, err
	}
	rest = strings.TrimLeft(rest[n:], space)
	after, ended := strings.CutPrefix(rest, callEnd)
	switch {
	case ended, whole && rest == "":
	case strings.HasPrefix(callEnd, rest): // what was there was in the arguments
		return c, 0, io.ErrUnexpectedEOF
	default:
		return c, 0, errNoCall
	}
	return c, len(body) - len(after), nil
}

// take cuts n bytes from what is held, without the space behind a call.
func (r *CallReader) take(n int) (text string) {
	text, r.held = r.held[:n], r.held[n:]
	if r.found {
		if text = strings.TrimLeft(text, space); text != "" {
			r.found = false
		}
	}
	return text
}

// undecided is the length of the end of what is held that may be the beginning
// of a call, or the space in front of one.
func (r *CallReader) undecided() int {
	tag := min(len(callStart)-1, len(r.held))
	for !strings.HasSuffix(r.held, callStart[:tag]) {
		tag--
	}
	return len(r.held) - len(strings.TrimRight(r.held[:len(r.held)-tag], space))
}
