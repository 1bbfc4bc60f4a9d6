package spv

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
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
	got.Capabilities = nil // asserted below
	want := &Module{
		EntryPoint:  "main",
		LocalSize:   [3]uint32{1, 2, 1},
		LocalSizeID: [3]int{3, -1, -1},
		Constants:   []uint32{1, 3}, // 2 is unused and gone
		Bindings: []Binding{ // 3 is not declared, 5 unused and gone
			{0, true, false}, {1, false, true}, {2, true, true}, {4, true, false}, {6, true, true},
		},
		Push: []Scalar{
			{0, Uint, 32}, {4, Float, 32}, {8, Uint, 32}, {16, Int, 32}, {20, Int, 32},
			{24, Uint, 32}, {28, Uint, 32}, {32, Uint, 32},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("module:\n%+v\nwant\n%+v", got, want)
	}
}

func TestCapabilities(t *testing.T) {
	m, err := Parse(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	const float16, cooperativeMatrixKHR = 9, 6022
	for _, c := range []uint32{float16, cooperativeMatrixKHR} {
		if !bytes.Contains(words(m.Capabilities), words([]uint32{c})) {
			t.Errorf("capability %d is not among %v", c, m.Capabilities)
		}
	}
}

func words(w []uint32) []byte {
	var b []byte
	for _, v := range w {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return b
}

func TestDeclaredSample(t *testing.T) {
	got, err := Declared("testdata", "sample")
	if err != nil {
		t.Fatal(err)
	}
	want := Declaration{
		Push:      []string{"count", "eps", "not_used", "shift", "list"},
		Constants: []int{1, 2, 3},
		Bindings:  []int{0, 1, 2, 4, 5, 6},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("declaration %+v, want %+v", got, want)
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
		"zero words":      append(append([]byte{}, good...), 0, 0, 0, 0),
	} {
		if m, err := Parse(code); err == nil {
			t.Errorf("%s: parsed as %+v, want an error", name, m)
		}
	}
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
		"SPIR-V":             {edit("spv/sample.spv", "main", "maim"), "sample: SPIR-V is not"},
		"compiler":           {edit("spv/MANIFEST", "shaderc ", "shaderc 1"), "another compiler"},
		"new kernel":         {create("other.comp"), "other: not in MANIFEST"},
		"SPIR-V left behind": {create("spv/other.spv"), "other: SPIR-V without a source"},
		"kernel removed": {func(dir string) error { return os.Remove(filepath.Join(dir, "sample.comp")) },
			"sample: in MANIFEST, but has no source"},
		"SPIR-V removed": {func(dir string) error { return os.Remove(filepath.Join(dir, "spv/sample.spv")) },
			"sample: SPIR-V is not"},
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

// Members that a macro stands for are members, and the first definition counts.
func TestDeclaredMacros(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.comp": "#define ID 4\n#include \"b.glsl\"\nlayout(push_constant) uniform Push {\n    BOTH\n    float eps;\n} push;\n",
		"b.glsl": "#define BOTH \\\n    uint rows; /* of both */ \\\n    uint cols;\n#define TWICE(x) 2 * x\n#ifndef ID\n#define ID 9\n#endif\nlayout(constant_id = ID) const uint N = 1;\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := Declaration{Push: []string{"rows", "cols", "eps"}, Constants: []int{4}}
	if got, err := Declared(dir, "a"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
