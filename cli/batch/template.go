package batch

import "errors"

// Template makes a prompt of a line's fields, in Jinja.
type Template struct{}

// ParseTemplate compiles a template file's content; name is the file's, for errors.
func ParseTemplate(name string, content []byte) (*Template, error) {
	return nil, errors.New("batch: not yet")
}

// Fill gives the text for a line whose Text is a JSON object: its fields are the template's
// variables. A field that the template uses and the line lacks is an error that names it.
func (t *Template) Fill(l *Line) (string, error) { return "", errors.New("batch: not yet") }
