// Package schema turns a JSON Schema into a grammar whose texts are JSON values that the schema calls
// valid. What reads and judges schemas is github.com/santhosh-tekuri/jsonschema; drafts 4 to 2020-12
// are told apart by $schema, and 2020-12 holds without. Nothing is loaded: a $ref stays within the
// schema.
//
// The grammar is sound before it is complete: whatever it takes to its end is valid, but not every
// valid value is among its texts.
//
//   - An object has its properties in the order in which the schema names them, and no others unless
//     additionalProperties or patternProperties are there, or the schema names none at all. The names of
//     further properties differ from those that are named; that they differ from each other is beyond a
//     grammar.
//   - A list with prefixItems has no more than those unless items is there or minItems asks for more.
//   - A schema without type but with keywords of certain types has values of those types.
//   - Numbers have at most 15 digits on either side of the point, unless a limit has more; those with
//     limits have no exponent.
//   - Texts under a pattern or format have no escapes that are not needed, and none of the spaces and
//     control characters of which dialects of regular expressions differ. pattern is read as Go reads it,
//     with \uXXXX besides. Values of format are common ones (formats.go).
//   - White space comes behind brackets, commas and colons, and has an end.
//
// A keyword that can't be enforced is an [Error], and so is one that is unknown, unless its name begins
// with "x-".
package schema

import (
	"errors"
	"fmt"
)

// Error says why a schema makes no grammar.
type Error struct {
	Pointer string // the JSON pointer of the keyword, or of the schema; "": the whole
	Problem string
}

func (e *Error) Error() string {
	if e.Pointer == "" {
		return "schema: " + e.Problem
	}
	return "schema: " + e.Pointer + " " + e.Problem
}

func problem(pointer, format string, args ...any) error {
	const most = 300 // of a pointer, in bytes
	if len(pointer) > most {
		pointer = pointer[:most] + "…"
	}
	return &Error{pointer, fmt.Sprintf(format, args...)}
}

// maxGrammar is the longest grammar, in bytes.
const maxGrammar = 1 << 19

// GBNF is the grammar of the values of a schema, which is JSON. Errors are of type *Error.
func GBNF(schema []byte) (string, error) {
	d, err := read(schema)
	if err != nil {
		return "", err
	}
	b := builder{document: d, grammar: grammar{rules: map[string]*expr{}}, names: map[string]string{}, left: newBudget()}
	if err := b.build(); err != nil {
		var of *Error
		if !errors.As(err, &of) {
			err = problem("", "%v", err)
		}
		return "", err
	}
	text := b.print(maxGrammar)
	switch {
	case text == "":
		return "", problem("", "has no valid value that the grammar could take")
	case len(text) > maxGrammar:
		return "", problem("", "makes a grammar of more than %d KiB: simplify it", maxGrammar>>10)
	}
	return text, nil
}
