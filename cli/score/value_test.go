package score

import (
	"math"
	"testing"

	"sealvk/engine"
)

func TestValue(t *testing.T) {
	p := Pair{IDs: []int32{2, 5, 6, 7}, First: 2, Bytes: 6, Characters: 2}
	v, err := Of(p, []engine.Logprob{{ID: 6, Value: -1, Greedy: true}, {ID: 7, Value: -2, Greedy: true}})
	if err != nil {
		t.Fatal(err)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
	if !near(v.Loglikelihood, -3) || len(v.Logprobs) != 2 || v.Logprobs[1] != -2 || v.Tokens[0] != 6 || !v.Greedy {
		t.Errorf("%+v", v)
	}
	if !near(v.PerToken, -1.5) || !near(v.PerByte, -0.5) || !near(v.PerCharacter, -1.5) || !near(v.BitsPerByte, 0.5/math.Ln2) {
		t.Errorf("%+v", v)
	}
	for name, logprobs := range map[string][]engine.Logprob{
		"too few":  {{}},
		"too many": {{}, {}, {}},
		"NaN":      {{Value: float32(math.NaN())}, {}},
		"infinite": {{}, {Value: float32(math.Inf(-1))}},
	} {
		if v, err := Of(p, logprobs); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
	v, err = Of(p, []engine.Logprob{{Greedy: true}, {}})
	if err != nil || v.Greedy {
		t.Errorf("one token is not the likeliest: %+v, %v", v, err)
	}
}

// Each way to compare has its own best; of equals it is the first.
func TestBest(t *testing.T) {
	values := []*Value{
		{Loglikelihood: -1, PerToken: -1, PerByte: -0.5, PerCharacter: -0.5},
		{Loglikelihood: -2, PerToken: -0.5, PerByte: -0.5, PerCharacter: -0.5},
		{Loglikelihood: -3, PerToken: -1, PerByte: -0.1, PerCharacter: -0.6},
		{Loglikelihood: -4, PerToken: -1, PerByte: -0.2, PerCharacter: -0.2},
		{Loglikelihood: -1, PerToken: -0.5, PerByte: -0.1, PerCharacter: -0.2},
	}
	if got, want := Best(values), (Choice{Sum: 0, Tokens: 1, Bytes: 2, Characters: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
