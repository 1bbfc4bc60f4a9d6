package tokenize

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// wire is one message in Protocol Buffers' wire format, inside a file.
type wire struct {
	text string // the whole file, of which strings are cut
	data []byte // the message
	at   int    // its offset in the file
}

// read goes through the fields, up to the first error. For a field's number
// target gives where its value goes: a *string, *uint64, *bool or *float32, or
// a func(wire) error that reads the message; nil leaves the field out.
func (w wire) read(target func(n protowire.Number) any) error {
	for i := 0; i < len(w.data); {
		number, kind, n := protowire.ConsumeTag(w.data[i:])
		if n < 0 {
			return w.damaged(i, n)
		}
		value := w.data[i+n:]
		m := protowire.ConsumeFieldValue(number, kind, value)
		if m < 0 {
			return w.damaged(i, m)
		}
		to := target(number)
		if to != nil && kind != wireType(to) {
			return fmt.Errorf("field %d has the wire type %d", number, kind)
		}
		i += n + m
		switch to := to.(type) {
		case *uint64:
			*to, _ = protowire.ConsumeVarint(value)
		case *bool:
			v, _ := protowire.ConsumeVarint(value)
			*to = v != 0
		case *float32:
			v, _ := protowire.ConsumeFixed32(value)
			*to = math.Float32frombits(v)
		case *string:
			b, _ := protowire.ConsumeBytes(value)
			*to = w.text[w.at+i-len(b) : w.at+i]
		case func(wire) error:
			b, _ := protowire.ConsumeBytes(value)
			if err := to(wire{w.text, b, w.at + i - len(b)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// wireType is that of the values which a target takes.
func wireType(target any) protowire.Type {
	switch target.(type) {
	case *uint64, *bool:
		return protowire.VarintType
	case *float32:
		return protowire.Fixed32Type
	}
	return protowire.BytesType
}

func (w wire) damaged(i, code int) error {
	return fmt.Errorf("byte %d: %w", w.at+i, protowire.ParseError(code))
}
