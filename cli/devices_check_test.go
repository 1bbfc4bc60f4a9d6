package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealvk/engine/selfcheck"
)

// What a driver did wrong is told once, shown by devices, and tried again by --check.
func TestADriverThatCrashedInACheck(t *testing.T) {
	shared := pipelineCache()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if err := os.CopyFS(pipelineCache(), os.DirFS(shared)); err != nil && !os.IsNotExist(err) { // compiled pipelines
		t.Fatal(err)
	}
	const way = "attention in one dispatch"
	wantChecks := func(state selfcheck.State, why string, args ...string) {
		t.Helper()
		var list []struct {
			Selected bool               `json:"selected"`
			Checks   []selfcheck.Result `json:"checks"`
		}
		if err := json.Unmarshal([]byte(mustOnDevice(t, "", append([]string{"devices", "--json"}, args...)...)), &list); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, d := range list {
			for _, r := range d.Checks {
				if d.Selected && r.Way == way {
					found = true
					if r.State != state || r.Why != why {
						t.Errorf("%+v, want %s %q", r, state, why)
					}
				}
			}
		}
		if !found {
			t.Errorf("no %q of the selected device in %+v", way, list)
		}
	}
	kept := func() string {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(pipelineCache(), "checks-*.json"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v: %q", err, files)
		}
		return files[0]
	}
	wantChecks(selfcheck.Right, "", "--check")
	text, err := os.ReadFile(kept())
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(text), way)
	if !ok {
		t.Fatalf("no %q in %s", way, text)
	}
	after = strings.Replace(after, string(selfcheck.Right), string(selfcheck.Checking), 1)
	if err := os.WriteFile(kept(), []byte(before+way+after), 0o644); err != nil {
		t.Fatal(err)
	}
	const line = "sealvk: without " + way + ", which is slower: the program ended while it was checked ("
	for i, c := range []struct {
		flags string
		told  bool
	}{{"--temp=0", true}, {"--temp=0", false}, {"--verbose", true}} {
		o := onDevice(t, "", "generate", "-n", "1", c.flags, "Hi")
		if o.code != 0 || strings.Contains(o.stderr, line) != c.told || strings.Count(o.stderr, way) > 1 {
			t.Errorf("start %d: %+v", i, o)
		}
	}
	const why = "the program ended while it was checked"
	wantChecks(selfcheck.Wrong, why)
	if o := mustOnDevice(t, "", "devices"); !strings.Contains(o, "     check     "+way+": wrong: "+why+"\n") {
		t.Error(o)
	}
	wantChecks(selfcheck.Right, "", "--check")
	for _, damaged := range []string{"", "{"} {
		if err := os.WriteFile(kept(), []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		wantChecks(selfcheck.Unchecked, "")
	}
}
