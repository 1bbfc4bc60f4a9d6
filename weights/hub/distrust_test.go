package hub

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What a hostile or broken server says ends in an error and leaves nothing in the cache.
func TestWhatTheServerSaysIsDistrusted(t *testing.T) {
	name := func(s string) func(map[string]any) {
		return func(a map[string]any) {
			a["siblings"] = append(a["siblings"].([]map[string]any), map[string]any{"rfilename": s, "size": 3, "blobId": gitHex(nil)})
		}
	}
	lfs := func(key string, value any) func(map[string]any) {
		return func(a map[string]any) {
			a["siblings"].([]map[string]any)[0]["lfs"].(map[string]any)[key] = value
		}
	}
	head := func(key, value string) func(hit, http.ResponseWriter, []byte) bool {
		return func(h hit, w http.ResponseWriter, b []byte) bool {
			if h.method != http.MethodHead {
				return false
			}
			for k, v := range map[string]string{"X-Linked-Etag": sha256Hex(b), "X-Linked-Size": fmt.Sprint(len(b)), "Location": "http://127.0.0.1:1/x", key: value} {
				w.Header().Set(k, v)
			}
			w.WriteHeader(302)
			return true
		}
	}
	bare := func(a map[string]any) { // as a mirror that knows no blobs=true
		a["siblings"] = []map[string]any{{"rfilename": "a.gguf"}}
	}
	for title, c := range map[string]struct {
		info  func(map[string]any)
		fault func(hit, http.ResponseWriter, []byte) bool
		parts []string
	}{
		"parent folder":        {name("../../../etc/cron.d/x"), nil, []string{`"../../../etc/cron.d/x"`, "leave the cache"}},
		"parent inside":        {name("a/../../b.gguf"), nil, []string{"leave the cache"}},
		"absolute":             {name("/etc/passwd"), nil, []string{"leave the cache"}},
		"backslash":            {name(`..\..\x.gguf`), nil, []string{"leave the cache"}},
		"empty":                {name(""), nil, []string{"leave the cache"}},
		"dot":                  {name("."), nil, []string{"leave the cache"}},
		"NUL":                  {name("a\x00b"), nil, []string{"leave the cache"}},
		"long":                 {name(strings.Repeat("long", 1000)), nil, []string{"leave the cache"}},
		"escape codes outside": {name("../\x1b[31m\nx"), nil, []string{`\x1b[31m\n`}},
		"commit is a path":     {func(a map[string]any) { a["sha"] = "../../../../../../../../../../tmp/x" }, nil, []string{"no commit"}},
		"no commit":            {func(a map[string]any) { delete(a, "sha") }, nil, []string{"no commit"}},
		"negative size":        {lfs("size", -1), nil, []string{"size of -1"}},
		"huge size":            {lfs("size", int64(1)<<62), nil, []string{"size of 4611686018427387904"}},
		"size is text":         {lfs("size", "big"), nil, []string{"HF_ENDPOINT"}},
		"other hash":           {lfs("sha256", strings.Repeat("a", 64)), nil, []string{"contradicts itself", strings.Repeat("a", 64)}},
		"other size":           {lfs("size", 5), nil, []string{"contradicts itself", "in the list of files"}},
		"hash is a path":       {bare, head("X-Linked-Etag", "../../../x"), []string{"no SHA-256"}},
		"hash is short":        {bare, head("X-Linked-Etag", "abc"), []string{"no SHA-256"}},
		"no size":              {bare, head("X-Linked-Size", "many"), []string{"does not give its size"}},
		"head's huge size":     {bare, head("X-Linked-Size", "9000000000000000000"), []string{"size of 9000000000000000000"}},
		"other commit":         {nil, head("X-Repo-Commit", strings.Repeat("b", 40)), []string{"for commit", strings.Repeat("b", 40), testCommit}},
		"no model":             {func(a map[string]any) { a["siblings"] = nil }, nil, []string{"neither safetensors", "GGUF"}},
		"HTML": {nil, func(_ hit, w http.ResponseWriter, _ []byte) bool {
			w.Write([]byte("<html>\x1b[31m"))
			return true
		}, []string{"HF_ENDPOINT"}},
		"endless answer": {nil, func(_ hit, w http.ResponseWriter, _ []byte) bool {
			blank := []byte(strings.Repeat(" ", 1<<20))
			for range 20 {
				if _, err := w.Write(blank); err != nil {
					break
				}
			}
			return true
		}, []string{"more than 16 MiB"}},
	} {
		t.Run(title, func(t *testing.T) {
			s := newServer(t, "org/repo", map[string][]byte{"a.gguf": noise(1000, 1)})
			s.info = c.info
			s.fault = c.fault
			cache := t.TempDir()
			_, err := s.open(t, cache).Pull(t.Context(), mustRef(t, "org/repo"), nil)
			wantError(t, err, append(c.parts, "hub: org/repo")...)
			for _, line := range tree(t, cache) {
				if !strings.HasPrefix(line, ".locks/models--org--repo/") {
					t.Errorf("left behind: %s", line)
				}
			}
		})
	}
}

// Mirrors that say nothing in the list of files give size and hash with each file.
func TestAMirrorThatListsNamesOnly(t *testing.T) {
	files := folderRepo()
	s := newServer(t, "org/repo", files)
	s.info = func(a map[string]any) {
		for _, sibling := range a["siblings"].([]map[string]any) {
			delete(sibling, "size")
			delete(sibling, "blobId")
			delete(sibling, "lfs")
		}
	}
	cache := t.TempDir()
	path := mustPull(t, s.open(t, cache), "org/repo")
	for _, name := range snapshotFiles(path) {
		wantContent(t, path+"/"+name, files[name])
	}
	if got := len(snapshotFiles(path)); got != 10 {
		t.Errorf("%d files", got)
	}
	wantNoLeftovers(t, cache)
}

func TestBadSettings(t *testing.T) {
	for endpoint, parts := range map[string][]string{
		"huggingface.co":                     {"HF_ENDPOINT"},
		"ftp://x":                            {"HF_ENDPOINT"},
		"https://":                           {"HF_ENDPOINT"},
		"https://u:" + testToken + "@ho st/": {"HF_ENDPOINT"},
	} {
		_, err := New(Config{Cache: "/x", Endpoint: endpoint})
		wantError(t, err, parts...)
	}
	_, err := New(Config{})
	wantError(t, err, "HF_HUB_CACHE")
}

// An endpoint may have a path, and a trailing slash.
func TestEndpointWithAPath(t *testing.T) {
	content := noise(100, 1)
	s := newServer(t, "mirror/hf", nil)
	s.fault = func(h hit, w http.ResponseWriter, _ []byte) bool {
		switch h.path {
		case "/mirror/hf/api/models/org/repo/revision/main":
			fmt.Fprintf(w, `{"sha":%q,"siblings":[{"rfilename":"sub dir/a%%b?#.gguf","size":100,"lfs":{"sha256":%q,"size":100}}]}`, testCommit, sha256Hex(content))
		case "/mirror/hf/org/repo/resolve/" + testCommit + "/sub%20dir/a%25b%3F%23.gguf":
			w.Header().Set("Etag", `"`+sha256Hex(content)+`"`)
			w.Header().Set("Content-Length", "100")
			if h.method == http.MethodGet {
				w.Write(content)
			}
		default:
			t.Errorf("asked for %s", h.path)
			return false
		}
		return true
	}
	h := s.open(t, t.TempDir(), func(c *Config) { c.Endpoint += "/mirror/hf/" })
	wantContent(t, mustPull(t, h, "org/repo"), content)
}
