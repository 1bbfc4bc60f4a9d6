package weights

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// adapterNames are files by which PEFT and mlx-lm keep an adapter (LoRA), which changes a model.
var adapterNames = []string{"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "adapters.safetensors"}

// adapterGGUF is what people call an adapter's file; what it is the file itself tells.
var adapterGGUF = regexp.MustCompile(`(?i)(lora|adapter).*\.gguf$`)

// besides warns of adapters that lie beside a model: who put them there may think that they are applied.
func (m *Model) besides() {
	dir := m.Path
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // a file may be read in a folder that can't be listed
	}
	var found []string
	for _, e := range entries {
		name := e.Name()
		if slices.Contains(adapterNames, name) || adapterGGUF.MatchString(name) && otherKind(filepath.Join(dir, name)) == otherFiles["adapter"] {
			found = append(found, name)
		}
	}
	if len(found) > 0 {
		m.Warnings = append(m.Warnings, fmt.Sprintf("beside it lies an adapter, which is not applied (%s): answers are the model's own", shorten(found)))
	}
}

// otherKind is what a GGUF file is that is no model; "" of models and of what can't be read.
func otherKind(path string) string {
	m := &Model{}
	defer m.unmap()
	p, err := m.openPart(path)
	if err != nil {
		return ""
	}
	return p.md.otherKind()
}

// modelsAmong leaves those GGUF files of a folder out that say they are no models, unless that leaves nothing.
func modelsAmong(dir string, names []string) []string {
	models := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return otherKind(filepath.Join(dir, n)) != "" })
	if len(models) == 0 {
		return names
	}
	return models
}

// noModel says what a folder without a model has instead.
func noModel(dir string, names []string) error {
	if i := slices.IndexFunc(names, func(n string) bool { return slices.Contains(adapterNames, n) }); i >= 0 {
		return fmt.Errorf("%s: holds no model but an adapter (%s), which changes one; adapters are not applied: merge it into its model, or open the model alone", dir, names[i])
	}
	return fmt.Errorf("%s: no model in this folder, neither %s nor %s nor a .gguf file; it holds %s", dir, singleName, indexName, shorten(names))
}

// shorten lists some of the names.
func shorten(names []string) string {
	const most = 8
	switch n := len(names); {
	case n == 0:
		return "nothing"
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}
