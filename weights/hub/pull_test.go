package hub

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// folderRepo is a sharded safetensors model beside files that nobody needs.
func folderRepo() map[string][]byte {
	return map[string][]byte{
		"README.md":                        []byte("# model"),
		"config.json":                      []byte(`{"model_type":"gemma"}`),
		"generation_config.json":           []byte(`{}`),
		"tokenizer.json":                   []byte(`{"model":{}}`),
		"tokenizer.model":                  noise(5000, 3),
		"tokenizer_config.json":            []byte(`{"a":1}`),
		"special_tokens_map.json":          []byte(`{"b":1}`),
		"chat_template.jinja":              []byte("{{ bos_token }}"),
		"model-00001-of-00002.safetensors": noise(300<<10, 1),
		"model-00002-of-00002.safetensors": noise(100<<10+7, 2),
		"model.safetensors.index.json":     []byte(`{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}`),
		"consolidated.safetensors":         noise(400<<10, 4),
		"pytorch_model.bin":                noise(1000, 5),
		"original/model.safetensors":       noise(1000, 6),
	}
}

func ggufRepo() map[string][]byte {
	return map[string][]byte{
		"README.md":                           []byte("# model"),
		"config.json":                         []byte(`{"model_type":"gemma"}`),
		"model.Q4_K_M.gguf":                   noise(1<<20+11, 1),
		"model-chatml.Q4_K_M.gguf":            noise(200<<10, 2),
		"model.Q8_0.gguf":                     noise(70<<10, 3),
		"big/model-BF16-00001-of-00002.gguf":  noise(90<<10, 4),
		"big/model-BF16-00002-of-00002.gguf":  noise(10<<10, 5),
		"half/model-F16-00001-of-00002.gguf":  noise(10<<10, 6),
		"empty.txt":                           nil,
		"imatrix/model.Q8_0.imatrix":          noise(100, 7),
		"unprintable\x1b[31m.gguf":            noise(100, 8),
		"ggml-model-i1-IQ2_XXS_but_not_a.txt": noise(100, 9),
	}
}

// The layout is written out by hand from https://huggingface.co/docs/hub/local-cache.
func TestPullMakesTheStandardLayout(t *testing.T) {
	files := folderRepo()
	s := newServer(t, "Org/repo-1.5", files)
	cache := t.TempDir()
	path := mustPull(t, s.open(t, cache), "Org/repo-1.5")
	snapshot := "models--Org--repo-1.5/snapshots/" + testCommit
	if path != filepath.Join(cache, snapshot) {
		t.Errorf("path %s", path)
	}
	want := []string{"models--Org--repo-1.5/refs/main " + sha256Hex([]byte(testCommit))}
	for _, name := range []string{"config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
		"special_tokens_map.json", "chat_template.jinja", "model.safetensors.index.json",
		"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"} {
		etag := etagOf(name, files[name])
		want = append(want,
			"models--Org--repo-1.5/blobs/"+etag+" "+sha256Hex(files[name]),
			snapshot+"/"+name+" -> ../../blobs/"+etag,
			".locks/models--Org--repo-1.5/"+etag+".lock "+sha256Hex(nil))
	}
	slices.Sort(want)
	if got := tree(t, cache); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	info, err := os.Stat(filepath.Join(path, "config.json"))
	if err != nil || info.Mode().Perm()&0o444 != 0o444 {
		t.Errorf("the blob is not readable for all: %v, %v", info.Mode(), err)
	}
}

func TestASecondPullFetchesNothing(t *testing.T) {
	s := newServer(t, "org/repo", folderRepo())
	cache := t.TempDir()
	mustPull(t, s.open(t, cache), "org/repo")
	s.takeSent()
	var last, all int64
	_, err := s.open(t, cache).Pull(t.Context(), mustRef(t, "org/repo"), func(done, total int64) { last, all = done, total })
	sent, hits := s.takeSent()
	if err != nil || sent != 0 || len(hits) != 1 || last != all || all == 0 {
		t.Errorf("%d bytes, requests %v, progress %d of %d, error %v", sent, hits, last, all, err)
	}
	// A new commit with the same weights needs only links.
	s.commit = strings.Repeat("ab", 20)
	mustPull(t, s.open(t, cache), "org/repo")
	if sent, hits = s.takeSent(); sent != 0 || len(hits) != 1 {
		t.Errorf("new commit: %d bytes, requests %v", sent, hits)
	}
	b, err := os.ReadFile(filepath.Join(cache, "models--org--repo/refs/main"))
	if string(b) != s.commit || err != nil {
		t.Errorf("refs/main is %q, %v", b, err)
	}
}

