//go:build unix

package weights

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Windows does not cut files that are mapped.
func TestFileCutShortWhileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.gguf")
	data, err := os.ReadFile(writeSynthModel(t, "seallm-nano:layers=1,vocab=1000", "BF16", 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := os.Truncate(path, int64(len(data)/2)); err != nil {
		t.Fatal(err)
	}
	wantCut := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantCut("checking", m.CheckFinite())
	last := m.Tensors[len(m.Tensors)-1]
	wantCut("quantizing", Quantize(t.Context(), filepath.Join(t.TempDir(), "out.gguf"), m, 7, nil, nil))
	wantCut("copying", last.Guard(func() error { copy(make([]byte, len(last.Data)), last.Data); return nil }))
}

func TestGuardLeavesOtherPanicsAlone(t *testing.T) {
	var tensor Tensor
	want := errors.New("mine")
	if err := tensor.Guard(func() error { return want }); err != want {
		t.Error(err)
	}
	defer func() {
		if recover() != "bug" {
			t.Error("the panic was swallowed")
		}
	}()
	tensor.Guard(func() error { panic("bug") })
}
