package shaders

import (
	"slices"
	"strings"
	"testing"

	"sealvk/vk"
)

func TestTuned(t *testing.T) {
	caps := device.Caps()
	none, err := Tuned(caps, KVF16, nil)
	if err != nil || none != DefaultTuning(caps) {
		t.Errorf("no setting: %+v, %v", none, err)
	}
	got, err := Tuned(caps, KVF16, []Setting{{"matmul_add", "groups", 2}, {"rope", "lanes", 16}, {"attn_qkv", "groups", 2}, {"attention", "merge", 0}})
	want := DefaultTuning(caps)
	want.Product.Groups, want.Lanes = 2, 16
	plain, plainErr := FindKernel("attention").Tuning(caps) // which is then the kernel that attention takes
	want.Attention = plain.Attention
	want.Attention.Merge = false
	if err != nil || plainErr != nil || got != want {
		t.Errorf("%+v, want %+v (%v)", got, want, err)
	}

	// A kernel of prefill is the one that prefill takes, with the device's tiles but for what is set.
	got, err = Tuned(caps, KVF16, []Setting{{"matmul_tiled", "narrow_buffers", 1}, {"matmul_tiled", "wide_buffers", 1}})
	want = DefaultTuning(caps)
	want.Prefill = plainPrefill(caps)
	want.Prefill.Narrow.Buffers, want.Prefill.Wide.Buffers = 1, 1
	if err != nil || got != want {
		t.Errorf("%+v, want %+v (%v)", got, want, err)
	}
}

func TestTunedErrors(t *testing.T) {
	for _, c := range []struct {
		settings []Setting
		want     []string
	}{
		{[]Setting{{"matmull", "lanes", 8}}, []string{`unknown kernel "matmull"; there are adjust, advance, attention, `}},
		{[]Setting{{"rope", "lanes", 8}, {"rope", "wide", 8}}, []string{`rope has no tuning "wide"; it has lanes`}},
		{[]Setting{{"rope", "lanes", 12}}, []string{"rope: lanes=12: want a power of two"}},
		{[]Setting{{"rope", "lanes", 1 << 20}}, []string{"rope: lanes=1048576: want 1 to"}},
		{[]Setting{{"matmul", "in_place", 2}}, []string{"matmul: in_place=2: want 0 or 1"}},
		{[]Setting{{"matmul_add", "groups", 4}, {"output", "groups", 2}}, []string{"matmul_add.groups=4: another setting makes it 2"}},
		{[]Setting{{"matmul_add", "lanes", 64}, {"matmul_add", "row_lanes", 1 << 20}}, []string{"attn_qkv: ", "1048576 lanes over rows in a workgroup of"}},
		// Of what kernels share the others' checks count too.
		{[]Setting{{"attention", "tile", 32}, {"attention_merge", "lanes", 64}}, []string{"attention: a tile of 32 positions"}},
	} {
		_, err := Tuned(device.Caps(), KVF16, c.settings)
		if err == nil {
			t.Errorf("%v: no error", c.settings)
			continue
		}
		for _, part := range append(c.want, "shaders: ") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v: %q does not tell %q", c.settings, err, part)
			}
		}
	}
	without := *device.Caps()
	without.CooperativeMatrices = nil
	without.Features.IntegerDotProduct = false
	without.Type = vk.Discrete
	for s, want := range map[Setting]string{
		{"matmul_coopmat", "k", 16}:  "matmul_coopmat.k=16: the device has no cooperative matrices",
		{"matmul_add", "int_dot", 1}: "matmul_add: int_dot=1: the device has no operations for it",
	} {
		if _, err := Tuned(&without, KVF16, []Setting{s}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", s, err, want)
		}
	}
}

func TestSharers(t *testing.T) {
	for s, want := range map[Setting][]string{
		{"matmul_add", "lanes", 64}:   {"attn_qkv", "ffn_gate_up", "matmul", "output"},
		{"output", "int_dot", 1}:      {"attn_qkv", "ffn_gate_up", "matmul_add"},
		{"attention", "positions", 8}: nil,
		{"threshold", "lanes", 8}:     {"adjust", "advance", "logprobs", "sample"},
		{"nothing", "lanes", 8}:       nil,
	} {
		if got := s.Sharers(); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", s, got, want)
		}
	}
}
