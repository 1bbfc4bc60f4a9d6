package samples

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/dlclark/regexp2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Judge has three readers look at an answer: one that takes no lone surrogates and, unless Twice, no
// name twice; encoding/json; and the schema, whose formats are asserted and whose patterns are
// ECMAScript's.
func (s Sample) Judge(answer []byte) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(answer), jsontext.AllowDuplicateNames(s.Twice))
	if _, err := d.ReadValue(); err != nil {
		return err
	}
	if d.InputOffset() != int64(len(answer)) {
		return errors.New("goes on behind its end")
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(answer))
	if err != nil {
		return err
	}
	compiled, err := s.compile()
	if err != nil {
		return err
	}
	return compiled.Validate(instance)
}

func (s Sample) compile() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(s.Schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) {
		re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
		return ecma{re}, err
	})
	if err := c.AddResource("sample:///schema", doc); err != nil {
		return nil, err
	}
	return c.Compile("sample:///schema")
}

// ecma is a regular expression as JSON Schema has it.
type ecma struct{ *regexp2.Regexp }

func (e ecma) MatchString(s string) bool {
	ok, err := e.Regexp.MatchString(s)
	return ok && err == nil
}
