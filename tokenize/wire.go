package tokenize

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// wire is one message in Protocol Buffers' wire format, inside a file.
type wire struct {
	text string // the whole file, of which strings are cut
	data []byte // the message
	at   int    // its offset in the file
}

// field is one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	value  uint64 // of a varint or fixed field
	at, n  int    // offset in the file and length of a bytes field's contents
}

// each calls do for every field, up to the first error.
func (w wire) each(do func(f field) error) error {
	for i := 0; i < len(w.data); {
		f, n, err := w.next(i)
		if err != nil {
			return err
		}
		if err := do(f); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// next reads the field at data[i:] and returns it and its length.
func (w wire) next(i int) (f field, n int, err error) {
	fail := func(code int) (field, int, error) {
		return field{}, 0, fmt.Errorf("byte %d: %w", w.at+i, protowire.ParseError(code))
	}
	number, kind, n := protowire.ConsumeTag(w.data[i:])
	if n < 0 {
		return fail(n)
	}
	f = field{number: number, kind: kind}
	body := w.data[i+n:]
	var m int
	switch kind {
	case protowire.VarintType:
		f.value, m = protowire.ConsumeVarint(body)
	case protowire.Fixed32Type:
		var v uint32
		v, m = protowire.ConsumeFixed32(body)
		f.value = uint64(v)
	case protowire.BytesType:
		var b []byte
		b, m = protowire.ConsumeBytes(body)
		f.n = len(b)
		f.at = w.at + i + n + m - len(b)
	default:
		m = protowire.ConsumeFieldValue(number, kind, body)
	}
	if m < 0 {
		return fail(m)
	}
	return f, n + m, nil
}

// sub returns the message in field f.
func (w wire) sub(f field) (wire, error) {
	if f.kind != protowire.BytesType {
		return wire{}, w.wrongType(f)
	}
	return wire{text: w.text, data: w.data[f.at-w.at : f.at-w.at+f.n], at: f.at}, nil
}

func (w wire) string(f field, s *string) error {
	if f.kind != protowire.BytesType {
		return w.wrongType(f)
	}
	*s = w.text[f.at : f.at+f.n]
	return nil
}

func (w wire) varint(f field, v *uint64) error {
	if f.kind != protowire.VarintType {
		return w.wrongType(f)
	}
	*v = f.value
	return nil
}

func (w wire) bool(f field, v *bool) error {
	var n uint64
	err := w.varint(f, &n)
	*v = n != 0
	return err
}

func (w wire) wrongType(f field) error {
	return fmt.Errorf("field %d has the wire type %d", f.number, f.kind)
}
