package main

import (
	"bytes"
	"os"
	"testing"
)

func TestIncludesAreGenerated(t *testing.T) {
	for name, want := range includes() {
		got, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
			t.Errorf("shaders/%s is not what go generate ./shaders writes:\n%s", name, want)
		}
	}
}
