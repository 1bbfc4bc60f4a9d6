package main

import (
	"go/format"
	"strings"
	"testing"
)

func TestExports(t *testing.T) {
	var g source
	err := g.export(`// Commentary of its own.

// Row is a token,
// of some sequence.
// export
struct Row {
    uint first_token; // from 0
    int step;
    float scale;
};
const uint OTHER = 7; // stays in GLSL
// NoToken is none.
// export
const uint NONE = 0xffu;
`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := format.Source(g.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	const want = `
// Row is a token,
// of some sequence.
type Row struct {
	FirstToken uint32 // from 0
	Step       int32
	Scale      float32
}

// NoToken is none.
const NoToken = 0xff
`
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for text, want := range map[string]string{
		"// export\nconst uint A = 1;\n":                          "1 lines say export, and 0 declarations",
		"// A is one.\n// export\nconst float A = 1;\n":           "0 declarations",
		"// A is one.\n// export\n\nconst uint A = 1;\n":          "0 declarations",
		"// A is some.\n// export\nstruct A {\n    vec4 v;\n};\n": "struct A: ",
	} {
		if err := new(source).export(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
