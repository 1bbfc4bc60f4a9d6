package hub

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testCommit = "0123456789abcdef0123456789abcdef01234567"
	testToken  = "hf_secretsecretsecret"
	signature  = "Signature=signedsecret"
)

// hit is one request that a server saw.
type hit struct {
	storage           bool // the storage server, or the Hub
	method, path, rng string
	auth              string
	number            int // of its kind (storage server or Hub), from 1
}

// server plays huggingface.co and the storage server that it redirects large files to.
type server struct {
	hub, storage *httptest.Server
	repo, commit string
	files        map[string][]byte
	info         func(answer map[string]any)                                    // changes what the API says
	fault        func(h hit, w http.ResponseWriter, content []byte) (done bool) // content: of a file, else nil

	mu       sync.Mutex // guards all that changes while requests come
	hits     []hit
	sent     int64 // bytes of files that left the storage server
	stopping chan struct{}
}

func newServer(t *testing.T, repo string, files map[string][]byte) *server {
	s := &server{repo: repo, commit: testCommit, files: files, stopping: make(chan struct{})}
	s.hub = httptest.NewServer(s.handler(false, s.serveHub))
	s.storage = httptest.NewServer(s.handler(true, s.serveStorage))
	t.Cleanup(func() {
		close(s.stopping)
		s.hub.Close()
		s.storage.Close()
	})
	return s
}

// open gives a Hub with a cache and times for tests; change may change them.
func (s *server) open(t *testing.T, cache string, change ...func(*Config)) *Hub {
	t.Helper()
	c := Config{Cache: cache, Endpoint: s.hub.URL, Token: testToken, Connections: 4, Part: 64 << 10,
		Stall: 20 * time.Second, Tries: 4, Backoff: time.Millisecond, MaxBackoff: 2 * time.Second}
	for _, f := range change {
		f(&c)
	}
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (s *server) handler(storage bool, serve func(http.ResponseWriter, *http.Request, hit)) http.Handler {
	number := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		number++
		h := hit{storage, r.Method, r.URL.EscapedPath(), r.Header.Get("Range"), r.Header.Get("Authorization"), number}
		s.hits = append(s.hits, h)
		s.mu.Unlock()
		serve(w, r, h)
	})
}

// setFault changes what goes wrong from now on.
func (s *server) setFault(fault func(hit, http.ResponseWriter, []byte) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *server) fails(h hit, w http.ResponseWriter, content []byte) bool {
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	return fault != nil && fault(h, w, content)
}

func isLarge(name string) bool {
	return strings.HasSuffix(name, ".gguf") || strings.HasSuffix(name, ".safetensors") || name == "tokenizer.model"
}

func sha256Hex(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }

func gitHex(b []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(b)), b...))
	return hex.EncodeToString(sum[:])
}

func etagOf(name string, b []byte) string {
	if isLarge(name) {
		return sha256Hex(b)
	}
	return gitHex(b)
}

