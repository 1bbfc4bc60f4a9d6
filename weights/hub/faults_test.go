package hub

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Every fault happens a few times, then the server behaves.
func TestFaultsThatPass(t *testing.T) {
	content := noise(1<<20+5, 9)
	status := func(code int, header ...string) func(*server, hit, http.ResponseWriter, []byte) {
		return func(_ *server, _ hit, w http.ResponseWriter, _ []byte) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	// partly sends the first n bytes of what was asked for, as if more were to come.
	partly := func(w http.ResponseWriter, h hit, content []byte, n int) {
		part, contentRange := slice(content, h.rng)
		w.Header().Set("Content-Range", contentRange)
		w.Header().Set("Content-Length", fmt.Sprint(len(part)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(part[:min(n, len(part))])
	}
	for name, c := range map[string]struct {
		storage bool // whose fault
		times   int
		fault   func(*server, hit, http.ResponseWriter, []byte)
		most    int64 // bytes that may be fetched beyond the file's
	}{
		"503 of the Hub":             {false, 2, status(503), 0},
		"503 of the storage server":  {true, 5, status(503), 0},
		"500":                        {true, 5, status(500), 0},
		"408":                        {true, 3, status(408), 0},
		"429 with Retry-After":       {false, 1, status(429, "Retry-After", "1"), 0},
		"429 without":                {true, 3, status(429), 0},
		"429 until a date gone by":   {true, 1, status(429, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"), 0},
		"an address that expired":    {true, 3, status(403), 0},
		"closed before the answer":   {true, 5, func(_ *server, _ hit, w http.ResponseWriter, _ []byte) { closeConnection(w) }, 0},
		"Hub closed":                 {false, 2, func(_ *server, _ hit, w http.ResponseWriter, _ []byte) { closeConnection(w) }, 0},
		"stalls before the answer":   {true, 2, func(s *server, _ hit, _ http.ResponseWriter, _ []byte) { <-s.stopping }, 0},
		"the Hub's API stalls":       {false, 1, func(s *server, _ hit, _ http.ResponseWriter, _ []byte) { <-s.stopping }, 0},
		"truncated":                  {true, 6, func(_ *server, h hit, w http.ResponseWriter, b []byte) { partly(w, h, b, 10000) }, 0},
		"truncated at the first":     {true, 3, func(_ *server, h hit, w http.ResponseWriter, b []byte) { partly(w, h, b, 0) }, 0},
		"stalls in the middle":       {true, 3, func(s *server, h hit, w http.ResponseWriter, b []byte) { partly(w, h, b, 20000); s.hang(w) }, 0},
		"Content-Range of elsewhere": {true, 4, wrongRange(func(first, last, size int) string { return fmt.Sprintf("bytes %d-%d/%d", first+1, last+1, size) }), 64 << 10},
		"Content-Range of a larger":  {true, 4, wrongRange(func(first, last, size int) string { return fmt.Sprintf("bytes %d-%d/%d", first, last, size+1) }), 64 << 10},
		"no Content-Range":           {true, 4, wrongRange(func(int, int, int) string { return "" }), 64 << 10},
		"corrupt once": {true, 1, func(_ *server, h hit, w http.ResponseWriter, b []byte) {
			b = bytes.Clone(b)
			part, contentRange := slice(b, h.rng)
			part[len(part)/2] ^= 1
			w.Header().Set("Content-Range", contentRange)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(part)
		}, int64(len(content))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
			var left atomic.Int64
			left.Store(int64(c.times))
			s.fault = func(h hit, w http.ResponseWriter, b []byte) bool {
				if h.storage != c.storage || left.Add(-1) < 0 {
					return false
				}
				c.fault(s, h, w, b)
				return true
			}
			cache := t.TempDir()
			start := time.Now()
			h := s.open(t, cache)
			if strings.Contains(name, "stalls") {
				h = s.open(t, cache, impatient)
			}
			wantContent(t, mustPull(t, h, "org/repo"), content)
			sent, _ := s.takeSent()
			// Bytes that left the server but not its buffers before a fault are on top.
			if slack := c.most + int64(c.times)*(64<<10); sent < int64(len(content)) || sent > int64(len(content))+slack {
				t.Errorf("%d bytes sent for a file of %d", sent, len(content))
			}
			if left.Load() >= 0 {
				t.Errorf("%d faults did not happen", left.Load())
			}
			if took := time.Since(start); strings.Contains(name, "with Retry-After") && took < time.Second {
				t.Errorf("came again after %v, the server asked for 1 s", took)
			}
			wantNoLeftovers(t, cache)
		})
	}
}

func wrongRange(text func(first, last, size int) string) func(*server, hit, http.ResponseWriter, []byte) {
	return func(_ *server, h hit, w http.ResponseWriter, content []byte) {
		part, right := slice(content, h.rng)
		var first, last, size int
		fmt.Sscanf(right, "bytes %d-%d/%d", &first, &last, &size)
		if r := text(first, last, size); r != "" {
			w.Header().Set("Content-Range", r)
		}
		w.WriteHeader(http.StatusPartialContent)
		w.Write(part)
	}
}

// wantNoLeftovers wants blobs that are whole and nothing else beside them.
func wantNoLeftovers(t *testing.T, cache string) {
	t.Helper()
	for _, line := range tree(t, cache) {
		if strings.Contains(line, "sealvk") || strings.Contains(line, ".tmp") {
			t.Errorf("left behind: %s", line)
		}
	}
}

// Servers that send whole files only, whatever they are asked for.
func TestAServerWithoutRanges(t *testing.T) {
	content := noise(1<<20+5, 9)
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
	var cut atomic.Bool
	s.fault = func(h hit, w http.ResponseWriter, b []byte) bool {
		if !h.storage {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		if h.rng == "" && cut.CompareAndSwap(false, true) {
			w.Write(b[:len(b)/2]) // and breaks in the middle of the first
			return true
		}
		w.Write(b)
		return true
	}
	cache := t.TempDir()
	wantContent(t, mustPull(t, s.open(t, cache), "org/repo"), content)
	if !cut.Load() {
		t.Error("the file was not asked for as a whole")
	}
	wantNoLeftovers(t, cache)
}

// What does not pass ends in an error that tells what to do.
func TestFaultsThatStay(t *testing.T) {
	content := noise(200<<10, 9)
	status := func(storage bool, code int, errorCode string) func(*server, hit, http.ResponseWriter, []byte) bool {
		return func(_ *server, h hit, w http.ResponseWriter, _ []byte) bool {
			if h.storage != storage {
				return false
			}
			w.Header().Set("X-Error-Code", errorCode)
			w.Header().Set("X-Error-Message", "text of the server's")
			http.Error(w, "\x1b[31mred\x1b[0m", code)
			return true
		}
	}
	storage := func(serve func(h hit, w http.ResponseWriter, content []byte)) func(*server, hit, http.ResponseWriter, []byte) bool {
		return func(_ *server, h hit, w http.ResponseWriter, b []byte) bool {
			if h.storage {
				serve(h, w, b)
			}
			return h.storage
		}
	}
	for name, c := range map[string]struct {
		fault func(*server, hit, http.ResponseWriter, []byte) bool
		token string
		parts []string
		keeps bool // what has arrived may stay for the next pull
	}{
		"401 without a token": {status(false, 401, "RepoNotFound"), "", []string{"401", "private or gated", "HF_TOKEN", "org/repo"}, false},
		"401 with one":        {status(false, 401, ""), testToken, []string{"401", "the token (HF_TOKEN) may not read it"}, false},
		"gated":               {status(false, 403, "GatedRepo"), testToken, []string{"gated", "accept its terms at http", "/org/repo and set HF_TOKEN"}, false},
		"403":                 {status(false, 403, ""), testToken, []string{"403", "token's rights"}, false},
		"404":                 {status(false, 404, "RepoNotFound"), testToken, []string{"404", "check the name"}, false},
		"no such revision":    {status(false, 404, "RevisionNotFound"), testToken, []string{`no revision "main"`}, false},
		"503 for ever":        {status(false, 503, ""), testToken, []string{"503", "4 tries"}, false},
		"an hour's pause": {func(_ *server, _ hit, w http.ResponseWriter, _ []byte) bool {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
			return true
		}, testToken, []string{"429", "1h0m0s"}, false},
		"storage says 403": {status(true, 403, ""), testToken, []string{"403", "a.gguf"}, true},
		"storage says 416": {status(true, 416, ""), testToken, []string{"416", "a.gguf"}, true},
		"corrupt for ever": {storage(func(h hit, w http.ResponseWriter, b []byte) {
			part, contentRange := slice(b, h.rng)
			w.Header().Set("Content-Range", contentRange)
			w.WriteHeader(206)
			w.Write(bytes.Repeat([]byte{7}, len(part)))
		}), testToken, []string{"a.gguf", "damaged on the way", sha256Hex(content), "nothing of it was kept"}, false},
		"truncated for ever": {storage(func(h hit, w http.ResponseWriter, b []byte) {
			part, contentRange := slice(b, h.rng)
			w.Header().Set("Content-Range", contentRange)
			w.Header().Set("Content-Length", fmt.Sprint(len(part)))
			w.WriteHeader(206)
		}), testToken, []string{"a.gguf", "early", "4 tries"}, true},
		"stalls for ever": {func(s *server, h hit, w http.ResponseWriter, _ []byte) bool {
			if h.storage {
				<-s.stopping
			}
			return h.storage
		}, testToken, []string{"sent nothing for 1s", "4 tries"}, true},
		"wrong ranges for ever": {storage(func(h hit, w http.ResponseWriter, b []byte) {
			wrongRange(func(first, last, size int) string { return fmt.Sprintf("bytes %d-%d/%d", 7, last, size) })(nil, h, w, b)
		}), testToken, []string{"sends", "of the file, not", "4 tries"}, true},
		"another size": {storage(func(_ hit, w http.ResponseWriter, b []byte) { w.Write(b[:1000]) }), testToken, []string{"sends 1000 bytes, the file has 204800"}, true},
		"encoded": {storage(func(_ hit, w http.ResponseWriter, b []byte) {
			w.Header().Set("Content-Encoding", "zstd")
			w.Write(b)
		}), testToken, []string{"encoded", "zstd"}, true},
		"redirects to itself": {func(_ *server, h hit, w http.ResponseWriter, _ []byte) bool {
			w.Header().Set("Location", h.path)
			w.WriteHeader(302)
			return true
		}, testToken, []string{"redirects without an end"}, false},
		"redirects to a file": {func(_ *server, _ hit, w http.ResponseWriter, _ []byte) bool {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
			return true
		}, testToken, []string{"no valid address"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
			s.fault = func(h hit, w http.ResponseWriter, b []byte) bool { return c.fault(s, h, w, b) }
			cache := t.TempDir()
			h := s.open(t, cache, func(cfg *Config) { cfg.Token = c.token })
			if strings.Contains(name, "stalls") {
				h = s.open(t, cache, impatient)
			}
			path, err := h.Pull(t.Context(), mustRef(t, "org/repo"), nil)
			wantError(t, err, append(c.parts, "hub: ")...)
			if path != "" {
				t.Errorf("path %q", path)
			}
			for _, line := range tree(t, cache) {
				if strings.HasPrefix(line, ".locks") || c.keeps && strings.Contains(line, ".sealvk.") {
					continue
				}
				t.Errorf("left behind: %s", line)
			}
			if _, err := h.Find(mustRef(t, "org/repo")); !errors.Is(err, ErrNotCached) {
				t.Errorf("Find: %v", err)
			}
		})
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	s := newServer(t, "org/repo", nil)
	s.hub.Close()
	h := s.open(t, t.TempDir(), func(c *Config) { c.Endpoint = strings.Replace(c.Endpoint, "//", "//user:"+testToken+"@", 1) })
	_, err := h.Pull(t.Context(), mustRef(t, "org/repo"), nil)
	wantError(t, err, "org/repo", "refused", "4 tries")
	// A name that nobody knows is not asked for again and again.
	unknown := &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "cdn.example", IsNotFound: true}}
	err = requestError(&url.URL{Host: "cdn.example"}, unknown, nil, time.Second)
	if wantError(t, err, "cdn.example", "no such host"); errors.As(err, new(transient)) {
		t.Errorf("%v is taken for transient", err)
	}
}
