package profile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// What a file may hold. A run of the 7B model over 1000 steps takes some 10 MB, 10⁴ objects and
// 3·10⁵ values; the limits keep what Read needs near 1 GiB, whatever the file says.
const (
	maxFileBytes = 256 << 20
	maxObjects   = 1 << 20
	maxValues    = 1 << 24
	maxRuns      = 1 << 12
)

// Read reads a profile from its JSON, plain or compressed by gzip, to the end of r. What is no profile of
// this version, is cut or contradicts itself is an error that names the place: a byte's offset or a value's path.
func Read(r io.Reader) (*Profile, error) { return read(r, maxFileBytes) }

func read(r io.Reader, maxBytes int64) (*Profile, error) {
	text, err := plain(r, maxBytes+1)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if int64(len(text)) > maxBytes {
		return nil, fmt.Errorf("profile: the file has more than %d bytes: no profile, or one of too many steps or runs", maxBytes)
	}
	if err := checkSize(text); err != nil {
		return nil, err
	}
	// The version is looked at before fields that another version may have changed, and the
	// number of runs before they take memory.
	var head struct {
		Format  string     `json:"format"`
		Version int        `json:"version"`
		Runs    []struct{} `json:"runs"`
	}
	err = json.Unmarshal(text, &head)
	switch mismatch := (*json.UnmarshalTypeError)(nil); {
	case err != nil && !errors.As(err, &mismatch):
		return nil, jsonError(err, len(text))
	case head.Format != Format:
		return nil, fmt.Errorf("profile: not a profile: its format is %.40q, not %q; want a file that sealvk profile wrote as JSON", head.Format, Format)
	case head.Version > Version:
		return nil, fmt.Errorf("profile: version %d, and this program reads up to version %d: update it, or measure again", head.Version, Version)
	case err != nil:
		return nil, jsonError(err, len(text))
	case len(head.Runs) > maxRuns:
		return nil, fmt.Errorf("profile: %d runs, and %d are the most", len(head.Runs), maxRuns)
	case head.Version < 1:
		return nil, fmt.Errorf("profile: version %d is none: want 1 to %d", head.Version, Version)
	}
	p := new(Profile)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, jsonError(err, len(text))
	}
	if err := checkNumbers(reflect.ValueOf(p), rules[""]); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return p, nil
}

// plain reads at most maxBytes bytes, of what gzip compressed after that.
func plain(r io.Reader, maxBytes int64) ([]byte, error) {
	buffered := bufio.NewReader(r)
	if head, _ := buffered.Peek(2); string(head) != "\x1f\x8b" {
		text, err := io.ReadAll(io.LimitReader(buffered, maxBytes))
		return bytes.TrimPrefix(text, []byte("\ufeff")), err // a byte order mark, as editors write it
	}
	compressed, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(compressed, maxBytes))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("the compressed file is cut; copy it again or measure again")
	}
	return text, err
}

// checkSize counts objects and values, because short JSON can stand for much memory: {} for a Group.
func checkSize(text []byte) error {
	objects, values, quoted, escaped := 0, 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted:
			quoted, escaped = c != '"', c == '\\'
		case c == '"':
			quoted = true
		case c == '{':
			objects++
		case c == ',':
			values++
		}
	}
	if objects > maxObjects || values > maxValues {
		return fmt.Errorf("profile: %d objects and %d values, and %d and %d are the most: no profile, or one of too many steps or runs",
			objects, values, maxObjects, maxValues)
	}
	return nil
}

// jsonError names the place in a file of size bytes.
func jsonError(err error, size int) error {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(size) && // encoding/json sees the end as a blank
		(strings.HasPrefix(syntax.Error(), "unexpected end") || strings.HasPrefix(syntax.Error(), "invalid character ' '")):
		return fmt.Errorf("profile: the JSON ends at byte %d in the middle of a value: the file is cut; copy it again or measure again", size)
	case errors.As(err, &syntax):
		return fmt.Errorf("profile: not JSON at byte %d: %w", syntax.Offset, syntax)
	case errors.As(err, &mismatch):
		return fmt.Errorf("profile: byte %d: %s: %.40s where %v belongs", mismatch.Offset, mismatch.Field, mismatch.Value, mismatch.Type)
	}
	return fmt.Errorf("profile: %w", err)
}

// rule is the range of a number.
type rule struct {
	min, max float64
	want     string
}

