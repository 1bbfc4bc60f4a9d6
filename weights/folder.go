package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sealvk/weights/format"
)

// Names of files in a model's folder.
const (
	configName = "config.json"
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
)

// looseName are the names that mlx-lm looks for, which heeds no index; the second kind
// only where there is none of the first.
var looseName = regexp.MustCompile(`^(model|weight).*\.safetensors$`)

// openFolder opens the model in a folder: safetensors if there are some, else GGUF.
func (m *Model) openFolder(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var names, loose []string
	for _, e := range list {
		names = append(names, e.Name())
		if looseName.MatchString(e.Name()) {
			loose = append(loose, e.Name())
		}
	}
	if i := slices.IndexFunc(loose, func(n string) bool { return strings.HasPrefix(n, "weight") }); i > 0 {
		loose = loose[:i] // sorted: model… stands in front
	}
	switch {
	case slices.Contains(names, singleName):
		return m.openSafetensors(dir, []string{singleName}, nil)
	case slices.Contains(names, indexName):
		x, err := readSmall(filepath.Join(dir, indexName), parseIndex)
		if err != nil {
			return err
		}
		if len(loose) == 0 || slices.ContainsFunc(x.files, func(n string) bool { return slices.Contains(names, n) }) {
			return m.openSafetensors(dir, x.files, x)
		}
		fallthrough // the index was left over from another form of the model
	case len(loose) > 0:
		return m.openSafetensors(dir, loose, nil)
	}
	ggufs := ggufModels(names)
	if len(ggufs) > 1 {
		ggufs = modelsAmong(dir, ggufs)
	}
	if len(ggufs) == 1 {
		return m.openGGUF(filepath.Join(dir, ggufs[0]))
	}
	if len(ggufs) > 1 {
		return fmt.Errorf("%s: holds %d models, name one of them: %s", dir, len(ggufs), shorten(ggufs))
	}
	return noModel(dir, names)
}

// ggufModels gives the GGUF files among names, of a sharded model its first shard that
// is there.
func ggufModels(names []string) []string {
	var list []string
	seen := map[string]bool{}
	for _, name := range names {
		key := name
		if parts := shardName.FindStringSubmatch(name); parts != nil {
			key = parts[1] + " in " + parts[3]
		}
		if filepath.Ext(name) == ".gguf" && !seen[key] {
			seen[key] = true
			list = append(list, name)
		}
	}
	return list
}

// openSafetensors reads config.json, the files with tensors and what is there beside them.
func (m *Model) openSafetensors(dir string, names []string, x *stIndex) error {
	config, err := readSmall(filepath.Join(dir, configName), parseFolderConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %s is missing beside %s", dir, configName, names[0])
	}
	if err != nil {
		return err
	}
	var entries []*stEntry
	for _, name := range names {
		path := filepath.Join(dir, name)
		data, err := m.mapFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %s is missing; fetch it into the same folder", dir, name)
		}
		if err != nil {
			return err
		}
		list, err := parseSafetensors(path, data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		entries = append(entries, list...)
		m.Files = append(m.Files, path)
		m.Size += int64(len(data))
	}
	if x != nil {
		if err := x.check(entries); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, indexName), err)
		}
	}
	tensors, err := assemble(dir, config, entries)
	if err != nil {
		return err
	}
	m.setTensors(tensors)
	m.setConfig(config)
	m.settleHead()
	m.Config.Name = folderName(dir)
	return m.readTexts(dir, config)
}

// setConfig takes over what config.json says.
func (m *Model) setConfig(config *folderConfig) {
	m.Config, m.Metadata, m.Format = config.Config, config.metadata, "safetensors"
	if config.mlx != nil {
		m.Format = "MLX"
	}
	m.FileType = folderFileType(m.Tensors)
}

// folderFileType is that of the matrices if all have one unquantized type, else -1.
func folderFileType(list []*Tensor) FileType {
	types := map[format.Type]bool{}
	for _, t := range list {
		if t.Rows > 1 {
			types[t.Type] = true
		}
	}
	for typ, f := range map[format.Type]FileType{format.F32: 0, format.F16: 1, format.BF16: 32} {
		if len(types) == 1 && types[typ] {
			return f
		}
	}
	return -1
}

// readTexts finds the tokenizer and reads what ends an answer and the chat template.
func (m *Model) readTexts(dir string, config *folderConfig) (err error) {
	for _, name := range []string{"tokenizer.model", "tokenizer.json"} {
		if path := filepath.Join(dir, name); checkRegular(path) == nil {
			m.Tokenizer = path
		}
	}
	path := filepath.Join(dir, "generation_config.json")
	m.Stops, err = readSmall(path, parseGenerationConfig)
	if m.Stops == nil && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		path, m.Stops, err = filepath.Join(dir, configName), config.stops, nil
	}
	if err != nil {
		return err
	}
	for _, id := range m.Stops {
		if int(id) >= m.Config.Vocab {
			return fmt.Errorf("%s: eos_token_id is %d, past the vocabulary's %d pieces", path, id, m.Config.Vocab)
		}
	}
	m.ChatTemplate, err = readSmall(filepath.Join(dir, "chat_template.jinja"), parseTemplate)
	if errors.Is(err, fs.ErrNotExist) {
		m.ChatTemplate, err = readSmall(filepath.Join(dir, "tokenizer_config.json"), parseTokenizerConfig)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// parseTemplate takes a chat template that is a file of its own.
func parseTemplate(data []byte) (string, error) {
	if i := notUTF8(data); i >= 0 {
		return "", fmt.Errorf("not valid UTF-8 at byte %d; the file is damaged", i)
	}
	return string(data), nil
}

// readSmall reads one of a folder's small files, which are text; a byte order mark in front is
// passed over.
func readSmall[T any](path string, parse func([]byte) (T, error)) (T, error) {
	var none T
	if err := checkRegular(path); err != nil {
		return none, err
	}
	f, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxJSONBytes+1))
	if err != nil {
		return none, err
	}
	if len(data) > maxJSONBytes {
		return none, fmt.Errorf("%s: larger than %d MiB", path, maxJSONBytes>>20)
	}
	v, err := parse(bytes.TrimPrefix(data, []byte("\ufeff")))
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// folderName is the repository's name in a Hugging Face cache
// (models--org--name/snapshots/commit), else the folder's.
func folderName(dir string) string {
	full, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if snapshots := filepath.Dir(full); filepath.Base(snapshots) == "snapshots" {
		repo := filepath.Base(filepath.Dir(snapshots))
		if name, ok := strings.CutPrefix(repo, "models--"); ok {
			_, name, _ = strings.Cut(name, "--")
			return name
		}
	}
	return filepath.Base(full)
}
