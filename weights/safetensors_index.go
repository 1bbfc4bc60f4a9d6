package weights

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// maxShards is far above what published models have.
const maxShards = 1000

// stIndex is model.safetensors.index.json: which file holds which tensor.
type stIndex struct {
	files   []string // sorted
	tensors []string // file order
	file    map[string]string
}

// parseIndex reads the index of a sharded model. A shard's name is a plain file name.
func parseIndex(data []byte) (*stIndex, error) {
	o, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	list := o.get("weight_map", "object", true)
	if o.err != nil {
		return nil, o.err
	}
	x := &stIndex{tensors: list.keys, file: map[string]string{}}
	seen := map[string]bool{}
	for _, name := range list.keys {
		v := list.fields[name]
		if v.kind != "string" {
			return nil, fmt.Errorf("weight_map: the file of %.80q at byte %d is a JSON %s, want a string", name, v.at, v.kind)
		}
		if !plainName(v.text) || !strings.HasSuffix(v.text, ".safetensors") {
			return nil, fmt.Errorf("weight_map: the file %.80q of %.80q at byte %d is not the name of a .safetensors file in this folder", v.text, name, v.at)
		}
		if x.file[name] = v.text; !seen[v.text] {
			seen[v.text] = true
			x.files = append(x.files, v.text)
		}
	}
	if len(x.files) == 0 || len(x.files) > maxShards {
		return nil, fmt.Errorf("weight_map names %d files, want 1 to %d", len(x.files), maxShards)
	}
	slices.Sort(x.files)
	return x, nil
}

// plainName reports whether a name stays in its folder on every system.
func plainName(name string) bool {
	return name != "." && !strings.ContainsAny(name, "/\\:\x00") && filepath.IsLocal(name)
}

// check compares the index with what the files hold.
func (x *stIndex) check(entries []*stEntry) error {
	holds := make(map[string]string, len(entries))
	for _, e := range entries {
		holds[e.name] = filepath.Base(e.path)
	}
	for _, name := range x.tensors {
		switch file, ok := holds[name]; {
		case !ok:
			return fmt.Errorf("weight_map: %q does not hold the tensor %q", x.file[name], name)
		case file != x.file[name]:
			return fmt.Errorf("weight_map: the tensor %q is in %q, not in %q", name, file, x.file[name])
		}
	}
	return nil
}