// rules are by the last part of a field's name in JSON, "" is for all others.
var rules = map[string]rule{
	"":         {0, 1e24, "a number from 0 to 1e24"},
	"us":       {-1e-3, 1e12, "microseconds from 0 to 1e12"}, // a difference of times may round to below 0
	"layer":    {-1, 1e6, "a layer, or -1 for none"},
	"overhead": {-1, 1e24, "a number from -1 to 1e24"},
	"begin_us": {-1e12, 1e12, "microseconds from -1e12 to 1e12"}, // of estimated clocks
	"samples":  {0, 1e12, "microseconds from 0 to 1e12"},
}

func ruleFor(field string) rule {
	if r, ok := rules[field]; ok {
		return r
	}
	switch {
	case strings.HasSuffix(field, "samples_us"):
		return rules["samples"]
	case strings.HasSuffix(field, "_us"):
		return rules["us"]
	}
	return rules[""]
}

// badNumber is a number outside its range. Its path grows on the way out.
type badNumber struct {
	path  string
	value any
	want  string
}

func (e *badNumber) Error() string {
	return fmt.Sprintf("%s is %v: want %s", strings.TrimPrefix(e.path, "."), e.value, e.want)
}

// checkNumbers finds the first number in v that no measurement gives, by its field's rule.
func checkNumbers(v reflect.Value, r rule) *badNumber {
	at := func(place string, err *badNumber) *badNumber {
		if err != nil {
			err.path = place + err.path
		}
		return err
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return checkNumbers(v.Elem(), r)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			place := "." + name
			if name == "" {
				place = "." + field.Name
			}
			if field.Anonymous {
				place = ""
			}
			if err := at(place, checkNumbers(v.Field(i), ruleFor(name))); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := checkNumbers(v.Index(i), r); err != nil {
				return at(fmt.Sprintf("[%d]", i), err)
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			if err := checkNumbers(v.MapIndex(key), r); err != nil {
				return at("."+key.String(), err)
			}
		}
	case reflect.Float64:
		if x := v.Float(); !(x >= r.min && x <= r.max) {
			return &badNumber{value: x, want: r.want}
		}
	case reflect.Int, reflect.Int64:
		const exact = 1 << 53 // integers that JSON's readers agree on
		if x := v.Int(); float64(x) < math.Ceil(r.min) || float64(x) > min(r.max, exact) {
			return &badNumber{value: x, want: r.want}
		}
	}
	return nil
}

// check finds what the parts of a profile say against each other.
func (p *Profile) check() error {
	if len(p.Runs) == 0 {
		return errors.New("runs is empty: nothing was measured")
	}
	for i := range p.Runs {
		if err := p.Runs[i].check(len(p.Pipelines)); err != nil {
			return fmt.Errorf("runs[%d].%w", i, err)
		}
	}
	return nil
}

func (r *Run) check(pipelines int) error {
	if r.Phase != "decode" && r.Phase != "prefill" {
		return fmt.Errorf("phase is %.40q: want decode or prefill", r.Phase)
	}
	if r.Tokens < 1 {
		return fmt.Errorf("tokens is %d: want those of a step, at least 1", r.Tokens)
	}
	serialized, concurrent := len(r.Serialized.SamplesUS), len(r.Concurrent.SamplesUS)
	for i, s := range r.Sections {
		if n := len(s.SamplesUS); n != concurrent {
			return fmt.Errorf("sections[%d].samples_us has %d samples, and %d steps were measured", i, n, concurrent)
		}
	}
	for i, g := range r.Operations {
		if n := len(g.StepSamplesUS); n != serialized {
			return fmt.Errorf("operations[%d].step_samples_us has %d samples, and %d steps were measured", i, n, serialized)
		}
	}
	for i, d := range r.Dispatches {
		if d.Pipeline < 0 || d.Pipeline >= pipelines {
			return fmt.Errorf("dispatches[%d].program is %d, and the file has %d programs", i, d.Pipeline, pipelines)
		}
		if d.Calls < 1 {
			return fmt.Errorf("dispatches[%d].calls is %d: want those of a step, at least 1", i, d.Calls)
		}
		// Divided, as the product of what the file says may overflow.
		if n := len(d.SamplesUS); n%d.Calls != 0 || n/d.Calls != serialized {
			return fmt.Errorf("dispatches[%d].samples_us has %d samples: want %d, %d calls in each of %d steps",
				i, n, int64(d.Calls)*int64(serialized), d.Calls, serialized)
		}
	}
	return nil
}
