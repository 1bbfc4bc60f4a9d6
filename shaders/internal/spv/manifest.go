package spv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Compiler is what the pinned glslc prints as its version (shaderc, spirv-tools
// and glslang, each with the version of its package).
const Compiler = "shaderc 2025.2-1, spirv-tools 2025.1~rc1-1, glslang 15.1.0+1.4.309.0-1"

// Flags are handed to glslc for every kernel.
var Flags = []string{"--target-env=vulkan1.2", "-O"}

// ManifestName is the manifest's file name beside the SPIR-V.
const ManifestName = "MANIFEST"

// Entry is one kernel's line of the manifest.
type Entry struct {
	Name   string // kernel: NAME.comp, NAME.spv
	Source string // SourceHash, hex
	SPIRV  string // sha256 of NAME.spv, hex
}

// Kernels lists the names of the kernels in dir: NAME for every NAME.comp, sorted.
func Kernels(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.comp"))
	if err != nil {
		return nil, fmt.Errorf("spv: %w", err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".comp"))
	}
	slices.Sort(names)
	return names, nil
}

// SourceHash is the hex sha256 over everything that decides a kernel's SPIR-V:
// the compiler, the flags, and NAME.comp followed by each file that it
// includes, directly or not, in the order of first mention. Line ends are
// hashed as LF, so that a checkout that rewrites them stays valid.
func SourceHash(dir, name string) (string, error) {
	files, err := sources(dir, name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", Compiler, strings.Join(Flags, " "))
	for _, f := range files {
		fmt.Fprintf(h, "%s %d\n%s", f.name, len(f.text), f.text)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Hash is the hex sha256 of b.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// FormatManifest writes entries in the order given.
func FormatManifest(entries []Entry) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Written by go generate ./shaders: kernel, sha256 of source, sha256 of SPIR-V.\n")
	fmt.Fprintf(&b, "# %s\n# glslc %s\n", Compiler, strings.Join(Flags, " "))
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %s %s\n", e.Name, e.Source, e.SPIRV)
	}
	return b.Bytes()
}

// ParseManifest reads what FormatManifest wrote.
func ParseManifest(b []byte) ([]Entry, error) {
	var entries []Entry
	for i, line := range strings.Split(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 || len(f[1]) != 64 || len(f[2]) != 64 {
			return nil, fmt.Errorf("spv: manifest line %d: want NAME SHA256 SHA256, have %q", i+1, line)
		}
		entries = append(entries, Entry{f[0], f[1], f[2]})
	}
	return entries, nil
}
