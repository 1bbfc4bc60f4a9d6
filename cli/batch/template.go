package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/prompt/jinja"
)

// Template makes a prompt of a line's fields, in Jinja. It may be used concurrently.
type Template struct {
	name     string
	template *jinja.Template
}

// ParseTemplate compiles a template file's content; name is the file's, for errors.
func ParseTemplate(name string, content []byte) (*Template, error) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	switch {
	case !utf8.Valid(content):
		return nil, fmt.Errorf("batch: %s is not UTF-8: byte %d is %#02x", name, notUTF8(content)+1, content[notUTF8(content)])
	case len(bytes.TrimSpace(content)) == 0:
		return nil, fmt.Errorf("batch: %s is empty; want a Jinja template such as {{ question }}", name)
	}
	t, err := jinja.Compile(string(content))
	if err != nil {
		return nil, fmt.Errorf("batch: %s: %w", name, err)
	}
	return &Template{name, t}, nil
}

// Fill gives the text for a line whose Text is a JSON object: its fields are the template's
// variables, and nothing else of them has a meaning. A field that the template uses and the line
// lacks is an error that names it. One line break at the template's end is not part of the text.
func (t *Template) Fill(l *Line) (string, error) {
	d := jsontext.NewDecoder(bytes.NewReader(l.Text))
	if d.PeekKind() != '{' {
		return "", fmt.Errorf("batch: the line is %s, and the template wants a JSON object with its fields", kindName(d.PeekKind()))
	}
	fields, err := readValue(d)
	if err == nil {
		behind := d.InputOffset() + 1
		if _, end := d.ReadToken(); end != io.EOF {
			err = fmt.Errorf("there is more behind the JSON object, from byte %d on", behind)
		}
	}
	if err != nil {
		return "", fmt.Errorf("batch: the line is no JSON object with the template's fields: %w", err)
	}
	text, err := t.template.RenderStrict(fields.(jinja.Dict), len(l.Text))
	if err != nil {
		return "", fmt.Errorf("batch: %s: %w; the line's fields are %s", t.name, err, names(fields.(jinja.Dict)))
	}
	return text.S, nil
}

func names(fields jinja.Dict) string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.Key
	}
	return quoted(keys)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "a string"
	case '[':
		return "an array"
	case '0':
		return "a number"
	case 'n', 't', 'f':
		return k.String()
	}
	return "not JSON"
}

// readValue reads a value as a template takes it.
func readValue(d *jsontext.Decoder) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return t.Bool(), nil
	case '"':
		return t.String(), nil
	case '0':
		n, err := number(t.String())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.StackPointer(), err)
		}
		return n, nil
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.ReadToken()
		return list, err
	}
	dict := jinja.Dict{}
	for d.PeekKind() != '}' {
		key, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := key.String() // the token is valid up to the next
		v, err := readValue(d)
		if err != nil {
			return nil, err
		}
		dict = append(dict, jinja.Pair{Key: name, Value: v})
	}
	_, err = d.ReadToken()
	return dict, err
}

// number keeps whole numbers whole, as Python does, but for those past 64 bits.
func number(text string) (any, error) {
	if !strings.ContainsAny(text, ".eE") {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%.40s is more than 64 bits hold; write it as a string", text)
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, errors.New("the number is out of range")
	}
	return f, nil
}