func (s *server) serveHub(w http.ResponseWriter, r *http.Request, h hit) {
	name, isFile := strings.CutPrefix(r.URL.Path, "/"+s.repo+"/resolve/"+s.commit+"/")
	content, exists := s.files[name]
	if s.fails(h, w, content) {
		return
	}
	switch {
	case isFile && exists && isLarge(name):
		w.Header().Set("X-Repo-Commit", s.commit)
		w.Header().Set("X-Linked-Etag", `"`+sha256Hex(content)+`"`)
		w.Header().Set("X-Linked-Size", fmt.Sprint(len(content)))
		w.Header().Set("Location", s.storage.URL+"/"+sha256Hex(content)+"?"+signature)
		w.WriteHeader(http.StatusFound)
	case isFile && exists:
		w.Header().Set("X-Repo-Commit", s.commit)
		w.Header().Set("Etag", `W/"`+gitHex(content)+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	case strings.HasPrefix(r.URL.Path, "/api/models/"+s.repo+"/revision/"):
		s.serveInfo(w)
	default:
		http.NotFound(w, r)
	}
}

func (s *server) serveInfo(w http.ResponseWriter) {
	var siblings []map[string]any
	for name, b := range s.files {
		sibling := map[string]any{"rfilename": name, "size": len(b), "blobId": gitHex(b)}
		if isLarge(name) {
			sibling["blobId"] = gitHex([]byte("version https://git-lfs.github.com/spec/v1"))
			sibling["lfs"] = map[string]any{"sha256": sha256Hex(b), "size": len(b), "pointerSize": 135}
		}
		siblings = append(siblings, sibling)
	}
	answer := map[string]any{"id": s.repo, "sha": s.commit, "siblings": siblings}
	if s.info != nil {
		s.info(answer)
	}
	json.NewEncoder(w).Encode(answer)
}

func (s *server) serveStorage(w http.ResponseWriter, r *http.Request, h hit) {
	for _, b := range s.files {
		if "/"+sha256Hex(b) == r.URL.Path && r.URL.RawQuery == signature {
			counted := &countingWriter{w, s}
			if !s.fails(h, counted, b) {
				http.ServeContent(counted, r, "", time.Time{}, bytes.NewReader(b))
			}
			return
		}
	}
	http.Error(w, "AccessDenied", http.StatusForbidden)
}

type countingWriter struct {
	http.ResponseWriter
	s *server
}

func (c *countingWriter) Write(b []byte) (int, error) {
	c.s.count(len(b)) // first: a client may be done before Write returns
	n, err := c.ResponseWriter.Write(b)
	c.s.count(n - len(b))
	return n, err
}

func (s *server) count(n int) {
	s.mu.Lock()
	s.sent += int64(n)
	s.mu.Unlock()
}

// takeSent gives the bytes of files sent since the last call, and the hits.
func (s *server) takeSent() (int64, []hit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent, hits := s.sent, s.hits
	s.sent, s.hits = 0, nil
	return sent, hits
}

// impatient is for tests in which a server stalls; a busy machine alone does not, for so long.
func impatient(c *Config) { c.Stall = time.Second }

// slice gives the bytes that a Range header asks for, and the answer's Content-Range.
func slice(content []byte, rng string) (part []byte, contentRange string) {
	first, last := 0, len(content)-1
	if rng != "" {
		if _, err := fmt.Sscanf(rng, "bytes=%d-%d", &first, &last); err != nil {
			panic(err)
		}
	}
	return content[first : last+1], fmt.Sprintf("bytes %d-%d/%d", first, last, len(content))
}

// noise gives n bytes that no compression shortens, the same for the same seed.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	src.Read(b)
	return b
}

// tree lists a folder: files with their bytes' hash, links with their target.
func tree(t *testing.T, root string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if target, err := os.Readlink(path); err == nil {
			list = append(list, rel+" -> "+target)
			return nil
		}
		b, err := os.ReadFile(path)
		list = append(list, fmt.Sprintf("%s %s", rel, sha256Hex(b)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func mustRef(t *testing.T, s string) Ref {
	t.Helper()
	ref, err := ParseRef(s)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// mustPull pulls and wants the file's or folder's path.
func mustPull(t *testing.T, h *Hub, ref string) string {
	t.Helper()
	path, err := h.Pull(t.Context(), mustRef(t, ref), nil)
	if err != nil {
		t.Fatalf("pull %s: %v", ref, err)
	}
	return path
}

func wantContent(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes with hash %.12s, want %d with %.12s (%v)", path, len(got), sha256Hex(got), len(want), sha256Hex(want), err)
	}
}

// wantError wants an error that tells all parts, and no secret.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that tells %q", parts)
	}
	text := err.Error()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("the error %q does not tell %q", text, part)
		}
	}
	for _, secret := range []string{testToken, "signedsecret", "\n", "\x1b"} {
		if strings.Contains(text, secret) {
			t.Errorf("the error %q holds %q", text, secret)
		}
	}
}

// hang keeps a request without another byte until release or the end of the test.
func (s *server) hang(w http.ResponseWriter) {
	w.(*countingWriter).ResponseWriter.(http.Flusher).Flush()
	<-s.stopping
}

// closeConnection ends a request as a crash of the server does.
func closeConnection(w http.ResponseWriter) {
	if c, ok := w.(*countingWriter); ok {
		w = c.ResponseWriter
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}
