package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// stopAfter lets n bytes of every part through and then hangs; reached is closed when
// all connections hang.
func (s *server) stopAfter(n, connections int) (reached chan struct{}) {
	reached = make(chan struct{})
	var mu sync.Mutex
	s.setFault(func(h hit, w http.ResponseWriter, b []byte) bool {
		if !h.storage {
			return false
		}
		part, contentRange := slice(b, h.rng)
		w.Header().Set("Content-Range", contentRange)
		w.Header().Set("Content-Length", fmt.Sprint(len(part)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(part[:n])
		mu.Lock()
		if connections--; connections == 0 {
			close(reached)
		}
		mu.Unlock()
		s.hang(w)
		return true
	})
	return reached
}

func TestAStoppedPullGoesOn(t *testing.T) {
	content := noise(1<<20+5, 9)
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
	reached := s.stopAfter(10000, 4)
	cache := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped by the user")
	arrived := make(chan struct{})
	var once sync.Once
	go func() {
		<-reached
		<-arrived
		cancel(stop)
	}()
	h := s.open(t, cache)
	_, err := h.Pull(ctx, mustRef(t, "org/repo"), func(done, _ int64) {
		if done == 40000 {
			once.Do(func() { close(arrived) })
		}
	})
	if !errors.Is(err, stop) {
		t.Fatalf("error %v", err)
	}
	if _, err := h.Find(mustRef(t, "org/repo")); !errors.Is(err, ErrNotCached) {
		t.Errorf("Find: %v", err)
	}
	s.setFault(nil)
	s.takeSent()
	var first int64 = -1
	path, err := h.Pull(t.Context(), mustRef(t, "org/repo"), func(done, _ int64) {
		if first < 0 {
			first = done
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, content)
	if sent, _ := s.takeSent(); sent != int64(len(content))-40000 || first != 40000 {
		t.Errorf("%d bytes fetched, want %d; progress began at %d", sent, len(content)-40000, first)
	}
	wantNoLeftovers(t, cache)
}

// A partial file whose bytes are not what its note says costs a second download, no more.
// A note of a file of another size or other parts is not believed.
func TestADamagedPartialFile(t *testing.T) {
	content := noise(1<<18+5, 9) // five parts
	const arrived = 4 * 30000
	for name, damage := range map[string]func(t *testing.T, incomplete, notes string){
		"bytes": func(t *testing.T, incomplete, notes string) {
			b, err := os.ReadFile(incomplete)
			if err != nil {
				t.Fatal(err)
			}
			b[100] ^= 1
			os.WriteFile(incomplete, b, 0o666)
		},
		"size": func(_ *testing.T, incomplete, _ string) { os.Truncate(incomplete, 5000) },
		"note": func(_ *testing.T, _, notes string) { os.WriteFile(notes, []byte(`{"size":1e99}`), 0o666) },
		"note of fewer parts": func(_ *testing.T, _, notes string) {
			os.WriteFile(notes, fmt.Appendf(nil, `{"size":%d,"part":65536,"done":[30000,30000,30000,30000]}`, len(content)), 0o666)
		},
		"note of too much": func(_ *testing.T, _, notes string) {
			os.WriteFile(notes, fmt.Appendf(nil, `{"size":%d,"part":65536,"done":[30000,30000,30000,30000,6]}`, len(content)), 0o666)
		},
		"note of other parts": func(_ *testing.T, _, notes string) { // as many
			os.WriteFile(notes, fmt.Appendf(nil, `{"size":%d,"part":65000,"done":[30000,30000,30000,30000,0]}`, len(content)), 0o666)
		},
		"note of another size": func(_ *testing.T, _, notes string) {
			os.WriteFile(notes, fmt.Appendf(nil, `{"size":%d,"part":65536,"done":[30000,30000,30000,30000,0]}`, len(content)+1), 0o666)
		},
		"no note":   func(_ *testing.T, _, notes string) { os.Remove(notes) },
		"no file":   func(_ *testing.T, incomplete, _ string) { os.Remove(incomplete) },
		"long note": func(_ *testing.T, _, notes string) { os.WriteFile(notes, bytes.Repeat([]byte(" "), 1<<20), 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
			s.stopAfter(30000, 4)
			cache := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			h := s.open(t, cache)
			if _, err := h.Pull(ctx, mustRef(t, "org/repo"), func(done, _ int64) {
				if done == arrived {
					cancel()
				}
			}); !errors.Is(err, context.Canceled) {
				t.Fatalf("the first pull ended with %v", err)
			}
			s.setFault(nil)
			s.takeSent()
			damage(t, filepath.Join(cache, "models--org--repo/blobs", sha256Hex(content)+".sealvk.incomplete"),
				filepath.Join(cache, "models--org--repo/blobs", sha256Hex(content)+".sealvk.ranges"))
			wantContent(t, mustPull(t, h, "org/repo"), content)
			want := int64(len(content))
			if name == "bytes" { // which shows at the end only
				want += want - arrived
			}
			if sent, _ := s.takeSent(); sent != want {
				t.Errorf("%d bytes fetched, want %d", sent, want)
			}
			wantNoLeftovers(t, cache)
		})
	}
}

// The test program itself is the puller that gets killed: it pulls into the folder
// that the variable names and does nothing else.
func TestMain(m *testing.M) {
	if cache := os.Getenv("SEALVK_TEST_PULL"); cache != "" {
		h, err := New(Config{Cache: cache, Endpoint: os.Getenv("SEALVK_TEST_ENDPOINT"), Connections: 4, Part: 64 << 10})
		if err == nil {
			h.saveEvery = 0
			_, err = h.Pull(context.Background(), Ref{"org/repo", "main", ""}, nil)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestAKilledPullGoesOn(t *testing.T) {
	content := noise(1<<20+5, 9)
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
	reached := s.stopAfter(20000, 4)
	cache := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	puller := exec.Command(self)
	puller.Env = append(os.Environ(), "SEALVK_TEST_PULL="+cache, "SEALVK_TEST_ENDPOINT="+s.hub.URL)
	if err := puller.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	// Another process waits as long as this one lives,
	h := s.open(t, cache)
	ctx, cancel := context.WithCancel(t.Context())
	waited := false
	h.config.Notice = func(text string) { waited = strings.Contains(text, "waiting"); cancel() }
	if _, err := h.Pull(ctx, mustRef(t, "org/repo"), nil); err == nil || !waited {
		t.Errorf("no waiting: %v", err)
	}
	notes := filepath.Join(cache, "models--org--repo/blobs", sha256Hex(content)+".sealvk.ranges")
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if b, _ := os.ReadFile(notes); bytes.Count(b, []byte("20000")) == 4 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("what has arrived is not noted: %s", b)
		}
	}
	if err := puller.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	puller.Wait()
	// and takes over afterwards.
	s.setFault(nil)
	s.takeSent()
	h.config.Notice = func(text string) { t.Errorf("notice %q", text) }
	wantContent(t, mustPull(t, h, "org/repo"), content)
	if sent, _ := s.takeSent(); sent != int64(len(content))-80000 {
		t.Errorf("%d bytes fetched, want %d", sent, len(content)-80000)
	}
	wantNoLeftovers(t, cache)
}
