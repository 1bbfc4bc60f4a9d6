package kernelbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/weights/format"
)

func TestCases(t *testing.T) {
	caps := device.Caps()
	for _, c := range []struct {
		sweep Sweep
		want  []string
	}{
		{Sweep{Kernel: "geglu"}, []string{"[24576 1]"}},
		{Sweep{Kernel: "geglu", Sizes: map[string][]int{"ffn_dim": {5, 9}}}, []string{"[5 1]", "[9 1]"}},
		{Sweep{Kernel: "to_half", Sizes: map[string][]int{"cols": {3072}, "tokens": {1, 4}}}, []string{"[3072 1]", "[3072 4]"}},
		{Sweep{Kernel: "matmul", Sizes: map[string][]int{"rows": {1024}, "cols": {512, 256}}}, []string{"Q4_K [1024 512 1]", "Q4_K [1024 256 1]"}},
		{Sweep{Kernel: "matmul", Sizes: map[string][]int{"rows": {8}}}, []string{"Q4_K [8 3072 1]", "Q4_K [8 4096 1]", "Q4_K [8 24576 1]"}},
		{Sweep{Kernel: "embed", Types: []format.Type{format.F16, format.Q8_0}, Sizes: map[string][]int{"cols": {64, 32}, "rows": {9}}},
			[]string{"F16 [9 64 1]", "Q8_0 [9 64 1]", "F16 [9 32 1]", "Q8_0 [9 32 1]"}},
		{Sweep{Kernel: "attention", Depths: []int{0, 512}}, []string{"[16 16 256 1]", "[16 16 256 1] at 512"}},
	} {
		cases, err := c.sweep.Cases(caps)
		if err != nil {
			t.Errorf("%+v: %v", c.sweep, err)
			continue
		}
		var got []string
		for _, x := range cases {
			text := fmt.Sprint(x.Shape)
			if x.Type != NoType {
				text = x.Type.String() + " " + text
			}
			if x.Depth > 0 {
				text += fmt.Sprint(" at ", x.Depth)
			}
			if got = append(got, text); x.Variant.Tuning != shaders.DefaultTuning(caps) {
				t.Errorf("%s: %+v is not the device's own", text, x.Variant)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.sweep, got, c.want)
		}
	}
	for _, kernel := range Kernels() { // the model's own shapes are possible everywhere
		if !possible(t, kernel) {
			continue
		}
		if cases, err := (&Sweep{Kernel: kernel}).Cases(caps); err != nil || len(cases) == 0 {
			t.Errorf("%s: %d cases, %v", kernel, len(cases), err)
		}
	}
}

func TestImpossibleCases(t *testing.T) {
	type sizes = map[string][]int
	huge := 1<<31 - 1
	many := make([]int, 200)
	for i := range many {
		many[i] = i + 1
	}
	for _, c := range []struct {
		sweep Sweep
		want  []string
	}{
		{Sweep{Kernel: "matmull"}, []string{`unknown kernel "matmull"`, "attn_qkv, embed, ffn_gate_up", "threshold"}},
		{Sweep{}, []string{`unknown kernel ""`}},
		{Sweep{Kernel: "matmul", Sizes: sizes{"depth": {1}}}, []string{`matmul has no size "depth"`, "rows, cols, tokens"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"wide": {1}}}, []string{`matmul has no tuning "wide"`, "lanes, max_lanes, row_lanes, groups, outputs, span, tokens, in_place"}},
		{Sweep{Kernel: "matmul", Sizes: sizes{"rows": {0}}}, []string{"rows=0: want 1 to"}},
		{Sweep{Kernel: "matmul", Sizes: sizes{"tokens": {-1}}}, []string{"tokens=-1: want 1 to"}},
		{Sweep{Kernel: "geglu", Sizes: sizes{"ffn_dim": {1 << 31}}}, []string{"ffn_dim=2147483648: want 1 to 2147483647"}},
		{Sweep{Kernel: "matmul", Sizes: sizes{"cols": {300}}}, []string{"cols=300", "multiple of Q4_K's block of 256"}},
		{Sweep{Kernel: "matmul", Types: []format.Type{20}}, []string{"no kernel for weights of type IQ4_NL"}},
		{Sweep{Kernel: "to_half", Types: []format.Type{format.F16}}, []string{"to_half: the kernel has no weights"}},
		{Sweep{Kernel: "to_half", Depths: []int{1}}, []string{"to_half: the kernel works at no depth"}},
		{Sweep{Kernel: "rope", Depths: []int{-1}}, []string{"depth of -1"}},
		{Sweep{Kernel: "rope", Depths: []int{huge}}, []string{"depth of 2147483647"}},
		{Sweep{Kernel: "attention", Sizes: sizes{"head_dim": {7}}}, []string{"head_dim=7", "multiple of 32 up to 256"}},
		{Sweep{Kernel: "attention", Sizes: sizes{"head_dim": {512}}}, []string{"head_dim=512", "multiple of 32 up to 256"}},
		{Sweep{Kernel: "attention", Sizes: sizes{"kv_heads": {3}}}, []string{"heads=16 is no multiple of kv_heads=3"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"row_lanes": {12}}}, []string{"row_lanes=12", "power of two"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"lanes": {12}, "row_lanes": {8}}}, []string{"12 lanes are no multiple of the 8 over rows"}},
		{Sweep{Kernel: "geglu", Knobs: sizes{"lanes": {1 << 20}}}, []string{"lanes=1048576: want 1 to"}},
		{Sweep{Kernel: "geglu", Knobs: sizes{"lanes": {0}}}, []string{"lanes=0: want 1 to"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"span": {16}}}, []string{"span=16: want 1 to 8"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"groups": {-4}}}, []string{"groups=-4: want 1 to 64"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"in_place": {0, 2}}}, []string{"in_place=2: want 0 or 1"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"int_dot": {1}}}, []string{`matmul has no tuning "int_dot"`}},
		{Sweep{Kernel: "matmul_add", Knobs: sizes{"lanes": {4}, "max_lanes": {4}, "row_lanes": {8}}}, []string{"8 lanes over rows in a workgroup of 4"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"row_lanes": {4}, "groups": {1}, "tokens": {16}}}, []string{"128 sums in a lane, want at most 64"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"lanes": {256}, "row_lanes": {256}, "groups": {64}, "outputs": {64}, "tokens": {16}}}, []string{"bytes of shared memory"}},
		{Sweep{Kernel: "attn_qkv", Sizes: sizes{"rows": {100}}}, []string{"rows=100: want a multiple of 96"}},
		{Sweep{Kernel: "attn_qkv", Depths: []int{-1}}, []string{"depth of -1"}},
		{Sweep{Kernel: "ffn_gate_up", Sizes: sizes{"rows": {100}}}, []string{"rows=100: want a multiple of 32"}},
		{Sweep{Kernel: "attention", Knobs: sizes{"split": {-1}}}, []string{"split=-1: want 1 to"}},
		{Sweep{Kernel: "rope", Sizes: sizes{"heads": many, "tokens": many}}, []string{"combinations, want at most 10000"}},
		{Sweep{Kernel: "matmul", Knobs: sizes{"groups": many, "tokens": many, "lanes": many}}, []string{"combinations, want at most 10000"}},
	} {
		_, err := c.sweep.Cases(device.Caps())
		if err == nil {
			t.Errorf("%+v: no error", c.sweep)
			continue
		}
		for _, part := range append(c.want, "kernelbench: ") {
			if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q does not tell %q", err, part)
			}
		}
	}
}

