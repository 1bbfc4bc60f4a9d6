package engine

import (
	"context"
	"slices"
	"strings"
	"testing"

	"sealvk/engine/selfcheck"
	"sealvk/vk"
	"sealvk/vk/vktest"
	"sealvk/weights"
)

// A driver that compiles integer dot products wrongly gives the right answer without them, and it is
// told once that they are left out.
func TestALyingDriverAnswersRight(t *testing.T) {
	if !device.Caps().Features.IntegerDotProduct {
		t.Skip("the device does not claim that it can")
	}
	in, err := vk.Open(vk.Config{Shader: func(name string, spirv []byte) []byte {
		if strings.Contains(name, "_dot[") {
			return vktest.Miscompiled(spirv)
		}
		return spirv
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	pd, _, err := in.Select("")
	if err != nil {
		t.Fatal(err)
	}
	liar, err := in.OpenDevice(pd, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file, err := weights.Open(nano)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var told []selfcheck.Result
	o := Options{IntDot: true, Fault: func(r selfcheck.Result) { told = append(told, r) }}
	m, err := Load(context.Background(), liar, file, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	some := greedyCases(t)
	c := slices.MinFunc(some, func(a, b greedyCase) int { return len(a.PromptIDs) - len(b.PromptIDs) })
	want := c.Answer.IDs[:5]
	r, err := s.Generate(context.Background(), Request{Prompt: c.PromptIDs, MaxTokens: len(want), StopTokens: []int32{1}})
	if err != nil || !slices.Equal(r.Tokens, want) {
		t.Errorf("%v, %v, want %v", err, r, want)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	trusted, err := Trusted(context.Background(), liar, o)
	if err != nil || trusted.trusted.Product.IntDot {
		t.Errorf("%+v, %v", trusted.trusted, err)
	}
	if len(told) != 2 || told[0].Way != "integer dot products" || !told[0].Fresh || told[1].Fresh {
		t.Errorf("told: %+v", told)
	}
	if err := liar.Close(); err != nil {
		t.Error(err)
	}
}