func TestPullChoosesGGUF(t *testing.T) {
	files := ggufRepo()
	s := newServer(t, "org/repo", files)
	for ref, want := range map[string][]string{
		"org/repo":                          {"model.Q4_K_M.gguf"},
		"org/repo:q4_k_m":                   {"model.Q4_K_M.gguf"},
		"org/repo:chatml.Q4_K_M":            {"model-chatml.Q4_K_M.gguf"},
		"org/repo:model-chatml.Q4_K_M.gguf": {"model-chatml.Q4_K_M.gguf"},
		"org/repo:Q8_0":                     {"model.Q8_0.gguf"},
		"org/repo:bf16":                     {"big/model-BF16-00001-of-00002.gguf", "big/model-BF16-00002-of-00002.gguf"},
		"org/repo:big/model-BF16-00002-of-00002.gguf": {"big/model-BF16-00001-of-00002.gguf", "big/model-BF16-00002-of-00002.gguf"},
		"org/repo:config.json":                        {"config.json"},
	} {
		t.Run(ref, func(t *testing.T) {
			h := s.open(t, t.TempDir())
			path := mustPull(t, h, ref)
			names := snapshotFiles(h.snapshot("org/repo", testCommit))
			if slices.Sort(names); !slices.Equal(names, want) {
				t.Errorf("got files %q, want %q", names, want)
			}
			wantContent(t, path, files[want[0]])
			if found, err := h.Find(mustRef(t, ref)); found != path || err != nil {
				t.Errorf("Find gives %s, %v; Pull gave %s", found, err, path)
			}
		})
	}
	for ref, parts := range map[string][]string{
		"org/repo:Q5_K_M": {"Q5_K_M", "model.Q8_0.gguf", "big/model-BF16-00001"},
		"org/repo:K_M":    {`"K_M"`},               // not a whole word
		"org/repo:F16":    {`"F16"`, "model.Q8_0"}, // a shard is missing, and BF16 is another word
		"org/repo:half/model-F16-00001-of-00002.gguf": {"half/"},
		"org/repo:nothing.bin":                        {`"nothing.bin"`},
	} {
		_, err := s.open(t, t.TempDir()).Pull(t.Context(), mustRef(t, ref), nil)
		wantError(t, err, append(parts, "hub: "+ref)...)
	}
}

func TestRevisions(t *testing.T) {
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": noise(1000, 1)})
	cache := t.TempDir()
	h := s.open(t, cache)
	for _, revision := range []string{"refs/pr/1", "v1.0", testCommit} {
		want := mustPull(t, h, "org/repo@"+revision)
		if got, err := h.Find(mustRef(t, "org/repo@"+revision)); got != want || err != nil {
			t.Errorf("%s: Find gives %s, %v; want %s", revision, got, err, want)
		}
	}
	_, hits := s.takeSent()
	if hits[0].path != "/api/models/org/repo/revision/refs%2Fpr%2F1" {
		t.Errorf("asked for %s", hits[0].path)
	}
	if got, err := h.Find(mustRef(t, "org/repo@"+testCommit[:8])); err != nil || !strings.HasSuffix(got, "a.gguf") {
		t.Errorf("abbreviated commit: %s, %v", got, err)
	}
	var names []string
	for _, line := range tree(t, filepath.Join(cache, "models--org--repo", "refs")) {
		names = append(names, strings.Fields(line)[0])
	}
	if !slices.Equal(names, []string{"refs/pr/1", "v1.0"}) {
		t.Errorf("refs %q: want branches and tags, no commits", names)
	}
}

func TestTheTokenStaysWithTheHub(t *testing.T) {
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": noise(300<<10, 1)})
	mustPull(t, s.open(t, t.TempDir()), "org/repo")
	_, hits := s.takeSent()
	storage := 0
	for _, h := range hits {
		if h.storage {
			storage++
		}
		if want := map[bool]string{false: "Bearer " + testToken}[h.storage]; h.auth != want {
			t.Errorf("%+v: Authorization %q, want %q", h, h.auth, want)
		}
	}
	if storage != 5 { // 300 KiB in parts of 64 KiB
		t.Errorf("%d requests to the storage server: %v", storage, hits)
	}
}