// What the device cannot hold is refused before anything is made, the cases in front of it
// not run.
func TestTooLarge(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1})
	huge := 1<<31 - 256
	for _, c := range []struct {
		sweep Sweep
		want  []string
	}{
		{Sweep{Kernel: "matmul", Sizes: map[string][]int{"rows": {2, huge}, "cols": {huge}}}, []string{"weights takes", "the device binds at most"}},
		{Sweep{Kernel: "matmul", Sizes: map[string][]int{"rows": {2, 1 << 25}, "cols": {24576}}}, []string{"rows=33554432 cols=24576 tokens=1", "are needed", "are free"}},
		{Sweep{Kernel: "matmul", Sizes: map[string][]int{"rows": {2}, "cols": {256}, "tokens": {1, huge}}}, []string{"x takes", "the device binds at most"}},
		{Sweep{Kernel: "geglu", Sizes: map[string][]int{"ffn_dim": {4, huge}}}, []string{"gate_up takes", "the device binds at most"}},
		{Sweep{Kernel: "attention", Depths: []int{0, huge - 2}}, []string{"depth=2147483390", "the device binds at most"}},
		{Sweep{Kernel: "threshold", Sizes: map[string][]int{"vocab": {huge}, "tokens": {huge}}}, []string{"the device binds at most"}},
	} {
		cases, err := c.sweep.Cases(device.Caps())
		if err != nil {
			t.Errorf("%+v: %v", c.sweep, err)
			continue
		}
		allocated := device.Stats().AllocatedBytes
		err = w.Run(context.Background(), cases, func(*Result) error { t.Error("a case was run"); return nil })
		if err == nil {
			t.Errorf("%+v: no error", c.sweep)
			continue
		}
		for _, part := range append(c.want, "kernelbench: "+c.sweep.Kernel) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not tell %q", err, part)
			}
		}
		if got := device.Stats().AllocatedBytes; got != allocated {
			t.Errorf("%d bytes were allocated", got-allocated)
		}
	}
}

func TestWithoutTimestamps(t *testing.T) {
	caps := device.Caps()
	bits := &caps.QueueFamilies[caps.QueueFamily].TimestampValidBits
	before := *bits
	*bits = 0
	defer func() { *bits = before }()
	if _, err := New(device, Options{Reps: 1}); err == nil || !strings.Contains(err.Error(), "has no timestamps") {
		t.Errorf("%v", err)
	}
	w := newWorkbench(t, Options{}) // checks need none
	if r := results(t, w, Sweep{Kernel: "geglu", Sizes: map[string][]int{"ffn_dim": {5}}}); r[0].Checked != 5 || len(r[0].SamplesUS) > 0 {
		t.Errorf("%+v", r[0])
	}
}

func TestStops(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1})
	cases, err := (&Sweep{Kernel: "geglu", Sizes: map[string][]int{"ffn_dim": {5, 6, 7}}}).Cases(device.Caps())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	if err := w.Run(ctx, cases, func(*Result) error { n++; cancel(); return nil }); !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("stopped after %d cases: %v", n, err)
	}
	stop := errors.New("stop")
	if err := w.Run(context.Background(), cases, func(*Result) error { return stop }); err != stop {
		t.Errorf("%v, want the callback's error", err)
	}
}
