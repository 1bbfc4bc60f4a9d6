package chats

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The forms of files: one chat, and a list of chats, which the page exports.
const (
	formatOne  = "sealvk-chat"
	formatMany = "sealvk-chats"
	version    = 1
)

// fileChat is a chat as its file has it.
type fileChat struct {
	Format   string        `json:"format"`
	Version  int           `json:"version"`
	Title    string        `json:"title"`
	Model    string        `json:"model"`
	Created  time.Time     `json:"created,omitzero"`
	Settings Settings      `json:"settings"`
	Messages []fileMessage `json:"messages"`
	Branches []fileMessage `json:"branches,omitzero"`
}

// fileMessage has ID and Parent where the chat has branches.
type fileMessage struct {
	Role         string         `json:"role"`
	Content      *string        `json:"content"`
	Created      time.Time      `json:"created,omitzero"`
	Model        string         `json:"model,omitzero"`
	FinishReason string         `json:"finish_reason,omitzero"`
	Usage        *Usage         `json:"usage,omitzero"`
	Timing       *Timing        `json:"timing,omitzero"`
	Edited       bool           `json:"edited,omitzero"`
	LeftOut      int            `json:"left_out,omitzero"`
	ID           string         `json:"id,omitzero"`
	Parent       jsontext.Value `json:"parent,omitzero"` // a text, or null
}

// written is a time as JavaScript writes it.
var written = json.WithMarshalers(json.MarshalFunc(func(t time.Time) ([]byte, error) {
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}))

// Encode writes the file of one chat. The same chat always gives the same bytes.
func (c *Chat) Encode(w io.Writer) error {
	f := fileChat{
		Format: formatOne, Version: version, Title: c.Heading(), Model: c.Model, Created: c.Created, Settings: c.Settings,
		Messages: []fileMessage{},
	}
	if c.System != "" {
		f.Messages = append(f.Messages, fileMessage{Role: system, Content: &c.System})
	}
	parent := ""
	for _, m := range c.Messages {
		m.Parent = parent
		f.Messages = append(f.Messages, m.filed(len(c.Branches) > 0))
		parent = m.ID
	}
	for _, m := range c.Branches {
		f.Branches = append(f.Branches, m.filed(true))
	}
	err := json.MarshalWrite(w, f, written, jsontext.WithIndent("  "))
	if err == nil {
		_, err = io.WriteString(w, "\n")
	}
	if err != nil {
		return fmt.Errorf("chats: writing a chat: %w", err)
	}
	return nil
}

func (m *Message) filed(placed bool) fileMessage {
	f := fileMessage{
		Role: m.Role, Content: &m.Content, Created: m.Created, Model: m.Model, FinishReason: m.FinishReason,
		Usage: m.Usage, Timing: m.Timing, Edited: m.Edited, LeftOut: m.LeftOut,
	}
	if placed {
		f.ID, f.Parent = m.ID, jsontext.Value("null")
		if m.Parent != "" {
			f.Parent, _ = jsontext.AppendQuote(nil, m.Parent) // UTF-8, as it was read
		}
	}
	return f
}

// largest is in bytes, as in the page: more is no file of chats.
const largest = 256 << 20

// Read gives the chats of a file, at least one. An error names the file and where in it something is wrong.
func Read(path string) ([]Chat, error) {
	switch info, err := os.Stat(path); { // before it is opened: a pipe could be waited for without end
	case err != nil:
		return nil, fmt.Errorf("chats: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("chats: %s is no regular file", path)
	case info.Size() > largest:
		return nil, fmt.Errorf("chats: %s is larger than %d MiB", path, largest>>20)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("chats: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largest))
	if err != nil {
		return nil, fmt.Errorf("chats: %w", err)
	}
	all, err := decode(bytes.TrimPrefix(text, []byte("\ufeff")))
	if err != nil {
		return nil, fmt.Errorf("chats: %s: %w", path, err)
	}
	return all, nil
}

// decode reads a file, which is refused as a whole for one mistake.
func decode(text []byte) (all []Chat, err error) {
	var list struct {
		Format  jsontext.Value   `json:"format"`
		Version jsontext.Value   `json:"version"`
		Chats   []jsontext.Value `json:"chats"`
	}
	if err := unmarshal(text, &list, ""); err != nil {
		return nil, err
	}
	if string(list.Format) != `"`+formatMany+`"` {
		c, err := decodeOne(text, "")
		return []Chat{c}, err
	}
	if err := checkVersion(list.Version, ""); err != nil {
		return nil, err
	}
	if len(list.Chats) == 0 {
		return nil, fmt.Errorf("chats is missing or empty")
	}
	all = make([]Chat, len(list.Chats))
	for i, one := range list.Chats {
		if all[i], err = decodeOne(one, fmt.Sprintf("chats[%d].", i)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// decodeOne reads a chat at a place of the file, which ends in a dot or is "".
func decodeOne(text []byte, at string) (Chat, error) {
	var head struct {
		Format  jsontext.Value `json:"format"`
		Version jsontext.Value `json:"version"`
	}
	if err := unmarshal(text, &head, at); err != nil {
		return Chat{}, err
	}
	if string(head.Format) != `"`+formatOne+`"` {
		return Chat{}, fmt.Errorf(`%sformat is %s: a file of chats has "%s" there, or "%s"`, at, clipped(head.Format), formatOne, formatMany)
	}
	if err := checkVersion(head.Version, at); err != nil {
		return Chat{}, err
	}
	var f fileChat
	if err := unmarshal(text, &f, at); err != nil {
		return Chat{}, err
	}
	return f.chat(at)
}
