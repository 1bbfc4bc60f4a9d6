package shaders

import (
	"testing"

	"sealvk/shaders/internal/spv"
)

// The committed SPIR-V must be what the committed sources compile to. This test
// compares hashes; that the compiler really gives those bytes is for CI, which
// runs it.
func TestSPIRVIsUpToDate(t *testing.T) {
	stale, err := spv.Stale(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range stale {
		t.Errorf("%s: run go generate ./shaders", line)
	}
}

func TestEverySPIRVParses(t *testing.T) {
	names, err := spv.Kernels(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatal("no kernels")
	}
	for _, name := range names {
		code, err := binaries.ReadFile("spv/" + name + ".spv")
		if err == nil {
			_, err = spv.Parse(code)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
