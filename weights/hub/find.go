package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// ErrNotCached is in the errors of Find that a pull can mend.
var ErrNotCached = errors.New("not in the cache")

// Find gives the path of a model in the cache: a GGUF file (the first of its shards),
// the file that the ref names, or the snapshot's folder for a safetensors or MLX model.
// Only what is there completely counts.
func (h *Hub) Find(ref Ref) (string, error) {
	commit := h.commit(ref.Repo, ref.Revision)
	if commit == "" {
		return "", h.notCached(ref, "")
	}
	dir := h.snapshot(ref.Repo, commit)
	names := snapshotFiles(dir)
	if ref.What == "" && isFolder(names) {
		if missing := missingWeights(dir, names); missing == "" {
			return dir, nil
		} else if len(ggufModels(names)) == 0 {
			return "", h.notCached(ref, ": "+missing+" is missing")
		}
	}
	files, err := chooseGGUF(names, ref.What)
	switch {
	case err == nil:
		return filepath.Join(dir, filepath.FromSlash(files[0])), nil
	case ref.What == "" && !errors.Is(err, errNoModel):
		return "", fmt.Errorf("hub: %s in the cache %s: %w", ref, h.config.Cache, err)
	case len(names) > 0:
		return "", h.notCached(ref, ": "+err.Error())
	}
	return "", h.notCached(ref, "")
}

func (h *Hub) notCached(ref Ref, why string) error {
	return fmt.Errorf("hub: %s is %w %s%s; sealvk pull %s brings it", ref, ErrNotCached, h.config.Cache, why, ref)
}

// maxIndex bounds model.safetensors.index.json in bytes; SeaLLM-7B's has 20 kB.
const maxIndex = 16 << 20

// missingWeights names a file that a folder model lacks, "" if it is complete: one that
// its index names, or the index where there are shards.
func missingWeights(dir string, names []string) string {
	const index = "model.safetensors.index.json"
	if slices.Contains(names, "model.safetensors") {
		return "" // what is opened, whatever lies beside it
	}
	if !slices.Contains(names, index) {
		if slices.ContainsFunc(names, weightShard.MatchString) {
			return index
		}
		return ""
	}
	b, err := readSmall(filepath.Join(dir, index), maxIndex)
	var content struct {
		Map map[string]string `json:"weight_map"`
	}
	if err != nil || json.Unmarshal(bytes.TrimPrefix(b, []byte("\ufeff")), &content) != nil {
		return "" // whoever opens the model finds better what is wrong with the index
	}
	needed := slices.Sorted(maps.Values(content.Map))
	there := func(name string) bool { return slices.Contains(names, name) }
	if !slices.ContainsFunc(needed, there) {
		return "" // an index that was left over from another form of the model
	}
	for _, name := range needed {
		if validName(name) && !there(name) {
			return name
		}
	}
	return ""
}
