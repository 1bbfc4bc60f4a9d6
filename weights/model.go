package weights

import (
	"bytes"
	"fmt"
	"os"

	"github.com/edsrzf/mmap-go"
)

// Model is an open model file. Tensor data is valid until Close; everything else stays.
type Model struct {
	Path         string   // as it was opened: a file or a folder
	Format       string   // "GGUF version 3", "safetensors" or "MLX"
	Files        []string // that hold the tensors, the shards in order
	Size         int64    // of Files in bytes
	FileType     FileType
	Config       Config
	Tensors      []*Tensor // file order
	Vocab        *Vocab    // nil where the vocabulary is a file of its own (Tokenizer)
	Tokenizer    string    // path of tokenizer.json or tokenizer.model in a folder, "" for GGUF
	Stops        []int32   // ids that end an answer besides the vocabulary's eos (generation_config.json)
	ChatTemplate string    // Jinja source, "" if there is none
	Metadata     []Entry   // file order; of a folder: what its config.json says

	index   map[string]*Tensor
	mapping mmap.MMap
}

// FileType is the type mix that a file was quantized to (general.file_type), -1 if unknown.
type FileType int32

var fileTypes = map[FileType]string{
	0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
	12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 32: "BF16",
}

// String gives llama.cpp's name, such as "Q4_K_M".
func (f FileType) String() string {
	if name, ok := fileTypes[f]; ok {
		return name
	}
	if f < 0 {
		return "unknown"
	}
	return fmt.Sprintf("file type %d", int32(f))
}

// Open maps the GGUF file at path and reads it as [Parse] does. The file must not be
// cut short while the Model is in use: touching a page that is gone ends the program.
func Open(path string) (*Model, error) {
	mapping, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	m, err := Parse(path, mapping)
	if err != nil {
		mapping.Unmap()
		return nil, err
	}
	m.mapping = mapping
	return m, nil
}

// mapFile maps a whole file read-only; nil for an empty one, which cannot be mapped.
func mapFile(path string) (mmap.MMap, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file; want a .gguf file", path)
	case info.Size() == 0:
		return nil, nil
	}
	mapping, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: mapping the file into memory: %w", path, err)
	}
	return mapping, nil
}

// Parse reads a GGUF file from memory: header, metadata, configuration, vocabulary
// and tensors. name stands for the file in errors. data must stay as it is while the
// Model is in use. Values are not looked at, see [Model.CheckFinite].
func Parse(name string, data []byte) (*Model, error) {
	m := &Model{Path: name, Files: []string{name}, Size: int64(len(data))}
	if err := m.parse(data); err != nil {
		return nil, fmt.Errorf("weights: %s: %w", name, err)
	}
	return m, nil
}

func (m *Model) parse(data []byte) (err error) {
	c := &cursor{data: data}
	tensors, md, err := m.readHeader(c)
	if err != nil {
		return err
	}
	m.Tensors = readTensorInfos(c, tensors, m.Path)
	if c.err != nil {
		return c.err
	}
	if len(m.Tensors) == 0 {
		return fmt.Errorf("no tensors: the file holds metadata only, no model")
	}
	if m.Config, err = readConfig(md); err != nil {
		return err
	}
	if m.Vocab, err = readVocab(md); err != nil {
		return err
	}
	m.Config.Vocab = len(m.Vocab.Pieces)
	m.ChatTemplate = md.text("tokenizer.chat_template", false)
	m.FileType = -1
	if _, ok := md.values["general.file_type"]; ok {
		m.FileType = FileType(md.integer("general.file_type", -1))
	}
	alignment := uint64(md.integer("general.alignment", 32))
	if md.err != nil {
		return md.err
	}
	if alignment == 0 || alignment&(alignment-1) != 0 {
		return fmt.Errorf("metadata key \"general.alignment\" is %d, want a power of two", alignment)
	}
	start := (uint64(c.off) + alignment - 1) &^ (alignment - 1)
	if err := attachData(m.Tensors, data, start, alignment); err != nil {
		return err
	}
	m.index = make(map[string]*Tensor, len(m.Tensors))
	for _, t := range m.Tensors {
		m.index[t.Name] = t
	}
	return m.checkTensors()
}