// Signed addresses expire, in the middle of a long download too.
func TestAnExpiredAddressIsAskedForAgain(t *testing.T) {
	content := noise(300<<10, 1)
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
	heads, refused := 0, 0
	var mu sync.Mutex
	s.fault = func(h hit, w http.ResponseWriter, b []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case h.method == http.MethodHead:
			heads++
		case h.storage && heads == 1 && h.rng != "bytes=0-65535": // the first address serves the first part only
			refused++
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	wantContent(t, mustPull(t, s.open(t, t.TempDir()), "org/repo"), content)
	if heads != 2 || refused == 0 {
		t.Errorf("asked %d times for the address, refused %d times", heads, refused)
	}
}

func TestARenamedRepositoryIsFollowed(t *testing.T) {
	content := noise(300<<10, 1)
	s := newServer(t, "org/new", map[string][]byte{"a.gguf": content})
	s.fault = func(h hit, w http.ResponseWriter, _ []byte) bool {
		if !strings.Contains(h.path, "org/old") {
			return false
		}
		w.Header().Set("Location", strings.Replace(h.path, "org/old", "org/new", 1))
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	cache := t.TempDir()
	path := mustPull(t, s.open(t, cache), "org/old")
	wantContent(t, path, content)
	if !strings.HasPrefix(path, filepath.Join(cache, "models--org--old")) {
		t.Errorf("path %s", path)
	}
}

func TestSystemsWithoutLinks(t *testing.T) {
	content := noise(300<<10, 1)
	s := newServer(t, "org/repo", map[string][]byte{"sub/a.gguf": content})
	cache := t.TempDir()
	linked := mustPull(t, s.open(t, cache), "org/repo")
	without := s.open(t, cache)
	without.symlink = func(string, string) error { return errors.New("no links here") }
	// A blob that others may use is copied,
	s.commit = strings.Repeat("cd", 20)
	copied := mustPull(t, without, "org/repo")
	wantContent(t, copied, content)
	wantContent(t, linked, content)
	// a new one is moved,
	other := t.TempDir()
	alone := s.open(t, other)
	alone.symlink = without.symlink
	moved := mustPull(t, alone, "org/repo")
	wantContent(t, moved, content)
	for _, path := range []string{copied, moved} {
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if blobs, err := os.ReadDir(filepath.Join(other, "models--org--repo/blobs")); err != nil || len(blobs) != 0 {
		t.Errorf("blobs %v, %v", blobs, err)
	}
	// and nothing is fetched again.
	s.takeSent()
	mustPull(t, alone, "org/repo")
	if sent, _ := s.takeSent(); sent != 0 {
		t.Errorf("%d bytes fetched again", sent)
	}
}

func TestTwoPullersFetchOnce(t *testing.T) {
	content := noise(1<<20, 1)
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": content})
	first, waiting := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.fault = func(h hit, _ http.ResponseWriter, _ []byte) bool {
		if h.storage { // the first puller's bytes come when the second one waits
			once.Do(func() { close(first) })
			<-waiting
		}
		return false
	}
	cache := t.TempDir()
	var notice sync.Once
	var wg sync.WaitGroup
	pull := func(note func(string)) {
		h := s.open(t, cache, func(c *Config) { c.Notice = note })
		path, err := h.Pull(context.Background(), Ref{"org/repo", "main", ""}, nil)
		if err != nil {
			t.Error(err)
			return
		}
		wantContent(t, path, content)
	}
	wg.Go(func() { pull(nil) })
	<-first
	wg.Go(func() {
		pull(func(text string) {
			if !strings.Contains(text, "a.gguf") || !strings.Contains(text, "waiting") {
				t.Errorf("notice %q", text)
			}
			notice.Do(func() { close(waiting) })
		})
	})
	wg.Wait()
	if sent, _ := s.takeSent(); sent != int64(len(content)) {
		t.Errorf("%d bytes fetched, the file has %d", sent, len(content))
	}
}

func TestAWaitingPullerCanStop(t *testing.T) {
	s := newServer(t, "org/repo", map[string][]byte{"a.gguf": noise(1000, 1)})
	cache := t.TempDir()
	h := s.open(t, cache)
	p := &pull{hub: h, ref: mustRef(t, "org/repo")}
	unlock, err := p.lock(t.Context(), &remoteFile{name: "a.gguf", etag: sha256Hex(s.files["a.gguf"])})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped by the user")
	other := s.open(t, cache, func(c *Config) { c.Notice = func(string) { cancel(stop) } })
	if _, err := other.Pull(ctx, mustRef(t, "org/repo"), nil); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestProgressReachesItsTotal(t *testing.T) {
	files := folderRepo()
	s := newServer(t, "org/repo", files)
	var want, last int64
	for _, name := range folderFiles(slices.Collect(func(yield func(string) bool) {
		for name := range files {
			if !yield(name) {
				return
			}
		}
	})) {
		want += int64(len(files[name]))
	}
	_, err := s.open(t, t.TempDir()).Pull(t.Context(), mustRef(t, "org/repo"), func(done, total int64) {
		if total != want || done < last || done > total {
			t.Errorf("%d of %d after %d, want a total of %d", done, total, last, want)
		}
		last = done
	})
	if err != nil || last != want {
		t.Errorf("ended at %d of %d: %v", last, want, err)
	}
}

func TestOfflineSaysSo(t *testing.T) {
	s := newServer(t, "org/repo", ggufRepo())
	_, err := s.open(t, t.TempDir(), func(c *Config) { c.Offline = true }).Pull(t.Context(), mustRef(t, "org/repo"), nil)
	wantError(t, err, "offline", "HF_HUB_OFFLINE", "org/repo")
	if _, hits := s.takeSent(); len(hits) != 0 {
		t.Errorf("requests %v", hits)
	}
}
