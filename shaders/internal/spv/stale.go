package spv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Stale compares the kernels of dir with dir/spv by their hashes alone, without
// a compiler, and says what disagrees, one line each; none means up to date.
func Stale(dir string) ([]string, error) {
	names, err := Kernels(dir)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "spv")
	text, err := os.ReadFile(filepath.Join(out, ManifestName))
	if err != nil {
		return nil, fmt.Errorf("spv: %w", err)
	}
	entries, err := ParseManifest(text)
	if err != nil {
		return nil, err
	}
	var stale []string
	if want := FormatManifest(entries); string(want) != strings.ReplaceAll(string(text), "\r\n", "\n") {
		stale = append(stale, "MANIFEST names another compiler or other flags")
	}
	listed := map[string]Entry{}
	for _, e := range entries {
		listed[e.Name] = e
	}
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
		e, ok := listed[name]
		if !ok {
			stale = append(stale, name+": not in MANIFEST")
			continue
		}
		hash, err := SourceHash(dir, name)
		if err != nil {
			return nil, err
		}
		if hash != e.Source {
			stale = append(stale, name+": source is not what was compiled")
		}
		if code, err := os.ReadFile(filepath.Join(out, name+".spv")); err != nil || Hash(code) != e.SPIRV {
			stale = append(stale, name+": SPIR-V is not what was compiled")
		}
	}
	for _, e := range entries {
		if !known[e.Name] {
			stale = append(stale, e.Name+": in MANIFEST, but has no source")
		}
	}
	files, err := filepath.Glob(filepath.Join(out, "*.spv"))
	if err != nil {
		return nil, fmt.Errorf("spv: %w", err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".spv"); !known[name] {
			stale = append(stale, name+": SPIR-V without a source")
		}
	}
	return stale, nil
}
