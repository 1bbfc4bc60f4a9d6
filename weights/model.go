package weights

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/edsrzf/mmap-go"
)

// Model is an open model. Tensor data is valid until Close; everything else stays.
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
	Stops        []int32   // ids that end an answer besides the vocabulary's eos: of generation_config.json, of a GGUF file's eot and its like
	ChatTemplate string    // Jinja source, "" if there is none
	Metadata     []Entry   // file order; of a folder: what its config.json says
	Warnings     []string  // what is odd about the files and changes no answer, or lies beside them and is not used

	index    map[string]*Tensor
	md       *metadata // of GGUF, in the mapped file
	mappings []mmap.MMap
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

// Open maps a model's files and reads them: a GGUF file, any shard of a GGUF model, or
// a folder with config.json and safetensors, plain or quantized by MLX. A folder's config.json
// or one of its .safetensors files stands for the folder; a folder with exactly one GGUF
// model stands for that. Values are not looked at, see [Model.CheckFinite]. A file
// that is cut short while the Model is in use has pages that cannot be read any more, see
// [Tensor.Guard].
func Open(path string) (*Model, error) {
	m := &Model{Path: path, FileType: -1}
	if err := m.open(path); err != nil {
		m.unmap()
		return nil, fmt.Errorf("weights: %w", err)
	}
	m.besides()
	return m, nil
}

func (m *Model) open(path string) error {
	info, err := os.Stat(path)
	switch dir, name := filepath.Split(path); {
	case err != nil:
		return err
	case info.IsDir():
		return m.openFolder(path)
	case slices.Contains(adapterNames, name):
		return fmt.Errorf("%s: is no model but %s", path, otherFiles["adapter"])
	case name == configName || name == indexName || filepath.Ext(name) == ".safetensors":
		return m.openFolder(filepath.Clean(dir))
	}
	return m.openGGUF(path)
}

// mapFile maps a whole file read-only until unmap; data is nil for an empty one, which
// cannot be mapped.
func (m *Model) mapFile(path string) (data []byte, err error) {
	if err := checkRegular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	mapping, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: mapping the file into memory: %w", path, err)
	}
	m.mappings = append(m.mappings, mapping)
	return mapping, nil
}

// checkRegular is asked before a file is opened: opening a named pipe waits for a writer.
func checkRegular(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	return err
}

// setTensors takes the tensors over.
func (m *Model) setTensors(list []*Tensor) {
	m.Tensors = list
	m.index = make(map[string]*Tensor, len(list))
	for _, t := range list {
		m.index[t.Name] = t
	}
}

// settleHead tells whether the head is tied. It leaves output.weight out where that is
// token_embd.weight once more, which some programs write for a tied head: the device needs
// one of them.
func (m *Model) settleHead() {
	head, embedding := m.index["output.weight"], m.index["token_embd.weight"]
	m.Config.TiedHead = head == nil || head.Type == embedding.Type && bytes.Equal(head.Data, embedding.Data) &&
		bytes.Equal(head.Scales, embedding.Scales) && bytes.Equal(head.Biases, embedding.Biases)
	if head != nil && m.Config.TiedHead {
		m.setTensors(slices.DeleteFunc(m.Tensors, func(t *Tensor) bool { return t == head }))
	}
}

// Tensor gives the tensor of that name, nil if the file has none.
func (m *Model) Tensor(name string) *Tensor { return m.index[name] }

// Close unmaps the files; tensor data is gone afterwards. A second Close does nothing.
func (m *Model) Close() error {
	for _, t := range m.Tensors {
		t.Data, t.Scales, t.Biases = nil, nil, nil
	}
	m.md = nil
	if err := m.unmap(); err != nil {
		return fmt.Errorf("weights: %s: unmapping the files: %w", m.Path, err)
	}
	return nil
}

func (m *Model) unmap() error {
	var errs []error
	for _, mapping := range m.mappings {
		errs = append(errs, mapping.Unmap())
	}
	m.mappings = nil
	return errors.Join(errs...)
}
