package spv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func sample(t *testing.T) []byte {
	t.Helper()
	code, err := os.ReadFile("testdata/spv/sample.spv")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestParseSample(t *testing.T) {
	got, err := Parse(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &Module{
		EntryPoint:  "main",
		LocalSizeID: [3]int{3, -1, -1},
		Constants:   []Constant{{1, ""}, {3, ""}}, // 2 is unused and gone
		Bindings: []Binding{ // 3 is not declared, 5 unused and gone
			{0, true, false, ""}, {1, false, true, ""}, {2, true, true, ""}, {4, true, false, ""}, {6, true, true, ""},
		},
		Push: []Scalar{
			{0, Uint, 32, ""}, {4, Float, 32, ""}, {8, Uint, 32, ""}, {16, Int, 32, ""}, {20, Uint, 32, ""},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("module:\n%+v\nwant\n%+v", got, want)
	}
}

// Before it is optimized a module has what is declared, with names:
// glslc --target-env=vulkan1.2 -o named.spv sample.comp
func TestParseNames(t *testing.T) {
	code, err := os.ReadFile("testdata/named.spv")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(code)
	if err != nil {
		t.Fatal(err)
	}
	var push, bindings []string
	for _, p := range m.Push {
		push = append(push, p.Name)
	}
	for _, b := range m.Bindings {
		bindings = append(bindings, fmt.Sprint(b.Number, b.Name))
	}
	if got, want := strings.Join(push, " "), "count eps not_used shift last"; got != want {
		t.Errorf("push constants %s, want %s", got, want)
	}
	if want := []Constant{{1, "SCALE"}, {2, "UNUSED"}, {3, ""}}; !slices.Equal(m.Constants, want) {
		t.Errorf("constants %v, want %v", m.Constants, want)
	}
	if got, want := strings.Join(bindings, " "), "0X 1Y 2Z 4H 5Unused 6A"; got != want {
		t.Errorf("bindings %s, want %s", got, want)
	}
}

func TestParseRejects(t *testing.T) {
	good := sample(t)
	noEntry := append([]byte{}, good[:20]...)
	for name, code := range map[string][]byte{
		"empty":           nil,
		"odd length":      good[:21],
		"header only":     noEntry,
		"wrong magic":     append([]byte{1, 2, 3, 4}, good[4:]...),
		"cut instruction": append(append([]byte{}, good...), 59, 0, 4, 0), // OpVariable, 4 words
		"push of a block": pushOfBlocks(good),
		"zero words":      append(append([]byte{}, good...), 0, 0, 0, 0),
	} {
		if m, err := Parse(code); err == nil {
			t.Errorf("%s: parsed as %+v, want an error", name, m)
		}
	}
}

// pushOfBlocks is the sample with structs of float in the place of its floats.
func pushOfBlocks(code []byte) []byte {
	bad := slices.Clone(code)
	for at := 20; at < len(bad); at += 4 * int(binary.LittleEndian.Uint16(bad[at+2:])) {
		if binary.LittleEndian.Uint16(bad[at:]) == opTypeFloat {
			bad[at] = opTypeStruct
		}
	}
	return bad
}

// Parse must give an error or a module, whatever the words say.
func TestParseDamagedDoesNotPanic(t *testing.T) {
	good := sample(t)
	for i := range good {
		for _, flip := range []byte{0x01, 0x10, 0xff} {
			bad := append([]byte{}, good...)
			bad[i] ^= flip
			Parse(bad)
		}
	}
}

// copySample makes a folder of kernels in which everything is up to date.
func copySample(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	if stale, err := Stale(dir); err != nil || len(stale) != 0 {
		t.Fatalf("testdata is stale: %q, %v: run go generate ./shaders", stale, err)
	}
	return dir
}

func TestStaleSeesEveryDisagreement(t *testing.T) {
	edit := func(file, old, new string) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, file)
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			changed := bytes.Replace(b, []byte(old), []byte(new), 1)
			if bytes.Equal(changed, b) {
				return os.ErrNotExist
			}
			return os.WriteFile(path, changed, 0o644)
		}
	}
	create := func(file string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o644) }
	}
	cases := map[string]struct {
		change func(dir string) error
		want   string
	}{
		"source":             {edit("sample.comp", "eps)", "eps )"), "sample: source is not"},
		"include":            {edit("sample.glsl", "TWO;", "TWO ;"), "sample: source is not"},
		"include's include":  {edit("deep.glsl", "2.0", "3.0"), "sample: source is not"},
		"SPIR-V":             {edit("spv/sample.spv", "main", "maim"), "sample: output is not"},
		"compiler":           {edit("spv/MANIFEST", "shaderc ", "shaderc 1"), "another compiler"},
		"new kernel":         {create("other.comp"), "other: not in MANIFEST"},
		"SPIR-V left behind": {create("spv/other.spv"), "other: SPIR-V without a source"},
		"kernel removed": {func(dir string) error { return os.Remove(filepath.Join(dir, "sample.comp")) },
			"sample: in MANIFEST, but has no source"},
		"SPIR-V removed": {func(dir string) error { return os.Remove(filepath.Join(dir, "spv/sample.spv")) },
			"sample: output is not"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := copySample(t)
			if err := c.change(dir); err != nil {
				t.Fatal(err)
			}
			stale, err := Stale(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(stale, "\n"), c.want) {
				t.Errorf("stale = %q, want a line with %q", stale, c.want)
			}
		})
	}
}

