package weights

import (
	"bytes"
	"fmt"
	"math"
)

// Parse reads a GGUF file from memory: header, metadata, configuration, vocabulary
// and tensors. name stands for the file in errors. data must stay as it is while the
// Model is in use. Values are not looked at, see [Model.CheckFinite].
func Parse(name string, data []byte) (*Model, error) {
	return parseShards([]string{name}, [][]byte{data})
}

// parseShards reads a model's GGUF files, which are all of them and in order.
func parseShards(names []string, files [][]byte) (*Model, error) {
	m := &Model{Path: names[0]}
	var parts []*ggufPart
	for i, name := range names {
		p, err := readPart(name, files[i])
		if err != nil {
			return nil, fmt.Errorf("weights: %w", err)
		}
		parts = append(parts, p)
	}
	if err := m.readParts(parts); err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	return m, nil
}

// maxEntries bounds the tensors and the keys of a file, which take ten times more memory
// than bytes there; published models have hundreds.
const maxEntries = 1 << 20

// ggufPart is one GGUF file: a model or a shard of one.
type ggufPart struct {
	path    string
	data    []byte
	version uint32
	md      *metadata
	split   split
	cursor  *cursor
	tensors uint64 // that the header announces
}

// readPart reads a file up to the end of the metadata. As all methods of ggufPart do, it
// names the file in errors.
func readPart(path string, data []byte) (*ggufPart, error) {
	p := &ggufPart{path: path, data: data, cursor: &cursor{data: data}}
	if err := p.readHeader(); err != nil {
		return nil, p.fail(err)
	}
	return p, nil
}

func (p *ggufPart) fail(err error) error { return fmt.Errorf("%s: %w", p.path, err) }

func (p *ggufPart) readHeader() error {
	c := p.cursor
	c.what = "header"
	if len(c.data) == 0 {
		return fmt.Errorf("the file is empty")
	}
	if magic := c.take(4); c.err == nil && !bytes.Equal(magic, []byte("GGUF")) {
		return fmt.Errorf("not a GGUF file: it begins with %q, want \"GGUF\"", magic)
	}
	p.version = c.u32()
	if c.err == nil {
		switch v := p.version; {
		case v == 1:
			c.failf("GGUF version 1 is not supported, only 2 and 3; convert the model again with a current llama.cpp")
		case v != 0 && v&0xffff == 0:
			c.failf("the file is big-endian; convert the model again for little-endian")
		case v != 2 && v != 3:
			c.failf("GGUF version %d is not supported, only 2 and 3", v)
		}
	}
	p.tensors = c.count("tensors", minTensorInfo)
	keys := c.count("metadata entries", 8+1+4+1)
	if most := max(p.tensors, keys); most > maxEntries {
		c.failf("announces %d tensors and %d metadata entries, at most %d can be read", p.tensors, keys, maxEntries)
	}
	p.md = readMetadata(c, keys)
	if c.err != nil {
		return c.err
	}
	p.split = readSplit(p.md)
	return p.md.err
}

// readParts makes the model of its files. Metadata are those of the first.
func (m *Model) readParts(parts []*ggufPart) error {
	first := parts[0]
	m.Format = fmt.Sprintf("GGUF version %d", first.version)
	m.Metadata = first.md.entries()
	if err := checkSplit(parts); err != nil {
		return err
	}
	if err := first.md.checkKind(); err != nil {
		return first.fail(err)
	}
	lists := make([][]*Tensor, len(parts))
	var all []*Tensor
	for i, p := range parts {
		m.Files = append(m.Files, p.path)
		m.Size += int64(len(p.data))
		lists[i] = readTensorInfos(p.cursor, p.tensors, p.path)
		if p.cursor.err != nil {
			return p.fail(p.cursor.err)
		}
		all = append(all, lists[i]...)
	}
	if len(all) == 0 {
		return first.fail(fmt.Errorf("no tensors: the file holds metadata only, no model"))
	}
	if err := m.readMetadata(first.md); err != nil {
		return first.fail(err)
	}
	for i, p := range parts {
		if err := p.attach(lists[i]); err != nil {
			return p.fail(err)
		}
	}
	if err := checkDistinct(all); err != nil {
		return err
	}
	m.setTensors(all)
	if err := m.checkTensors(); err != nil {
		return first.fail(err)
	}
	m.settleHead()
	return nil
}

// readMetadata takes over what concerns the whole model.
func (m *Model) readMetadata(md *metadata) (err error) {
	m.md = md
	if m.Config, err = readConfig(md); err != nil {
		return err
	}
	if m.Vocab, m.Stops, err = readVocab(md); err != nil {
		return err
	}
	m.Config.Vocab = len(m.Vocab.Pieces)
	m.ChatTemplate = md.text("tokenizer.chat_template", false)
	m.Warnings = append(m.Warnings, md.warnings...)
	m.FileType = -1
	if v, ok := md.values["general.file_type"]; ok { // only shown: whatever it is, it is no error
		if n, ok := v.integer(); ok && n <= math.MaxInt32 {
			m.FileType = FileType(n)
		}
	}
	return md.err
}

// attach gives the tensors their bytes of the file.
func (p *ggufPart) attach(list []*Tensor) error {
	alignment := uint64(p.md.integer("general.alignment", 32))
	if p.md.err != nil {
		return p.md.err
	}
	if alignment == 0 || alignment&(alignment-1) != 0 {
		return fmt.Errorf("metadata key \"general.alignment\" is %d, want a power of two", alignment)
	}
	start := (uint64(p.cursor.off) + alignment - 1) &^ (alignment - 1)
	return attachData(list, p.data, start, alignment)
}

// checkTensors compares the tensors with those that Config asks for.
func (m *Model) checkTensors() error {
	wanted := map[string]bool{}
	for want := range m.Config.shapes {
		if err := m.checkTensor(want); err != nil {
			return err
		}
		wanted[want.name] = true
	}
	if head := m.Config.head(); m.index[head.name] != nil { // Gemma's own files have none
		if err := m.checkTensor(head); err != nil {
			return err
		}
		wanted[head.name] = true
	}
	for _, t := range m.Tensors {
		if !wanted[t.Name] {
			return fmt.Errorf("%d tensors more than a Gemma model of %d layers has; the first is %q", len(m.Tensors)-len(wanted), m.Config.Layers, t.Name)
		}
	}
	return nil
}

func (m *Model) checkTensor(want shape) error {
	t := m.index[want.name]
	switch {
	case t == nil:
		return fmt.Errorf("tensor %q is missing", want.name)
	case t.Rows == want.rows && t.Cols == want.cols:
		return nil
	case want.name == "token_embd.weight" && t.Cols == want.cols:
		return fmt.Errorf("tensor %q has %d rows, but the vocabulary has %d pieces", t.Name, t.Rows, want.rows)
	}
	return fmt.Errorf("tensor %q has shape %d × %d, want %d × %d by the metadata", t.Name, t.Rows, t.Cols, want.rows, want.cols)
}
