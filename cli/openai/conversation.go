package openai

import (
	"github.com/go-json-experiment/json/jsontext"

	"sealvk/prompt"
)

// ParseConversation reads the messages of a request, and its tools (nil: none), as ParseChat does. Whatever else the
// object has is passed over; the list of messages may stand alone.
func ParseConversation(text []byte) ([]prompt.Message, *prompt.Tools, error) {
	v, err := check(text)
	if err != nil {
		return nil, nil, err
	}
	members, ok := v.members()
	switch {
	case v.kind() == jsontext.KindBeginArray:
		v.path = "messages"
		members = []member{{v.path, v}}
	case !ok:
		return nil, nil, v.want(`{"messages": …}, or the list of messages`)
	case !has(members, "messages"):
		return nil, nil, &FieldError{Field: "messages", Problem: "is missing"}
	}
	r := &reading{Request: &Request{}}
	for _, m := range members {
		reader, known := map[string]reader{"messages": messagesReader, "tools": toolsReader}[m.name]
		if !known {
			continue
		}
		ok, err := reader.read(r, m.value)
		if err == nil && !ok {
			err = m.want(reader.wants)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return r.Messages, r.Tools, nil
}
