package schema

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// What a schema may have, so that reading it takes little time.
const (
	maxBytes  = 1 << 18
	maxValues = 10_000 // objects and lists
	maxDepth  = 64
	maxNumber = 40 // characters
)

// document is a schema as it was read.
type document struct {
	*jsonschema.Schema
	raw   any                 // the whole, decoded
	order map[string][]string // the names of an object, by its pointer, as they stand there
}

// base is where the schema stands, for the library: nothing else can be found there.
const base = "schema:///root"

func read(text []byte) (*document, error) {
	if len(text) > maxBytes {
		return nil, problem("", "has %d bytes; at most %d are taken", len(text), maxBytes)
	}
	d := &document{order: map[string][]string{}}
	if err := d.scan(text); err != nil {
		return nil, err
	}
	var err error
	if d.raw, err = jsonschema.UnmarshalJSON(bytes.NewReader(text)); err != nil {
		return nil, problem("", "is no JSON: %v", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(compile)
	if err := c.AddResource(base, d.raw); err != nil {
		return nil, problem("", "is refused: %v", err)
	}
	if d.Schema, err = c.Compile(base); err != nil {
		return nil, refusal(err)
	}
	return d, nil
}

// nowhere loads nothing.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, errors.New("nothing is loaded")
}

var unit = regexp.MustCompile(`\\(\\|u[0-9A-Fa-f]{4})`)

// dialect is a pattern as Go's package reads it, which has no \uXXXX.
func dialect(pattern string) string {
	return unit.ReplaceAllStringFunc(pattern, func(s string) string {
		if s == `\\` {
			return s
		}
		return `\x{` + s[2:] + `}`
	})
}

// compiled has the pattern that the schema has.
type compiled struct {
	*regexp.Regexp
	pattern string
}

func (c compiled) String() string { return c.pattern }

func compile(pattern string) (jsonschema.Regexp, error) {
	re, err := regexp.Compile(dialect(pattern))
	if err != nil {
		return nil, err
	}
	return compiled{re, pattern}, nil
}

// scan keeps the order of names, and refuses what would take long.
func (d *document) scan(text []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	for values := 0; ; {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) && dec.StackDepth() == 0 && dec.InputOffset() > 0 {
			return nil
		}
		if err != nil {
			return problem(string(dec.StackPointer()), "is no JSON: %v", err)
		}
		switch token.Kind() {
		case jsontext.KindBeginObject, jsontext.KindBeginArray:
			if values++; values > maxValues {
				return problem("", "has more than %d objects and lists", maxValues)
			}
			if dec.StackDepth() > maxDepth {
				return problem(string(dec.StackPointer()), "is nested deeper than %d values", maxDepth)
			}
		case jsontext.KindNumber:
			if number := token.String(); len(number) > maxNumber || !short(number) {
				return problem(string(dec.StackPointer()), "is a number of too many digits")
			}
		case jsontext.KindString:
			if kind, n := dec.StackIndex(dec.StackDepth()); kind == jsontext.KindBeginObject && n%2 == 1 {
				pointer := string(dec.StackPointer())
				pointer = pointer[:strings.LastIndexByte(pointer, '/')]
				d.order[pointer] = append(d.order[pointer], token.String())
			}
		}
	}
}

// short is whether a number's exponent is such as a float64 has.
func short(number string) bool {
	x, err := strconv.ParseFloat(number, 64)
	_, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	n, bad := strconv.Atoi(exponent)
	return err == nil && !math.IsInf(x, 0) && (exponent == "" || bad == nil && n >= -400 && n <= 400)
}

// pointer is where a schema stands in the document; false of one of the library's own.
func pointer(s *jsonschema.Schema) (string, bool) {
	at, fragment, _ := strings.Cut(s.Location, "#")
	p, err := url.PathUnescape(fragment)
	return p, err == nil && at == base
}

// keywords are a schema's members; nil of true and false.
func (d *document) keywords(at string) map[string]any {
	v := d.raw
	for token := range jsontext.Pointer(at).Tokens() {
		switch in := v.(type) {
		case map[string]any:
			v = in[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		}
	}
	object, _ := v.(map[string]any)
	return object
}

// refusal is the library's error as one of this package.
func refusal(err error) error {
	var against *jsonschema.SchemaValidationError
	if errors.As(err, &against) {
		err = against.Err
	}
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		at := ""
		for _, token := range invalid.InstanceLocation {
			at += "/" + escape(token)
		}
		if f, ok := invalid.ErrorKind.(*kind.Format); ok && f.Want == "regex" {
			return unread(at, f.Err)
		}
		return problem(at, "is no schema: %s", invalid.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
	}
	var pattern *jsonschema.InvalidRegexError
	if errors.As(err, &pattern) {
		_, at, _ := strings.Cut(pattern.URL, "#")
		at, _ = url.PathUnescape(at)
		return unread(at, pattern.Err)
	}
	var elsewhere *jsonschema.LoadURLError
	if errors.As(err, &elsewhere) {
		return problem("", "has a $ref or $schema to %s: nothing is loaded, a $ref stays within the schema", elsewhere.URL)
	}
	return problem("", "is refused: %s", strings.ReplaceAll(err.Error(), base, ""))
}

// unread is the error of a regular expression. That of what looks around or back, as many have, is no schema's fault.
func unread(at string, err error) error {
	if bad := new(syntax.Error); errors.As(err, &bad) && (bad.Code == syntax.ErrInvalidPerlOp || bad.Code == syntax.ErrInvalidEscape) {
		return problem(at, "has %s, which can't be enforced: a pattern neither looks around nor refers back", bad.Expr)
	}
	return problem(at, "is no regular expression that can be read: %v", err)
}

func escape(token string) string { return string(jsontext.Pointer("").AppendToken(token))[1:] }
