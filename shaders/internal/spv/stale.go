package spv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stale compares the kernels of dir with dir/spv and with what was generated of them by
// their hashes alone, without a compiler, and says what disagrees, one line each; none means
// up to date.
func Stale(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "spv", ManifestName))
	if err != nil {
		return nil, fmt.Errorf("spv: %w", err)
	}
	listed, err := ParseManifest(text)
	if err != nil {
		return nil, err
	}
	now, err := present(dir, listed)
	if err != nil {
		return nil, err
	}
	var stale []string
	if want := FormatManifest(listed); string(want) != strings.ReplaceAll(string(text), "\r\n", "\n") {
		stale = append(stale, "MANIFEST names another compiler or other flags")
	}
	for _, e := range now {
		switch i := find(listed, e.Name); {
		case i < 0:
			stale = append(stale, e.Name+": not in MANIFEST")
		case listed[i].Source != e.Source:
			stale = append(stale, e.Name+": source is not what was compiled")
		case listed[i].Made != e.Made:
			stale = append(stale, e.Name+": output is not what was compiled")
		}
	}
	for _, e := range listed {
		if find(now, e.Name) < 0 {
			stale = append(stale, e.Name+": in MANIFEST, but has no source")
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "spv", "*.spv"))
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".spv"); find(now, name) < 0 {
			stale = append(stale, name+": SPIR-V without a source")
		}
	}
	return stale, err
}

func find(list []Entry, name string) int {
	return slices.IndexFunc(list, func(e Entry) bool { return e.Name == name })
}

// present is what a manifest would list of the files as they are. Go is generated of the kernels
// that the manifest lists.
func present(dir string, listed []Entry) ([]Entry, error) {
	builds, err := Builds(dir)
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, b := range builds {
		source, err := SourceHash(dir, b)
		if err != nil {
			return nil, err
		}
		code, _ := os.ReadFile(filepath.Join(dir, "spv", b.Name()+".spv")) // none has another hash
		list = append(list, Entry{b.Name(), source, Hash(code)})
	}
	text, err := os.ReadFile(filepath.Join(dir, GeneratedName))
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return nil, fmt.Errorf("spv: %w", err)
	}
	kernels := slices.DeleteFunc(slices.Clone(listed), func(e Entry) bool { return e.Name == GeneratedName })
	return append(list, GeneratedEntry(kernels, text)), nil
}
