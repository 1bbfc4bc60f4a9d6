package jinja

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// data is a Dict whose keys are input too.
type data Dict

// FromJSON makes a variable of one JSON value. All its texts, the names of members too, are input;
// objects keep their order.
func FromJSON(text []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := fromJSON(d)
	if err != nil {
		return nil, fmt.Errorf("jinja: reading JSON: %w", err)
	}
	return v, nil
}

func fromJSON(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindNull:
		return nil, nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return token.Bool(), nil
	case jsontext.KindString:
		return Input(token.String()), nil
	case jsontext.KindNumber:
		number := token.String()
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			return n, nil
		}
		x, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, fmt.Errorf("the number %.40s has no place in 64 bits", number)
		}
		return x, nil
	case jsontext.KindBeginArray:
		list := []any{}
		for d.PeekKind() != jsontext.KindEndArray {
			item, err := fromJSON(d)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := d.ReadToken()
		return list, err
	}
	object := data{}
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		pair := Pair{Key: name.String()}
		if pair.Value, err = fromJSON(d); err != nil {
			return nil, err
		}
		object = append(object, pair)
	}
	_, err = d.ReadToken()
	return object, err
}
