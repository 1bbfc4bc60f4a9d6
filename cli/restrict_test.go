package main

import (
	"slices"
	"strings"
	"testing"
)

// Every way that a lesser device takes gives the same greedy answer.
func TestLesserDevicesAnswerTheSame(t *testing.T) {
	golden := readGreedy(t)[0]
	const n = 6
	for _, lesser := range []string{
		"no-subgroups,no-float16,no-int8,no-storage16,no-int-dot,no-coopmat,range=1M,subgroup=16",
		"as=gpu,subgroup=64,shared=16K,range=1M", "as=gpu,subgroup=32,no-subgroups",
	} {
		o := parseGenerated(t, mustOnDevice(t, "", "generate", "--json", "--temp", "0", "-n", "6", "--restrict", lesser, golden.Messages[0].Content))
		if !slices.Equal(o.Tokens, golden.Q4KM.IDs[:n]) {
			t.Errorf("%s: %v, want %v", lesser, o.Tokens, golden.Q4KM.IDs[:n])
		}
	}
}

func TestUnknownRestriction(t *testing.T) {
	r := onDevice(t, "", "generate", "--restrict", "no-colours", "Hi")
	if r.code == 0 || !strings.Contains(r.stderr, `--restrict: vk: unknown restriction "no-colours"; there are as=gpu`) {
		t.Errorf("%+v", r)
	}
}
