package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a signal stopped is left alone where it does not end soon, and waited for where it does.
func TestUnlessStopped(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := stoppedError{os.Interrupt}
	if v, left, err := unlessStopped(ctx, time.Hour, func() (int, error) { return 7, nil }); v != 7 || left || err != nil {
		t.Errorf("unstopped: %d, %v, %v", v, left, err)
	}
	failed := errors.New("failed")
	if _, left, err := unlessStopped(ctx, time.Hour, func() (int, error) { return 0, failed }); left || err != failed {
		t.Errorf("failed: %v, %v", left, err)
	}
	cancel(stopped)
	soon := func() (int, error) { <-ctx.Done(); return 3, failed }
	if _, left, err := unlessStopped(ctx, time.Hour, soon); left || err != failed {
		t.Errorf("one that ends: %v, %v", left, err)
	}
	hangs := make(chan struct{})
	defer close(hangs)
	v, left, err := unlessStopped(ctx, time.Millisecond, func() (int, error) { <-hangs; return 3, nil })
	if v != 0 || !left || !errors.As(err, &stoppedError{}) {
		t.Errorf("one that hangs: %d, %v, %v", v, left, err)
	}
	o := &opened{left: left} // device and instance are in use
	if err := o.end(context.Background()); err != nil {
		t.Error(err)
	}
}

// Compiling is told of once it holds up the user, and never when there is nothing left to wait for.
func TestCompileNotice(t *testing.T) {
	for name, c := range map[string]struct {
		begun time.Duration // ago
		do    func(n *compileNotice)
		want  []string
	}{
		"at first":  {0, func(n *compileNotice) { n.uploaded(true); n.built(0, 3); n.built(1, 3) }, nil},
		"with file": {time.Minute, func(n *compileNotice) { n.built(0, 3); n.built(1, 3); n.uploaded(false) }, nil},
		"later": {time.Minute, func(n *compileNotice) {
			n.built(0, 38)
			n.uploaded(true)
			n.built(12, 38)
			n.built(11, 38) // told late
			n.built(38, 38)
		}, []string{"0", "12", "12"}},
		"ended": {time.Minute, func(n *compileNotice) { n.end(); n.uploaded(true); n.built(1, 3) }, nil},
	} {
		var said []string
		n := newCompileNotice(func(what string) { said = append(said, what) }, time.Now().Add(-c.begun))
		n.timer.Stop()
		c.do(n)
		n.end()
		var want []string
		for _, done := range c.want {
			want = append(want, "compiling kernels: "+done+" of 38, first run on this driver")
		}
		if !slices.Equal(said, want) {
			t.Errorf("%s: %q, want %q", name, said, want)
		}
	}
}

// A folder for caches that nothing can be written to is told of once.
func TestUnwritableCache(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", file)
	var stderr strings.Builder
	p, o := &program{stderr: &stderr}, new(opened)
	if err := p.openDevice(o, newModelFlags()); err != nil {
		t.Fatal(err)
	}
	if err := o.close(context.Background()); err != nil {
		t.Error(err)
	}
	if strings.Count(stderr.String(), "compiled kernels are not kept") != 1 {
		t.Errorf("%q", stderr.String())
	}
}
