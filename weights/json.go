package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// Bounds of what a JSON file can make us allocate; those of published models have a
// fifth of that at most.
const (
	maxJSONBytes  = 64 << 20
	maxJSONValues = 1 << 18
	maxJSONDepth  = 16
)

// jsonValue is one value of a JSON file and where it stands there.
type jsonValue struct {
	kind   string // "object", "array", "string", "number", "bool" or "null"
	text   string // of a string or number; "true" or "false"
	keys   []string
	fields map[string]*jsonValue // of an object
	items  []*jsonValue          // of an array
	at     int                   // byte behind its first token
}

// parseJSON reads an object, more strictly than encoding/json does: the text is UTF-8,
// no key appears twice and nothing follows the object.
func parseJSON(data []byte) (*jsonObject, error) {
	if i := notUTF8(data); i >= 0 {
		return nil, fmt.Errorf("not valid UTF-8 at byte %d; the file is damaged", i)
	}
	p := &jsonParser{Decoder: json.NewDecoder(bytes.NewReader(data)), left: maxJSONValues}
	p.UseNumber()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if v.kind != "object" {
		return nil, fmt.Errorf("JSON %s at byte %d, want an object", v.kind, v.at)
	}
	end := p.InputOffset()
	if _, err := p.Token(); err != io.EOF {
		return nil, fmt.Errorf("more text behind the JSON object, from byte %d on", end)
	}
	return &jsonObject{jsonValue: v}, nil
}

// notUTF8 gives the place of the first ill-formed byte, -1 if there is none.
func notUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
}

type jsonParser struct {
	*json.Decoder
	left int // values
}

func (p *jsonParser) token() (json.Token, error) {
	t, err := p.Token()
	switch {
	case err == nil:
		return t, nil
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("JSON ends too early, behind byte %d (incomplete download? fetch it again)", p.InputOffset())
	}
	return nil, fmt.Errorf("not JSON behind byte %d: %w", p.InputOffset(), err)
}

func (p *jsonParser) value(depth int) (*jsonValue, error) {
	t, err := p.token()
	if err != nil {
		return nil, err
	}
	v := &jsonValue{at: int(p.InputOffset())}
	if p.left--; p.left < 0 || depth > maxJSONDepth {
		return nil, fmt.Errorf("more than %d JSON values or %d levels at byte %d", maxJSONValues, maxJSONDepth, v.at)
	}
	switch t := t.(type) {
	case string:
		v.kind, v.text = "string", t
	case json.Number:
		v.kind, v.text = "number", t.String()
	case bool:
		v.kind, v.text = "bool", strconv.FormatBool(t)
	case nil:
		v.kind = "null"
	case json.Delim:
		if t == '{' {
			v.kind, v.fields = "object", map[string]*jsonValue{}
			return v, p.object(v, depth)
		}
		v.kind = "array"
		return v, p.array(v, depth)
	}
	return v, nil
}

func (p *jsonParser) object(v *jsonValue, depth int) error {
	for p.More() {
		t, err := p.token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // Token takes nothing else for a key
		if _, twice := v.fields[key]; twice {
			return fmt.Errorf("JSON key %.60q appears twice, again at byte %d", key, p.InputOffset())
		}
		if v.fields[key], err = p.value(depth + 1); err != nil {
			return err
		}
		v.keys = append(v.keys, key)
	}
	_, err := p.token()
	return err
}

func (p *jsonParser) array(v *jsonValue, depth int) error {
	for p.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	_, err := p.token()
	return err
}

// jsonObject looks values up; the first wrong one sets err, which sticks. A null counts
// as absent.
type jsonObject struct {
	*jsonValue
	err error
}

func (o *jsonObject) failf(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf(format, args...)
	}
}

// get gives the value of a key, nil if it is absent. kind "" takes any.
func (o *jsonObject) get(key, kind string, required bool) *jsonValue {
	v := o.fields[key]
	switch {
	case v == nil || v.kind == "null":
		if required {
			o.failf("key %q is missing", key)
		}
		return nil
	case kind != "" && v.kind != kind:
		o.failf("%q at byte %d is a JSON %s, want a JSON %s", key, v.at, v.kind, kind)
		return nil
	}
	return v
}

// integer gives a count between 0 and 2^31-1; def (< 0: the key is required) if it is absent.
func (o *jsonObject) integer(key string, def int) int {
	v := o.get(key, "number", def < 0)
	if v == nil {
		return def
	}
	n, err := v.count(math.MaxInt32)
	if err != nil {
		o.failf("%q %w", key, err)
	}
	return int(n)
}

// count gives a whole number from 0 to most.
func (v *jsonValue) count(most uint64) (uint64, error) {
	if v.kind != "number" {
		return 0, fmt.Errorf("at byte %d is a JSON %s, want a JSON number", v.at, v.kind)
	}
	n, err := strconv.ParseUint(v.text, 10, 64)
	if err != nil || n > most {
		return 0, fmt.Errorf("at byte %d is %.40s, want a whole number from 0 to %d", v.at, v.text, most)
	}
	return n, nil
}

// float gives a positive finite number; def if the key is absent.
func (o *jsonObject) float(key string, def float32) float32 {
	v := o.get(key, "number", false)
	if v == nil {
		return def
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil || !(float32(f) > 0 && f <= math.MaxFloat32) {
		o.failf("%q at byte %d is %.40s, want a positive number", key, v.at, v.text)
	}
	return float32(f)
}

func (o *jsonObject) boolean(key string, def bool) bool {
	v := o.get(key, "bool", false)
	if v == nil {
		return def
	}
	return v.text == "true"
}

func (o *jsonObject) text(key string) string {
	v := o.get(key, "string", false)
	if v == nil {
		return ""
	}
	return v.text
}
