package openai

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/xrash/smetrics"
)

// Parse reads a line of a batch file: one of OpenAI's batch lines {"custom_id", "method", "url",
// "body"}, an object with messages or a prompt and options, or a string, which is a prompt. With
// an error of a batch line comes a request with its custom_id where that could be read, for
// Job.Failure; else nil.
func Parse(line []byte) (*Request, error) {
	v, err := check(line)
	if err != nil {
		return nil, err
	}
	switch v.kind() {
	case jsontext.KindString:
		text, _ := v.text()
		return Text(text), nil
	case jsontext.KindBeginObject:
	default:
		return nil, v.want("an object, or a string with a prompt")
	}
	members, _ := v.members()
	if slices.ContainsFunc(members, func(m member) bool { return slices.Contains(batchFields[:], m.name) }) {
		return batchLine(members)
	}
	return plainLine(members)
}

// ParseChat reads a body sent to Chat.
func ParseChat(body []byte) (*Request, error) { return parseBody(Chat, body) }

// ParseCompletion reads a body sent to Completion.
func ParseCompletion(body []byte) (*Request, error) { return parseBody(Completion, body) }

func parseBody(endpoint Endpoint, body []byte) (*Request, error) {
	members, err := object(body)
	if err != nil {
		return nil, err
	}
	r := &Request{Endpoint: endpoint}
	if err := r.read("", members); err != nil {
		return nil, err
	}
	return r, nil
}

// plainLine reads an object of one's own.
func plainLine(members []member) (*Request, error) {
	r := &Request{}
	if has(members, "messages") {
		r.Endpoint = Chat
	}
	if err := r.read("", members); err != nil {
		return nil, err
	}
	if err := r.inFile(""); err != nil {
		return nil, err
	}
	return r, nil
}

// batchFields are those of OpenAI's batch line.
var batchFields = [...]string{"custom_id", "method", "url", "body"}

// batchLine reads OpenAI's. The request that it returns with an error has the custom_id.
func batchLine(members []member) (*Request, error) {
	parts := map[string]member{}
	for _, m := range members {
		if !slices.Contains(batchFields[:], m.name) {
			return nil, m.problem("is no field of a batch line, which has custom_id, method, url and body")
		}
		parts[m.name] = m
	}
	r := &Request{Batch: true}
	for _, name := range batchFields {
		m, ok := parts[name]
		if !ok {
			return r.orNil(), &FieldError{Field: name, Problem: "is missing; a batch line has custom_id, method, url and body"}
		}
		text, ok := m.text()
		switch {
		case name == "body":
		case name == "custom_id" && (!ok || text == ""):
			return nil, m.want("a text that names the line")
		case name == "custom_id":
			r.CustomID = text
		case name == "method" && text != "POST":
			return r, m.want(`"POST"`)
		case name == "url" && text != string(Chat) && text != string(Completion):
			return r, m.want(fmt.Sprintf("%q or %q", Chat, Completion))
		case name == "url":
			r.Endpoint = Endpoint(text)
		}
	}
	body, ok := parts["body"].members()
	if !ok {
		return r, parts["body"].want("an object")
	}
	if err := r.read("body.", body); err != nil {
		return r, err
	}
	return r, r.inFile("body.")
}

// orNil is nil before the request has what names it.
func (r *Request) orNil() *Request {
	if r.CustomID == "" {
		return nil
	}
	return r
}

// inFile refuses what only a server can do.
func (r *Request) inFile(path string) error {
	if r.Stream {
		return &FieldError{Field: path + "stream", Problem: "is true; want false, as answers of a file are written whole"}
	}
	return nil
}

func has(members []member, name string) bool {
	return slices.ContainsFunc(members, func(m member) bool { return m.name == name })
}

// read takes the fields of a body; path is in front of their names.
func (r *Request) read(path string, members []member) error {
	r.N = 1
	state := reading{Request: r}
	whose, needs, instead := prompts, "prompt", "messages"
	if r.Endpoint == Chat {
		whose, needs, instead = chats, instead, needs
	}
	if !has(members, needs) {
		switch {
		case r.Endpoint == "":
			return &FieldError{Field: path + "prompt", Problem: "is missing, and so is messages; want one of them"}
		case has(members, instead):
			return &FieldError{Field: path + needs, Problem: fmt.Sprintf("is missing; %s takes no %s", r.Endpoint, instead)}
		}
		return &FieldError{Field: path + needs, Problem: "is missing"}
	}
	for _, m := range members {
		if err := openaiFields.field(&state, whose, m); err != nil {
			return err
		}
	}
	return state.finish(path)
}

// field reads one, or says why it is refused.
func (t *table) field(r *reading, whose scope, m member) error {
	for _, f := range t.honoured {
		if f.name == m.name && f.scope&whose != 0 {
			ok, err := f.read(r, m.value)
			if err == nil && !ok {
				err = m.want(f.wants)
			}
			return err
		}
	}
	if slices.Contains(t.accepted, m.name) {
		return nil
	}
	for _, f := range t.refused {
		if f.name != m.name {
			continue
		}
		if slices.Contains(f.unless, m.compact()) {
			return nil
		}
		if len(f.unless) > 0 {
			return m.want("it left out or " + strings.Join(f.unless, " or ") + ": nothing else is supported")
		}
		return m.problem("is not supported")
	}
	if slices.ContainsFunc(t.honoured, func(f honoured) bool { return f.name == m.name }) {
		return m.problem("is no field of a request with %s", whose)
	}
	if like := t.alike(m.name, whose); like != "" {
		return m.problem("is unknown; is %s meant?", like)
	}
	return m.problem("is unknown")
}

// alike is a known field whose name is nearly the same; "" if there is none.
func (t *table) alike(name string, whose scope) string {
	var names []string
	for _, f := range t.honoured {
		if f.scope&whose != 0 {
			names = append(names, f.name)
		}
	}
	return Nearest(name, append(names, t.accepted...))
}

// Nearest is the known name that is most like name, which may have been mistyped; "" if none is.
func Nearest(name string, known []string) (best string) {
	few := min(2, len(name)/2) // letters to change, add or leave out
	distance := few + 1
	for _, k := range known {
		if len(name) > 64 || len(k) <= 2 {
			continue
		}
		if d := smetrics.WagnerFischer(strings.ToLower(name), k, 1, 1, 1); d < distance {
			best, distance = k, d
		}
	}
	return best
}
