package spv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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

// GeneratedName is the file of Go that go generate makes of the kernels' interfaces, beside
// their sources; the manifest's last line is its.
const GeneratedName = "kernels_gen.go"

// Entry is one line of the manifest.
type Entry struct {
	Name   string // of a Build; or GeneratedName
	Source string // SourceHash, hex; of GeneratedName: Hash of the lines before
	Made   string // sha256 of NAME.spv, or of GeneratedName, hex
}

// Build is one file of SPIR-V: a kernel as it is, or a variant of it that its source
// declares by a line like
//
//	// variant quad: QUAD, shares loads of x among four lanes
type Build struct {
	Kernel  string // KERNEL.comp
	Variant string // "": none
	Macro   string // that the variant defines
}

// Name is that of the build's file, NAME.spv.
func (b Build) Name() string {
	if b.Variant == "" {
		return b.Kernel
	}
	return b.Kernel + "_" + b.Variant
}

// Flags are what glslc is called with for the build.
func (b Build) Flags() []string {
	if b.Macro == "" {
		return Flags
	}
	return append(slices.Clone(Flags), "-D"+b.Macro)
}

var variantLine = regexp.MustCompile(`(?m)^// variant (\w+): (\w+)`)

// Builds lists what is made of the kernels in dir, in the order of the kernels' names; a
// kernel comes before its variants.
func Builds(dir string) ([]Build, error) {
	names, err := Kernels(dir)
	if err != nil {
		return nil, err
	}
	var builds []Build
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name+".comp"))
		if err != nil {
			return nil, fmt.Errorf("spv: %w", err)
		}
		builds = append(builds, Build{Kernel: name})
		for _, m := range variantLine.FindAllSubmatch(text, -1) {
			builds = append(builds, Build{name, string(m[1]), string(m[2])})
		}
	}
	return builds, nil
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

// SourceHash is the hex sha256 over everything that decides a build's SPIR-V:
// the compiler, the flags, and KERNEL.comp followed by each file that it
// includes, directly or not, in the order of first mention. Line ends are
// hashed as LF, so that a checkout that rewrites them stays valid.
func SourceHash(dir string, b Build) (string, error) {
	files, err := sources(dir, b.Kernel)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", Compiler, strings.Join(b.Flags(), " "))
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

// GeneratedEntry is the manifest's line of a generated file with the given text, made of
// kernels with the given lines.
func GeneratedEntry(kernels []Entry, text []byte) Entry {
	return Entry{GeneratedName, Hash(FormatManifest(kernels)), Hash(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))}
}

// FormatManifest writes entries in the order given.
func FormatManifest(entries []Entry) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Written by go generate ./shaders: kernel, sha256 of source, sha256 of SPIR-V.\n")
	fmt.Fprintf(&b, "# %s\n# glslc %s\n", Compiler, strings.Join(Flags, " "))
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %s %s\n", e.Name, e.Source, e.Made)
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