// readHeader reads up to the end of the metadata and gives the number of tensors.
func (m *Model) readHeader(c *cursor) (tensors uint64, md *metadata, err error) {
	c.what = "header"
	if len(c.data) == 0 {
		return 0, nil, fmt.Errorf("the file is empty")
	}
	if magic := c.take(4); c.err == nil && !bytes.Equal(magic, []byte("GGUF")) {
		return 0, nil, fmt.Errorf("not a GGUF file: it begins with %q, want \"GGUF\"", magic)
	}
	version := c.u32()
	m.Format = fmt.Sprintf("GGUF version %d", version)
	if c.err == nil {
		switch v := version; {
		case v == 1:
			c.failf("GGUF version 1 is not supported, only 2 and 3; convert the model again with a current llama.cpp")
		case v != 0 && v&0xffff == 0:
			c.failf("the file is big-endian; convert the model again for little-endian")
		case v != 2 && v != 3:
			c.failf("GGUF version %d is not supported, only 2 and 3", v)
		}
	}
	tensors = c.count("tensors", minTensorInfo)
	keys := c.count("metadata entries", 8+1+4+1)
	md = readMetadata(c, keys)
	if c.err != nil {
		return 0, nil, c.err
	}
	m.Metadata = md.entries()
	return tensors, md, nil
}

// checkTensors compares the tensors with those that Config asks for.
func (m *Model) checkTensors() error {
	known := 0
	check := func(list []shape) error {
		for _, want := range list {
			t := m.index[want.name]
			if t == nil {
				return fmt.Errorf("tensor %q is missing", want.name)
			}
			known++
			if t.Rows == want.rows && t.Cols == want.cols {
				continue
			}
			if want.name == "token_embd.weight" && t.Cols == want.cols {
				return fmt.Errorf("tensor %q has %d rows, but the vocabulary has %d pieces", t.Name, t.Rows, want.rows)
			}
			return fmt.Errorf("tensor %q has shape %d × %d, want %d × %d by the metadata", t.Name, t.Rows, t.Cols, want.rows, want.cols)
		}
		return nil
	}
	if err := check(m.Config.globals()); err != nil {
		return err
	}
	if m.index["output.weight"] != nil { // an untied head; Gemma's own files have none
		if err := check([]shape{{"output.weight", m.Config.Vocab, m.Config.Dim}}); err != nil {
			return err
		}
	}
	for i := 0; i < m.Config.Layers; i++ {
		if err := check(m.Config.layer(i)); err != nil {
			return err
		}
	}
	if known == len(m.Tensors) {
		return nil
	}
	return fmt.Errorf("%d tensors more than a Gemma model of %d layers has; the first is %q", len(m.Tensors)-known, m.Config.Layers, m.surplus())
}

// surplus names the first tensor that Config does not ask for.
func (m *Model) surplus() string {
	wanted := map[string]bool{"output.weight": true}
	for _, s := range m.Config.globals() {
		wanted[s.name] = true
	}
	for i := 0; i < m.Config.Layers; i++ {
		for _, s := range m.Config.layer(i) {
			wanted[s.name] = true
		}
	}
	for _, t := range m.Tensors {
		if !wanted[t.Name] {
			return t.Name
		}
	}
	return ""
}

// Tensor gives the tensor of that name, nil if the file has none.
func (m *Model) Tensor(name string) *Tensor { return m.index[name] }

// Close unmaps the file; tensor data is gone afterwards. A second Close does nothing.
func (m *Model) Close() error {
	for _, t := range m.Tensors {
		t.Data = nil
	}
	if m.mapping == nil {
		return nil
	}
	err := m.mapping.Unmap()
	m.mapping = nil
	if err != nil {
		return fmt.Errorf("weights: %s: unmapping the file: %w", m.Path, err)
	}
	return nil
}

// OpenVocab reads only the vocabulary of the GGUF file at path, which need not hold a model.
func OpenVocab(path string) (*Vocab, error) {
	mapping, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if mapping != nil {
		defer mapping.Unmap()
	}
	v, err := parseVocab(mapping)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	return v, nil
}

func parseVocab(data []byte) (*Vocab, error) {
	_, md, err := new(Model).readHeader(&cursor{data: data})
	if err != nil {
		return nil, err
	}
	return readVocab(md)
}
