package chats

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// unmarshal reads JSON that stands at a place of the file. Its errors speak of the file, not of Go's types.
func unmarshal(text []byte, into any, at string) error {
	err := json.Unmarshal(text, into)
	var broken *jsontext.SyntacticError
	var wrong *json.SemanticError
	switch {
	case errors.As(err, &broken) && errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("line %d: the JSON ends too early", line(text, broken.ByteOffset))
	case errors.As(err, &broken):
		return fmt.Errorf("line %d: %w", line(text, broken.ByteOffset), broken.Err)
	case errors.As(err, &wrong):
		place := strings.TrimSuffix(at+placed(wrong.JSONPointer), ".")
		return fmt.Errorf("%s is %s, not %s", cmp.Or(place, "the file"), shown(wrong), wanted(wrong.GoType))
	}
	return err
}

// line counts from 1 to that of a byte.
func line(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
}

// placed spells messages[3].content for /messages/3/content.
func placed(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			fmt.Fprintf(&b, "[%s]", token)
		} else {
			b.WriteString("." + token)
		}
	}
	return strings.TrimPrefix(b.String(), ".")
}

func shown(e *json.SemanticError) string {
	if len(e.JSONValue) > 0 {
		return clipped(e.JSONValue)
	}
	switch e.JSONKind {
	case jsontext.KindBeginArray:
		return "a list"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindString:
		return "a text"
	case jsontext.KindNumber:
		return "a number"
	}
	return e.JSONKind.String()
}

func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[time.Time]() {
		return `a time like "2026-01-31T12:00:00Z"`
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return "an object"
}

// clipped is a value as an error shows it.
func clipped(v jsontext.Value) string {
	const most = 40
	text := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, string(v)))
	switch {
	case len(text) == 0:
		return "missing"
	case len(text) > most:
		return string(text[:most]) + "…"
	}
	return string(text)
}

// quoted is a text as an error shows it.
func quoted(text string) string {
	v, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return strconv.Quote(text)
	}
	return clipped(v)
}

func checkVersion(v jsontext.Value, at string) error {
	n, err := strconv.Atoi(string(v))
	switch {
	case err != nil || n < 1:
		return fmt.Errorf("%sversion is %s, not a whole number from 1", at, clipped(v))
	case n > version:
		return fmt.Errorf("%sversion is %d: a newer sealvk wrote it, and this one reads version %d; update sealvk", at, n, version)
	}
	return nil
}