// What was generated is stale when it, its line of the manifest, or another line changes.
func TestStaleSeesGeneratedGo(t *testing.T) {
	dir := copySample(t)
	goFile, manifest := filepath.Join(dir, GeneratedName), filepath.Join(dir, "spv", ManifestName)
	listed, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	kernels, err := ParseManifest(listed)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("package sample\n")
	entry := GeneratedEntry(kernels, text)
	older := entry
	older.Source = GeneratedEntry(nil, text).Source
	for name, c := range map[string]struct {
		text, want string
		entries    []Entry
	}{
		"up to date":      {"package sample\r\n", "", append(kernels, entry)},
		"edited":          {"package simple\n", "output is not", append(kernels, entry)},
		"removed":         {"", "has no source", append(kernels, entry)},
		"of others":       {"package sample\n", "source is not", append(kernels, older)},
		"not listed":      {"package sample\n", "not in MANIFEST", kernels},
		"neither of both": {"", "", kernels},
	} {
		os.Remove(goFile)
		if c.text != "" {
			if err := os.WriteFile(goFile, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(manifest, FormatManifest(c.entries), 0o600); err != nil {
			t.Fatal(err)
		}
		stale, err := Stale(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(stale, "\n"); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: stale = %q, want %q", name, got, c.want)
		}
	}
}

// Variants are what lines of the kernel's source say, with flags and a hash of their own; what
// kernels share is what lines of their includes say.
func TestBuilds(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.comp": "// variant quad: QUAD, in fours\n// variant dot: INT_DOT\n#include \"c.glsl\"\n",
		"a.comp": "// a variant of: NOTHING\n",
		"c.glsl": "// variant no: OTHER\n// interface longer: 5 push constants, 2 specialization constants\n// interface short: 3 push constants\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	builds, err := Builds(dir)
	want := []Build{{"a", "", ""}, {"b", "", ""}, {"b", "quad", "QUAD"}, {"b", "dot", "INT_DOT"}}
	if err != nil || !reflect.DeepEqual(builds, want) {
		t.Fatalf("%v, %v; want %v", builds, err, want)
	}
	if b := builds[2]; b.Name() != "b_quad" || strings.Join(b.Flags(), " ") != strings.Join(Flags, " ")+" -DQUAD" {
		t.Errorf("%s with %v", b.Name(), b.Flags())
	}
	hashes := map[string]bool{}
	for _, b := range builds {
		hash, err := SourceHash(dir, b)
		if err != nil {
			t.Fatal(err)
		}
		hashes[hash] = true
	}
	if len(hashes) != len(builds) {
		t.Errorf("%d hashes of %d builds", len(hashes), len(builds))
	}
	shared, err := SharedBy(dir, "b")
	if want := []Shared{{"short", 3, 0}, {"longer", 5, 2}}; err != nil || !reflect.DeepEqual(shared, want) {
		t.Errorf("%v, %v; want %v", shared, err, want)
	}
}

func TestStaleIgnoresLineEnds(t *testing.T) {
	dir := copySample(t)
	for _, file := range []string{"sample.comp", "sample.glsl", "spv/MANIFEST"} {
		path := filepath.Join(dir, file)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if stale, err := Stale(dir); err != nil || len(stale) != 0 {
		t.Errorf("stale = %q, %v after a checkout with CRLF", stale, err)
	}
}
