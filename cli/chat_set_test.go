package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"sealvk/cli/chats"
)

func TestChatSets(t *testing.T) {
	var said bytes.Buffer
	f := newChatFlags()
	f.given = func(name string) bool { return name == "top-k" || name == "seed" }
	f.sampling.topK.value, f.sampling.seed.value = 7, 1<<53 // which no reader of JSON need keep
	c := &chat{program: &program{stderr: &said}, flags: f}
	for _, step := range []struct{ line, says string }{
		{"/set temp 0.2", "temp is 0.2\n"},
		{"/set --min-p=0.25", "min-p is 0.25\n"},
		{"/set -n 12", "n is 12\n"},
		{"/set n", "n is 12\n"},
		{"/set overflow shift", "overflow is shift\n"},
		{"/set speculate off", "speculate is off\n"},
		{"/set top-p 0.5", "top-p is 0.5\n"},
		{"/set top-p default", "top-p is 0.95\n"},
		{"/set temp hot", "sealvk: /set temp hot: want a number from 0 to 100\n"},
		{"/set overflow drop", "sealvk: /set overflow drop: want stop or shift\n"},
		{"/set system x", "sealvk: /set system x: there is no option system; /set lists them\n"},
	} {
		said.Reset()
		if say(t, c, step.line); said.String() != step.says {
			t.Errorf("%s: %q, want %q", step.line, said.String(), step.says)
		}
	}
	said.Reset()
	if say(t, c, "/set"); strings.Count(said.String(), "\n") != len(f.options()) || !strings.Contains(said.String(), "min-p           0.25 ") {
		t.Errorf("/set lists\n%s", said.String())
	}

	got := f.settings()
	temp, minP, topK, n := 0.2, 0.25, int64(7), int64(12)
	if want := (chats.Settings{Temperature: &temp, MinP: &minP, TopK: &topK, MaxTokens: &n, Overflow: "shift"}); !reflect.DeepEqual(got, want) {
		t.Errorf("the settings are %+v, want %+v", got, want)
	}
	say(t, c, "/set seed 5")
	say(t, c, "/set n 0")
	seed := int64(5)
	if got = f.settings(); got.MaxTokens != nil || !reflect.DeepEqual(got.Seed, &seed) {
		t.Errorf("without a bound, and with a seed: %+v", got)
	}

	loaded := newChatFlags()
	loaded.given = func(name string) bool { return name == "temp" }
	all, negative := int64(-1), int64(-2)
	got.TopK, got.Seed = &all, &negative
	if err := loaded.apply(got); err != nil {
		t.Fatal(err)
	}
	s := loaded.sampling
	if s.temperature.value != 0.8 || s.minP.value != 0.25 || s.topK.value != 0 || int64(s.seed.value) != negative || loaded.overflow.value != "shift" {
		t.Errorf("%+v loaded into %+v, overflow %s", got, s, loaded.overflow.value)
	}
	hot := 1000.0
	if err := newChatFlagsGiven(false).apply(chats.Settings{Temperature: &hot}); err == nil || !strings.Contains(err.Error(), "temp 1000: want a number from 0 to 100") {
		t.Errorf("a temperature of 1000: %v", err)
	}
}

// newChatFlagsGiven are flags of which all or none were given.
func newChatFlagsGiven(all bool) *chatFlags {
	f := newChatFlags()
	f.given = func(string) bool { return all }
	return f
}
