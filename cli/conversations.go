package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"sealvk/prompt"
)

// parseConversation reads a conversation as OpenAI's chat API has it: an
// object with "messages", or the array of messages alone.
func parseConversation(line []byte) ([]prompt.Message, error) {
	var c struct {
		Messages []openaiMessage `json:"messages"`
	}
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(line), []byte("[")) {
		err = parseJSON(line, '[', &c.Messages)
	} else {
		err = parseJSON(line, '{', &c)
	}
	if err != nil {
		return nil, fmt.Errorf(`want {"messages":[…]} or [{"role":…,"content":…},…]: %w`, err)
	}
	if len(c.Messages) == 0 {
		return nil, errors.New(`the conversation has no messages`)
	}
	msgs := make([]prompt.Message, len(c.Messages))
	for i, m := range c.Messages {
		if m.Role == "" {
			return nil, fmt.Errorf("message %d has no role", i+1)
		}
		text, err := m.text()
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i+1, err)
		}
		msgs[i] = prompt.Message{Role: m.Role, Content: text}
	}
	return msgs, nil
}

// openaiMessage is a message whose content is a string, or an array of parts.
type openaiMessage struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

// text is the content; parts are joined as they stand.
func (m *openaiMessage) text() (string, error) {
	switch c := m.Content.(type) {
	case string:
		return c, nil
	case []any:
		var b strings.Builder
		for i, p := range c {
			part, _ := p.(map[string]any)
			text, ok := part["text"].(string)
			if !ok || part["type"] != "text" {
				return "", fmt.Errorf(`part %d of the content is not {"type":"text","text":…}`, i+1)
			}
			b.WriteString(text)
		}
		return b.String(), nil
	}
	return "", errors.New("the content is neither a string nor an array of parts")
}
