package openai

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// value is a part of a request, whole JSON, and where it stands.
type value struct {
	path string
	raw  jsontext.Value
}

// member is a named value of an object.
type member struct {
	name string
	value
}

// check reads a text as one JSON value of valid UTF-8 whose objects have no name twice.
func check(text []byte) (value, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	if _, err := d.ReadValue(); err != nil {
		return value{}, syntaxError(err)
	}
	end := d.InputOffset()
	if rest := bytes.TrimLeft(text[end:], " \t\r\n"); len(rest) > 0 {
		return value{}, value{}.problem("goes on behind its end, at byte %d; want one JSON value", len(text)-len(rest))
	}
	return value{raw: bytes.TrimSpace(text[:end])}, nil
}

// object reads a body, which is an object, and gives its members.
func object(body []byte) ([]member, error) {
	v, err := check(body)
	if err != nil {
		return nil, err
	}
	members, ok := v.members()
	if !ok {
		return nil, v.want("an object")
	}
	return members, nil
}

// longPath is as much as an error shows of a path, in bytes: JSON may be nested as deep as 10,000 values.
const longPath = 200

// syntaxError names the place where a text is no JSON.
func syntaxError(err error) error {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) {
		if errors.Is(err, io.EOF) {
			return value{}.problem("is empty; want a JSON value")
		}
		return value{}.problem("is no JSON: %v", err)
	}
	path := ""
	for token := range syntactic.JSONPointer.Tokens() {
		if len(path) > longPath {
			path += "…"
			break
		}
		path = inside(path, token)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return value{path: path}.problem("is there twice")
	}
	return value{path: path}.problem("is no JSON: %v, after byte %d", syntactic.Err, syntactic.ByteOffset)
}

// inside is the path of a member or, if its name is a number, of an element.
func inside(path, name string) string {
	name = short(name)
	if _, err := strconv.ParseUint(name, 10, 64); err == nil && path != "" {
		return path + "[" + name + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// short is a text of a request as an error shows it.
func short(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	end := most
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func (v value) kind() jsontext.Kind { return v.raw.Kind() }

// is tells what stands there, for an error.
func (v value) is() string {
	switch v.kind() {
	case jsontext.KindBeginObject:
		return "is an object"
	case jsontext.KindBeginArray:
		return "is a list"
	}
	return "is " + short(string(v.raw))
}

// want is the error of a value that is not what is wanted.
func (v value) want(what string) error { return v.problem("%s; want %s", v.is(), what) }

// problem is another error, whose text follows the field's name.
func (v value) problem(format string, args ...any) error {
	e := &FieldError{Field: v.path, Problem: fmt.Sprintf(format, args...)}
	if e.Field == "" {
		e.Problem = "the request " + e.Problem
	}
	return e
}

// text is a string's.
func (v value) text() (text string, ok bool) {
	if v.kind() != jsontext.KindString {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, v.raw)
	return string(b), err == nil
}

func (v value) boolean() (is, ok bool) {
	return v.kind() == jsontext.KindTrue, v.kind() == jsontext.KindTrue || v.kind() == jsontext.KindFalse
}

// number is one between lo and hi, ends included.
func (v value) number(lo, hi float64) (x float64, ok bool) {
	if v.kind() != jsontext.KindNumber {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(v.raw), 64)
	return x, err == nil && x >= lo && x <= hi
}

// integer is a whole number between lo and hi, which may be written as 16.0.
func (v value) integer(lo, hi int64) (n int64, ok bool) {
	if v.kind() != jsontext.KindNumber {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v.raw), 10, 64)
	if err != nil {
		const exact = 1 << 53 // beyond, a float64 may stand for another number
		x, ok := v.number(-exact, exact)
		if !ok || x != math.Trunc(x) {
			return 0, false
		}
		n = int64(x)
	}
	return n, n >= lo && n <= hi
}

// maxElements is the most of a list: no context holds more tokens. What is longer would only take memory.
const maxElements = 1 << 20

// elements are those of a list; it is false of one that is too long.
func (v value) elements() (list []value, ok bool) {
	if v.kind() != jsontext.KindBeginArray {
		return nil, false
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(v.raw))
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != jsontext.KindEndArray {
		var raw jsontext.Value
		raw, err = v.next(d)
		if len(list) == maxElements {
			return nil, false
		}
		list = append(list, value{v.path + "[" + strconv.Itoa(len(list)) + "]", raw})
	}
	return list, err == nil
}

// members are those of an object; those that are null count as absent.
func (v value) members() (list []member, ok bool) {
	if v.kind() != jsontext.KindBeginObject {
		return nil, false
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(v.raw))
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != jsontext.KindEndObject {
		var name jsontext.Token
		if name, err = d.ReadToken(); err != nil {
			break
		}
		m := member{name: name.String()}
		m.path = m.name
		if v.path != "" {
			m.path = v.path + "." + m.name
		}
		if m.raw, err = v.next(d); err == nil && m.kind() != jsontext.KindNull {
			list = append(list, m)
		}
	}
	return list, err == nil
}

// next reads a value as a part of v's own text, which lives longer than the decoder's.
func (v value) next(d *jsontext.Decoder) (jsontext.Value, error) {
	raw, err := d.ReadValue()
	end := d.InputOffset()
	return v.raw[end-int64(len(raw)) : end], err
}

// compact is the value without white space, to be compared.
func (v value) compact() string {
	raw := v.raw.Clone()
	if err := raw.Compact(); err != nil {
		return ""
	}
	return string(raw)
}
