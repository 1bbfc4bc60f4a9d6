//go:build linux || darwin

package hub

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A cache may be shared, and others may have put links and pipes into it.
func TestLinksAndPipesInTheCache(t *testing.T) {
	content := noise(200<<10, 1)
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
	cache := t.TempDir()
	repo := filepath.Join(cache, "models--org--repo")
	blob := filepath.Join(repo, "blobs", sha256Hex(content))
	mine := filepath.Join(t.TempDir(), "mine")
	for _, dir := range []string{filepath.Dir(blob), filepath.Join(repo, "refs")} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(mine, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".sealvk.incomplete", ".sealvk.ranges", ".sealvk.ranges.tmp"} {
		if err := os.Symlink(mine, blob+name); err != nil {
			t.Fatal(err)
		}
	}
	pipe := filepath.Join(repo, "refs", "main")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	h := s.open(t, cache)
	if _, err := h.Find(mustRef(t, "org/repo")); err == nil {
		t.Error("found by a pipe")
	}
	wantContent(t, mustPull(t, h, "org/repo"), content)
	wantContent(t, mine, []byte("mine"))
	wantNoLeftovers(t, cache)
}

// What a kill left of a note is not in the way and does not stay.
func TestHalfANote(t *testing.T) {
	content := noise(200<<10, 1)
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
	cache := t.TempDir()
	blob := filepath.Join(cache, "models--org--repo/blobs", sha256Hex(content))
	if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blob+".sealvk.ranges.tmp", []byte(`{"si`), 0o666); err != nil {
		t.Fatal(err)
	}
	mustPull(t, s.open(t, cache), "org/repo")
	wantNoLeftovers(t, cache)
}

// No error may hold what a redirect says: addresses are signed, and a terminal obeys some
// of what a host can be called.
func TestMalformedRedirects(t *testing.T) {
	for _, location := range []string{"https://cdn.example/%zz?" + signature, "https://cdn\u009b31m.example/x?" + signature,
		"https://[::1/?" + signature, "https://cdn.example:port/?" + signature} {
		s := newServer(t, "org/repo", map[string][]byte{"a.gguf": noise(100, 1)})
		s.fault = func(h hit, w http.ResponseWriter, _ []byte) bool {
			if h.method != http.MethodHead {
				return false
			}
			w.Header()["Location"] = []string{location}
			w.WriteHeader(http.StatusFound)
			return true
		}
		_, err := s.open(t, t.TempDir()).Pull(t.Context(), mustRef(t, "org/repo"), nil)
		wantError(t, err, "redirects to no valid address")
		if strings.Contains(err.Error(), "tries") || strings.Contains(err.Error(), "\u009b") {
			t.Errorf("%q: %q", location, err)
		}
	}
}

// An endpoint's own name and password go where a token would.
func TestEndpointWithAPassword(t *testing.T) {
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": noise(100, 1)})
	h := s.open(t, t.TempDir(), func(c *Config) {
		c.Token, c.Endpoint = "", strings.Replace(c.Endpoint, "//", "//me:"+testToken+"@", 1)
	})
	mustPull(t, h, "org/repo")
	_, hits := s.takeSent()
	for _, hit := range hits {
		if hasIt := strings.HasPrefix(hit.auth, "Basic "); hasIt == hit.storage {
			t.Errorf("%+v", hit)
		}
	}
}

func TestATokenThatIsNone(t *testing.T) {
	_, err := New(Config{Cache: "/x", Token: testToken + "\nX-Other: 1"})
	wantError(t, err, "HF_TOKEN")
}

func TestOfflineTellsTheChoice(t *testing.T) {
	cache := cached(t, "org/repo", testCommit, "main", map[string][]byte{"a.Q8_0.gguf": {1}, "a.Q5_0.gguf": {2}})
	h, err := New(Config{Cache: cache, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Pull(t.Context(), mustRef(t, "org/repo"), nil)
	wantError(t, err, "a.Q5_0.gguf, a.Q8_0.gguf")
}
