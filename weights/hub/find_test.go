package hub

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cached makes a cache as huggingface_hub does: blobs, links, refs.
func cached(t *testing.T, repo, commit, ref string, files map[string][]byte) (cache string) {
	t.Helper()
	cache = t.TempDir()
	addCached(t, cache, repo, commit, ref, files)
	return cache
}

func addCached(t *testing.T, cache, repo, commit, ref string, files map[string][]byte) {
	t.Helper()
	root := filepath.Join(cache, "models--"+strings.ReplaceAll(repo, "/", "--"))
	write := func(path string, b []byte) {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if ref != "" {
		write(filepath.Join(root, "refs", ref), []byte(commit))
	}
	for name, b := range files {
		blob, pointer := filepath.Join(root, "blobs", etagOf(name, b)), filepath.Join(root, "snapshots", commit, name)
		write(blob, b)
		if err := os.MkdirAll(filepath.Dir(pointer), 0o777); err != nil {
			t.Fatal(err)
		}
		target, err := filepath.Rel(filepath.Dir(pointer), blob)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, pointer); err != nil {
			t.Fatal(err)
		}
	}
}

func openCache(t *testing.T, cache string) *Hub {
	t.Helper()
	h, err := New(Config{Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestFindInACacheOfHuggingFaces(t *testing.T) {
	cache := cached(t, "org/folder", testCommit, "main", folderRepo())
	addCached(t, cache, "org/gguf", testCommit, "main", ggufRepo())
	addCached(t, cache, "org/one", testCommit, "v1", map[string][]byte{"sub/x.gguf": noise(10, 1)})
	h := openCache(t, cache)
	for ref, want := range map[string]string{
		"org/folder": "models--org--folder/snapshots/" + testCommit,
		"org/folder:model-00001-of-00002.safetensors": "models--org--folder/snapshots/" + testCommit + "/model-00001-of-00002.safetensors",
		"org/gguf":                  "models--org--gguf/snapshots/" + testCommit + "/model.Q4_K_M.gguf",
		"org/gguf:q8_0":             "models--org--gguf/snapshots/" + testCommit + "/model.Q8_0.gguf",
		"org/gguf:BF16":             "models--org--gguf/snapshots/" + testCommit + "/big/model-BF16-00001-of-00002.gguf",
		"org/one@v1":                "models--org--one/snapshots/" + testCommit + "/sub/x.gguf",
		"org/one@" + testCommit:     "models--org--one/snapshots/" + testCommit + "/sub/x.gguf",
		"org/one@0123456":           "models--org--one/snapshots/" + testCommit + "/sub/x.gguf",
		"org/one@v1:sub/x.gguf":     "models--org--one/snapshots/" + testCommit + "/sub/x.gguf",
		"org/gguf:chatml.Q4_K_M":    "models--org--gguf/snapshots/" + testCommit + "/model-chatml.Q4_K_M.gguf",
		"org/gguf:model.Q8_0.gguf":  "models--org--gguf/snapshots/" + testCommit + "/model.Q8_0.gguf",
		"org/folder:tokenizer.json": "models--org--folder/snapshots/" + testCommit + "/tokenizer.json",
	} {
		if got, err := h.Find(mustRef(t, ref)); err != nil || got != filepath.Join(cache, want) {
			t.Errorf("%s: %s, %v; want %s", ref, got, err, want)
		}
	}
	for _, ref := range []string{"org/one", "org/gguf:Q5_0", "org/other", "org/one@012345", "org/one@v2", "org/gguf:half/model-F16-00001-of-00002.gguf"} {
		_, err := h.Find(mustRef(t, ref))
		if wantError(t, err, "hub: "+ref, "not in the cache", cache, "sealvk pull "+ref); !errors.Is(err, ErrNotCached) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestFindListsWhatIsToBeChosen(t *testing.T) {
	cache := cached(t, "org/repo", testCommit, "main", map[string][]byte{"a.Q8_0.gguf": {1}, "a.Q5_0.gguf": {2}})
	_, err := openCache(t, cache).Find(mustRef(t, "org/repo"))
	wantError(t, err, "several", "a.Q8_0.gguf", "a.Q5_0.gguf", "after a colon")
}

func TestOnlyCompleteModelsCount(t *testing.T) {
	files := folderRepo()
	for title, spoil := range map[string]func(root, snapshot string) error{
		"a shard's blob is gone": func(root, _ string) error {
			return os.Remove(filepath.Join(root, "blobs", etagOf("x.safetensors", files["model-00002-of-00002.safetensors"])))
		},
		"a shard is not linked": func(_, snapshot string) error {
			return os.Remove(filepath.Join(snapshot, "model-00001-of-00002.safetensors"))
		},
		"the blob is incomplete": func(root, _ string) error {
			blob := filepath.Join(root, "blobs", etagOf("x.safetensors", files["model-00002-of-00002.safetensors"]))
			return os.Rename(blob, blob+".incomplete")
		},
		"no index": func(_, snapshot string) error {
			return os.Remove(filepath.Join(snapshot, "model.safetensors.index.json"))
		},
		"no config": func(_, snapshot string) error { return os.Remove(filepath.Join(snapshot, "config.json")) },
		"the ref is of another commit": func(root, _ string) error {
			return os.WriteFile(filepath.Join(root, "refs/main"), []byte(strings.Repeat("f", 40)), 0o666)
		},
		"the ref is a path": func(root, _ string) error {
			return os.WriteFile(filepath.Join(root, "refs/main"), []byte("../../../x"), 0o666)
		},
	} {
		t.Run(title, func(t *testing.T) {
			cache := cached(t, "org/repo", testCommit, "main", files)
			root := filepath.Join(cache, "models--org--repo")
			if err := spoil(root, filepath.Join(root, "snapshots", testCommit)); err != nil {
				t.Fatal(err)
			}
			_, err := openCache(t, cache).Find(mustRef(t, "org/repo"))
			wantError(t, err, "not in the cache", "sealvk pull org/repo")
		})
	}
}

func TestList(t *testing.T) {
	h := openCache(t, filepath.Join(t.TempDir(), "nowhere"))
	if list, err := h.List(); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	cache := cached(t, "org/folder", testCommit, "main", folderRepo())
	addCached(t, cache, "org/gguf", testCommit, "v1", ggufRepo())
	addCached(t, cache, "org/gguf", testCommit, "main", nil)
	addCached(t, cache, "org/gguf", strings.Repeat("ab", 20), "", map[string][]byte{"model.Q8_0.gguf": noise(70<<10, 3)})
	addCached(t, cache, "org/bert", testCommit, "main", map[string][]byte{"config.json": {1}, "pytorch_model.bin": {2}})
	addCached(t, cache, "gpt2", testCommit, "main", map[string][]byte{"a.gguf": {1}})
	if err := os.MkdirAll(filepath.Join(cache, "datasets--org--data/snapshots", testCommit), 0o777); err != nil {
		t.Fatal(err)
	}
	h = openCache(t, cache)
	list, err := h.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, strings.Join([]string{e.Ref.String(), e.Format, e.Quant, e.Files[0]}, " "))
		if path, err := h.Find(e.Ref); err != nil || path != e.Path {
			t.Errorf("%s: Find gives %s, %v; List %s", e.Ref, path, err, e.Path)
		}
	}
	want := []string{
		"org/folder safetensors  model-00001-of-00002.safetensors",
		"org/gguf:BF16 GGUF BF16 big/model-BF16-00001-of-00002.gguf",
		"org/gguf:model-chatml.Q4_K_M.gguf GGUF Q4_K_M model-chatml.Q4_K_M.gguf",
		"org/gguf:Q4_K_M GGUF Q4_K_M model.Q4_K_M.gguf",
		"org/gguf:Q8_0 GGUF Q8_0 model.Q8_0.gguf",
		"org/gguf@" + strings.Repeat("ab", 20) + ":Q8_0 GGUF Q8_0 model.Q8_0.gguf",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if list[0].Size != 400<<10+7 || list[1].Size != 100<<10 || list[0].Commit != testCommit {
		t.Errorf("%+v\n%+v", list[0], list[1])
	}
}
