package shaders

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"sealvk/vk"
)

// What is recorded without Commands says what to build, in order; then it is not missing any more,
// and recording it in earnest builds nothing.
func TestMissing(t *testing.T) {
	s, err := New(device, Config{Tuning: tunings()["lanes4"]})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Free()
	b := benchOf(t, s)
	defer b.free()
	x, weight, y := inout(b, "x", []float32{3, 4}), in(b, "weight", []float32{1, 1}), b.out("y", 2)
	half := b.outBytes("half", HalfBytes(1, 2))
	norm := SumNorm{X: x, Weight: weight, Count: 1, Dim: 2}
	record := func(c *vk.Commands) {
		for range 2 {
			s.SumNorm(c, "norm", norm, Operand{X: y})
			s.ToHalf(c, "half", Operand{X: x, Tokens: 1, Cols: 2}, Operand{X: half, Half: true})
		}
	}
	missing := s.Missing(record)
	var names []string
	for _, p := range missing {
		names = append(names, p.Kernel)
	}
	if want := []string{"sum_norm", "to_half"}; !slices.Equal(names, want) {
		t.Fatalf("%v are missing, want %v", names, want)
	}
	if built := s.Pipelines(); len(built) > 0 {
		t.Errorf("%d pipelines are built, though nothing was recorded", len(built))
	}

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Build(canceled, missing, nil); !errors.Is(err, context.Canceled) || len(s.Pipelines()) > 0 {
		t.Errorf("built %d pipelines after it was canceled: %v", len(s.Pipelines()), err)
	}
	var told atomic.Int64
	if err := s.Build(t.Context(), missing, func(done, total int) { told.Add(int64(10*done + total)) }); err != nil {
		t.Fatal(err)
	}
	if want := int64(10*(0+1+2) + 3*2); told.Load() != want {
		t.Errorf("told of 0, 1 and 2 of 2 pipelines in sum %d, want %d", told.Load(), want)
	}
	if missing := s.Missing(record); len(missing) > 0 {
		t.Errorf("%d pipelines are missing after they were built", len(missing))
	}
	pipelines := device.Stats().Pipelines
	b.run(record)
	if n := device.Stats().Pipelines - pipelines; n != 0 {
		t.Errorf("recording built %d pipelines", n)
	}
}

// A pipeline that cannot be built fails Build, each time.
func TestBuildFails(t *testing.T) {
	s, err := New(device, Config{Tuning: tunings()["lanes4"]})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Free()
	wrong := s.pipeline(FindKernel("to_half"), form{weights: NoType, constants: []uint32{4, 4}}) // it takes one
	for range 2 {
		if err := s.Build(t.Context(), []*Pipeline{wrong}, nil); err == nil {
			t.Error("a pipeline was built with a constant too many")
		}
	}
	if n := len(s.Pipelines()); n != 0 {
		t.Errorf("%d pipelines are built", n)
	}
}
