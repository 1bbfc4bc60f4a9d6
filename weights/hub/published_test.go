package hub

import (
	"slices"
	"strings"
	"testing"
)

// The files of published repositories, and what a pull without a colon takes of them:
// everything that begins with a plus.
var publishedRepos = map[string]string{
	"SeaLLMs/SeaLLM-7B-v2.5": `.gitattributes LICENSE README.md +config.json +generation_config.json +model-00001-of-00004.safetensors
		+model-00002-of-00004.safetensors +model-00003-of-00004.safetensors +model-00004-of-00004.safetensors +model.safetensors.index.json
		seal_logo.png +special_tokens_map.json +tokenizer.json +tokenizer.model +tokenizer_config.json`,
	"SeaLLMs/SeaLLM-7B-v2.5-GGUF":     `.gitattributes README.md seallm-7b-v2.5-chatml.Q4_K_M.gguf +seallm-7b-v2.5.Q4_K_M.gguf`,
	"SeaLLMs/SeaLLM-7B-v2.5-mlx, now": `README.md +config.json +model.safetensors +model.safetensors.index.json +special_tokens_map.json +tokenizer.json +tokenizer_config.json`,
	"SeaLLMs/SeaLLM-7B-v2.5-mlx, old": `README.md +config.json +special_tokens_map.json +tokenizer.model +tokenizer_config.json +weights.00.safetensors`,
	"google/gemma-7b-it": `.gitattributes README.md +config.json gemma-7b-it.gguf +generation_config.json +model-00001-of-00002.safetensors
		+model-00002-of-00002.safetensors +model.safetensors.index.json +special_tokens_map.json +tokenizer.json +tokenizer.model +tokenizer_config.json`,
	"a copy in half precision": `+config.json model.fp16.safetensors +model.safetensors +tokenizer.json`,
	"whole and in shards":      `+config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors +model.safetensors +tokenizer.json`,
	"an adapter beside GGUF":   `adapter_model.safetensors config.json consolidated.safetensors +x.gguf`,
}

func TestPublishedRepositories(t *testing.T) {
	for repo, list := range publishedRepos {
		var names, want []string
		for name := range strings.FieldsSeq(list) {
			plain, wanted := strings.CutPrefix(name, "+")
			names = append(names, plain)
			if wanted {
				want = append(want, plain)
			}
		}
		var got []string
		if isFolder(names) {
			got = folderFiles(names)
			for i, name := range got[1:] { // a pull that ends early lacks weights, which Find sees
				if isWeights(got[i]) && !isWeights(name) {
					t.Errorf("%s: %s comes before %s", repo, got[i], name)
				}
			}
		} else {
			var err error
			if got, err = chooseGGUF(names, ""); err != nil {
				t.Errorf("%s: %v", repo, err)
			}
		}
		slices.Sort(want)
		if got = slices.Sorted(slices.Values(got)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", repo, got, want)
		}
	}
}

// What is complete by the files that are opened is found, whatever the index says.
func TestFindByTheFilesThatAreOpened(t *testing.T) {
	stale := []byte(`{"weight_map":{"a":"model-00001-of-00004.safetensors"}}`)
	for title, c := range map[string]struct {
		names []string
		found bool
	}{
		"one file and a stale index":     {[]string{"model.safetensors"}, true},
		"old MLX and a stale index":      {[]string{"weights.00.safetensors"}, true},
		"a file of the index is missing": {[]string{"model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors"}, true},
		"no weights":                     {nil, false},
		"an adapter":                     {[]string{"adapter_model.safetensors"}, false},
	} {
		files := map[string][]byte{"config.json": {1}, "model.safetensors.index.json": stale}
		for i, name := range c.names {
			files[name] = noise(10, uint64(i))
		}
		path, err := openCache(t, cached(t, "org/repo", testCommit, "main", files)).Find(mustRef(t, "org/repo"))
		if (err == nil) != c.found {
			t.Errorf("%s: %s, %v", title, path, err)
		}
	}
}

// Several snapshots and names: each is found by its own, none is guessed.
func TestSeveralSnapshots(t *testing.T) {
	const other = "ffffffffffffffffffffffffffffffffffffffff"
	cache := cached(t, "org/repo", testCommit, "v1", map[string][]byte{"a.gguf": {1}})
	addCached(t, cache, "org/repo", other, testCommit, map[string][]byte{"b.gguf": {2}}) // a branch that is called as a commit
	h := openCache(t, cache)
	for ref, want := range map[string]string{"org/repo@v1": "a.gguf", "org/repo@" + testCommit: "a.gguf", "org/repo@" + other: "b.gguf",
		"org/repo@fffffff": "b.gguf", "org/repo": "", "org/repo@eeeeeee": ""} {
		path, err := h.Find(mustRef(t, ref))
		if want == "" && err == nil || want != "" && (err != nil || !strings.HasSuffix(path, "/"+want)) {
			t.Errorf("%s: %s, %v; want %q", ref, path, err, want)
		}
	}
}
