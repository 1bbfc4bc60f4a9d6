package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const hubCommit = "0123456789abcdef0123456789abcdef01234567"

// hubServer plays a Hugging Face server with one GGUF repository of any name, and
// gives the environment that leads to it and to an empty cache.
func hubServer(t *testing.T, files map[string][]byte) (cache string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/models/") {
			var siblings []map[string]any
			for name, b := range files {
				sum := sha256.Sum256(b)
				siblings = append(siblings, map[string]any{"rfilename": name, "lfs": map[string]any{"sha256": hex.EncodeToString(sum[:]), "size": len(b)}})
			}
			json.NewEncoder(w).Encode(map[string]any{"sha": hubCommit, "siblings": siblings})
			return
		}
		b, ok := files[filepath.Base(r.URL.Path)]
		switch {
		case r.Header.Get("Authorization") != "Bearer hf_fromfile":
			http.Error(w, "", http.StatusUnauthorized)
		case !ok:
			http.NotFound(w, r)
		default:
			sum := sha256.Sum256(b)
			w.Header().Set("Etag", `"`+hex.EncodeToString(sum[:])+`"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			if r.Method == http.MethodGet {
				w.Write(b)
			}
		}
	}))
	t.Cleanup(server.Close)
	home := t.TempDir()
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HOME", home)
	t.Setenv("HF_ENDPOINT", server.URL)
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("hf_fromfile\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(home, "hub")
}

func TestPullListAndFind(t *testing.T) {
	cache := hubServer(t, map[string][]byte{"nano.Q4_K_M.gguf": nanoGGUF, "other.Q8_0.gguf": []byte("no model")})
	path := filepath.Join(cache, "models--SeaLLMs--nano-GGUF/snapshots", hubCommit, "nano.Q4_K_M.gguf")
	for range 2 { // the second time from the cache
		o := sealvk("", "pull", "SeaLLMs/nano-GGUF")
		if o.code != 0 || o.stdout != path+"\n" || o.stderr != "sealvk: "+seaLLMTerms+"\n" {
			t.Fatalf("%+v, want %s", o, path)
		}
	}
	if o := sealvk("", "pull", "org/nano:Q8_0"); o.code != 0 || !strings.Contains(o.stderr, "this program cannot run it: ") || !strings.HasPrefix(o.stdout, cache) {
		t.Fatalf("%+v", o)
	}
	for name, want := range map[string]string{
		"SeaLLMs/nano-GGUF": path, "SeaLLMs/nano-GGUF:q4_k_m": path, "SeaLLMs/nano-GGUF@" + hubCommit[:8]: path,
		path: path, cache: cache, filepath.Join(cache, ".."): filepath.Join(cache, ".."),
	} {
		if got, err := resolveModel(name); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
	o := sealvk("", "list")
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	if o.code != 0 || o.stderr != "" || len(lines) != 3 {
		t.Fatalf("%+v", o)
	}
	for i, parts := range [][]string{{"name", "size"}, {"  SeaLLMs/nano-GGUF:Q4_K_M ", hubCommit[:8] + " ", "GGUF", "2.88 MiB", path}, {"- org/nano:Q8_0 "}} {
		for _, part := range parts {
			if !strings.Contains("\n"+lines[i], part) {
				t.Errorf("line %d %q does not tell %q", i, lines[i], part)
			}
		}
	}
	var list []listedModel
	o = sealvk("", "list", "--json")
	if err := json.Unmarshal([]byte(o.stdout), &list); err != nil || len(list) != 2 {
		t.Fatalf("%v: %+v", err, o)
	}
	if l := list[0]; !l.Runs || l.Quant != "Q4_K_M" || l.Bytes != int64(len(nanoGGUF)) || l.Revision != hubCommit || l.Path != path || len(l.Files) != 1 {
		t.Errorf("%+v", l)
	}
	if l := list[1]; l.Runs || !strings.Contains(l.Problem, "not a GGUF file") {
		t.Errorf("%+v", l)
	}
}

func TestModelsThatAreNotThere(t *testing.T) {
	cache := hubServer(t, nil)
	for name, parts := range map[string][]string{
		"nowhere.gguf":         {"nowhere.gguf: no such file", "org/repo[:quant]", "sealvk pull"},
		"models/nowhere.gguf":  {"models/nowhere.gguf: no such file", "sealvk pull"},
		"./a/b":                {"./a/b: no such file"},
		"org/nowhere":          {"org/nowhere is not in the cache", cache, "sealvk pull org/nowhere", "no file"},
		"org/nowhere:a/b.gguf": {"sealvk pull org/nowhere:a/b.gguf"},
	} {
		_, err := resolveModel(name)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error %q does not tell %q", err, part)
			}
		}
	}
	if o := sealvk("", "list"); o.code != 0 || o.stdout != "" || !strings.Contains(o.stderr, cache) {
		t.Errorf("%+v", o)
	}
	if o := sealvk("", "list", "--json"); o.code != 0 || o.stdout != "[]\n" {
		t.Errorf("%+v", o)
	}
}

func TestPullErrors(t *testing.T) {
	hubServer(t, map[string][]byte{"a.Q5_0.gguf": {1}, "b.Q8_0.gguf": {2}})
	sealvk("", "pull").wantError(t, "one model", "SeaLLMs/SeaLLM-7B-v2.5-GGUF:Q4_K_M")
	sealvk("", "pull", "a/b", "c/d").wantError(t, "one model")
	sealvk("", "pull", "model.gguf").wantError(t, `"model.gguf"`, "org/repo[@revision][:file-or-quant]")
	sealvk("", "pull", "a/b").wantError(t, "several", "a.Q5_0.gguf", "b.Q8_0.gguf")
	sealvk("", "pull", "a/b:Q2_K").wantError(t, "Q2_K", "a.Q5_0.gguf")
	sealvk("", "list", "a").wantError(t, "no argument")
	t.Setenv("HF_HUB_OFFLINE", "1")
	sealvk("", "pull", "a/b").wantError(t, "offline", "HF_HUB_OFFLINE")
	t.Setenv("HF_HUB_OFFLINE", "")
	t.Setenv("HF_TOKEN", "hf_wrong")
	o := sealvk("", "pull", "a/b:Q8_0")
	if o.wantError(t, "401", "HF_TOKEN"); strings.Contains(o.stderr, "hf_") {
		t.Errorf("the token is told: %s", o.stderr)
	}
	t.Setenv("HF_ENDPOINT", "localhost")
	sealvk("", "pull", "a/b").wantError(t, "HF_ENDPOINT")
}

func TestWhereTheCacheIs(t *testing.T) {
	hubServer(t, nil)
	user := t.TempDir()
	t.Setenv("HOME", user)
	t.Setenv("USERPROFILE", user)
	for _, c := range []struct{ cache, home, xdg, want string }{
		{"/a", "/b", "/c", "/a"},
		{"", "/b", "/c", "/b/hub"},
		{"", "", "/c", "/c/huggingface/hub"},
		{"", "", "", user + "/.cache/huggingface/hub"},
		{"~/models", "", "", user + "/models"},
		{"", "~/hf", "", user + "/hf/hub"},
	} {
		t.Setenv("HF_HUB_CACHE", c.cache)
		t.Setenv("HF_HOME", c.home)
		t.Setenv("XDG_CACHE_HOME", c.xdg)
		if got, err := hubConfig(); err != nil || got.Cache != filepath.FromSlash(c.want) {
			t.Errorf("%+v: %s, %v", c, got.Cache, err)
		}
	}
}
