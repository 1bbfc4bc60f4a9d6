package spv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Stale compares the kernels of dir with dir/spv and with what was generated of them by
// their hashes alone, without a compiler, and says what disagrees, one line each; none means
// up to date.
func Stale(dir string) ([]string, error) {
	builds, err := Builds(dir)
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
	for _, b := range builds {
		name := b.Name()
		known[name] = true
		e, ok := listed[name]
		if !ok {
			stale = append(stale, name+": not in MANIFEST")
			continue
		}
		hash, err := SourceHash(dir, b)
		if err != nil {
			return nil, err
		}
		if hash != e.Source {
			stale = append(stale, name+": source is not what was compiled")
		}
		if code, err := os.ReadFile(filepath.Join(out, name+".spv")); err != nil || Hash(code) != e.Made {
			stale = append(stale, name+": SPIR-V is not what was compiled")
		}
	}
	for _, e := range entries {
		if !known[e.Name] && e.Name != GeneratedName {
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
	return append(stale, staleGo(dir, entries)...), nil
}

// staleGo is Stale of GeneratedName, which stands in the last line if at all.
func staleGo(dir string, entries []Entry) []string {
	text, err := os.ReadFile(filepath.Join(dir, GeneratedName))
	n := len(entries) - 1
	if n < 0 || entries[n].Name != GeneratedName {
		if err == nil {
			return []string{GeneratedName + ": not in MANIFEST"}
		}
		return nil
	}
	switch want := GeneratedEntry(entries[:n], text); {
	case err != nil || entries[n].Made != want.Made:
		return []string{GeneratedName + " is not what was generated"}
	case entries[n].Source != want.Source:
		return []string{GeneratedName + " was generated of other kernels"}
	}
	return nil
}
