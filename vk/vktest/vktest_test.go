package vktest

import (
	"bytes"
	"testing"

	"sealvk/vk"
)

func TestOnlyFaultsFail(t *testing.T) {
	fault, newer := vk.Message{ID: "VUID-1", Text: "a fault"}, vk.Message{ID: "VUID-2", Text: "not known", Newer: true}
	for _, c := range []struct {
		messages []vk.Message
		clean    bool
		out      string
	}{
		{nil, true, ""},
		{[]vk.Message{newer, newer}, true, "validation: 2 messages about what is newer than the layer (1.3.239)\n"},
		{[]vk.Message{fault}, false, "validation: VUID-1 a fault\nFAIL: messages of the validation layers: 1\n"},
		{[]vk.Message{newer, fault, newer, fault}, false, "validation: VUID-1 a fault\nvalidation: VUID-1 a fault\n" +
			"validation: 2 messages about what is newer than the layer (1.3.239)\nFAIL: messages of the validation layers: 2\n"},
	} {
		var out bytes.Buffer
		m := messages{out: &out}
		for _, msg := range c.messages {
			m.receive(msg)
		}
		if clean := m.clean("1.3.239"); clean != c.clean || out.String() != c.out {
			t.Errorf("%v: clean %v, want %v; said %q, want %q", c.messages, clean, c.clean, out.String(), c.out)
		}
	}
}
