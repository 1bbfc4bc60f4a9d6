package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// value is a JSON value, made to be shown: whatever fields a profile has, none is left out.
type value struct {
	Text   string   // of a scalar, or of a list of them
	Fields []field  // of an object
	Items  []value  // of a list of objects
	Head   []string // of a table: a column for each field of Items, which are flat
}

type field struct {
	Name  string
	Value value
}

// Flat reports whether the value is text.
func (v value) Flat() bool { return v.Fields == nil && v.Items == nil }

// Cell is a row's text in the column of that name.
func (v value) Cell(name string) string {
	for _, f := range v.Fields {
		if f.Name == name {
			return f.Value.Text
		}
	}
	return ""
}

// parseValue reads JSON with its numbers as they are written and its fields in their order.
func parseValue(text []byte) (value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return readValue(d)
}

func readValue(d *json.Decoder) (v value, err error) {
	token, err := d.Token()
	if err != nil {
		return v, err
	}
	switch token {
	case json.Delim('{'):
		v.Fields = []field{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return v, err
			}
			f, err := readValue(d)
			if err != nil {
				return v, err
			}
			v.Fields = append(v.Fields, field{name.(string), f})
		}
		_, err = d.Token()
	case json.Delim('['):
		var items []value
		for d.More() {
			item, err := readValue(d)
			if err != nil {
				return v, err
			}
			items = append(items, item)
		}
		_, err = d.Token()
		v.setItems(items)
	case nil:
		v.Text = "none"
	default:
		v.Text = fmt.Sprint(token)
	}
	return v, err
}

func (v *value) setItems(items []value) {
	if !slices.ContainsFunc(items, func(item value) bool { return !item.Flat() }) {
		texts := make([]string, len(items))
		for i, item := range items {
			texts[i] = item.Text
		}
		v.Text = strings.Join(texts, ", ")
		return
	}
	v.Items = items
	for _, item := range items {
		for _, f := range item.Fields {
			if !f.Value.Flat() {
				v.Head = nil
				return
			}
			if !slices.Contains(v.Head, f.Name) {
				v.Head = append(v.Head, f.Name)
			}
		}
	}
}

// Title names an item of a list by what it says about itself.
func (v value) Title() string {
	var words []string
	for _, name := range []string{"name", "phase", "depth", "tokens", "kernel", "type", "variant"} {
		if text := v.Cell(name); text != "" {
			words = append(words, name+" "+text)
		}
	}
	return strings.Join(words, ", ")
}
