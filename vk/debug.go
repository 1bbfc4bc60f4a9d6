package vk

import (
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// Severity of a validation message.
type Severity int

const (
	Warning Severity = iota
	Error
)

func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// Message is what the validation layer has to say: a fault of the caller, unless Newer.
type Message struct {
	Severity Severity
	ID       string // such as VUID-vkCmdDispatch-None-02697
	Text     string
	// Newer is true if the layer only does not know what this package uses, because that
	// came to Vulkan after the layer.
	Newer bool
}

// messenger receives the layer's messages, which come from any thread.
type messenger struct {
	mu        sync.Mutex
	onMessage func(Message)
	newer     *newer
}

func (m *messenger) receive(severity uint32, id, text string) {
	s := Warning
	if severity&uint32(vulkan.DebugUtilsMessageSeverityErrorBit) != 0 {
		s = Error
	}
	message := Message{Severity: s, ID: id, Text: text, Newer: m.newer.about(id, text)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onMessage(message)
}

// name gives an object its debug-utils name, which validation messages, RenderDoc and
// vendors' profilers show.
func name[H handle](d *Device, kind vulkan.ObjectType, h H, text string) {
	if !d.in.labels {
		return
	}
	var buf []byte
	d.fn.name(&buf, kind, raw(h), text)
}
