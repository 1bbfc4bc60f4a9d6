package hub

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseRef(t *testing.T) {
	for s, want := range map[string]Ref{
		"SeaLLMs/SeaLLM-7B-v2.5":            {"SeaLLMs/SeaLLM-7B-v2.5", "main", ""},
		"SeaLLMs/SeaLLM-7B-v2.5-GGUF:Q4_0":  {"SeaLLMs/SeaLLM-7B-v2.5-GGUF", "main", "Q4_0"},
		"a/b@refs/pr/1:sub/x.Q4_K_M.gguf":   {"a/b", "refs/pr/1", "sub/x.Q4_K_M.gguf"},
		"a/b@" + testCommit:                 {"a/b", testCommit, ""},
		"a_b/c.d-e_f@v1.0":                  {"a_b/c.d-e_f", "v1.0", ""},
		"a/b:tokenizer (1).json":            {"a/b", "main", "tokenizer (1).json"},
		"a/b:ภาษาไทย.gguf":                  {"a/b", "main", "ภาษาไทย.gguf"},
		"0/1":                               {"0/1", "main", ""},
		"a/" + strings.Repeat("x", 96):      {"a/" + strings.Repeat("x", 96), "main", ""},
		"mlx-community/SeaLLM-7B-v2.5-mlx_": {"mlx-community/SeaLLM-7B-v2.5-mlx_", "main", ""},
	} {
		got, err := ParseRef(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("%q: %+v, %q, %v; want %+v", s, got, got, err, want)
		}
	}
	for _, s := range []string{
		"", "model", "model.gguf", "./model.gguf", "../a/b", "/a/b", "a/b/c", "a//b", "a/", "/b", "a/b:", "a/b@", "a/b@:x", "a/b@..",
		"a/b@../../x", "a/b@/x", "a/b@x//y", "a/b:..", "a/b:../x", "a/b:/etc/passwd", "a/b:x/../../y", `a/b:..\x`, `a/b@..\x`, `a\b/c`, "a/b:x\x1b[0m",
		"a/b\n", "a/b:x\ny", "a/b:\xff", "a/b:x\x00", "a--b/c", "a/b--c", "a/b..c", "a/.b", "a/b.", "-a/b", "a/b.git", "a/" + strings.Repeat("x", 97),
		"a/b:" + strings.Repeat("x", 1025), "ä/b",
	} {
		if got, err := ParseRef(s); err == nil {
			t.Errorf("%q is taken for %+v", s, got)
		} else if text := err.Error(); !strings.Contains(text, "org/repo[@revision][:file-or-quant]") || strings.ContainsAny(text, "\n\x1b\x00") {
			t.Errorf("%q: error %q", s, text)
		}
	}
}

// What people copy from the site, and type for Ollama, is a name too.
func TestAddressesAreNames(t *testing.T) {
	for s, want := range map[string]Ref{
		"hf.co/org/repo":                                                                {"org/repo", "main", ""},
		"hf.co/org/repo:Q8_0":                                                           {"org/repo", "main", "Q8_0"},
		"hf.co/org/repo:latest":                                                         {"org/repo", "main", ""},
		"HuggingFace.co/org/repo":                                                       {"org/repo", "main", ""},
		"https://huggingface.co/org/repo/":                                              {"org/repo", "main", ""},
		"https://www.huggingface.co/org/repo?library=x#y":                               {"org/repo", "main", ""},
		"https://huggingface.co/org/repo/tree/v1":                                       {"org/repo", "v1", ""},
		"https://huggingface.co/org/repo/tree/refs%2Fpr%2F1":                            {"org/repo", "refs/pr/1", ""},
		"https://huggingface.co/org/repo/blob/main/x.Q4_0.gguf":                         {"org/repo", "main", "x.Q4_0.gguf"},
		"http://hf.co/org/repo/resolve/" + testCommit + "/sub/x%20y.gguf?download=true": {"org/repo", testCommit, "sub/x y.gguf"},
	} {
		if got, err := ParseRef(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"hf.co", "hf.co/", "hf.co/org", "hf.co//repo", "hf.co/hf.co/repo", "hf.co/org/repo/tree", "hf.co/org/repo/settings/x", "hf.co/org/repo/blob/main",
		"hf.co/org/repo/blob/main/", "hf.co/org/repo/blob/main/../x", "hf.co/org/repo/blob/..%2F..%2F/x", "hf.co/org/repo/blob/main/%zz", "hf.co/org/repo:",
		"https://example.com/org/repo", "https://huggingface.co/datasets/org/repo", "hf.co/org%2Frepo/x/y",
	} {
		if got, err := ParseRef(s); err == nil {
			t.Errorf("%q is taken for %+v", s, got)
		} else if !strings.Contains(err.Error(), "org/repo[@revision][:file-or-quant]") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// Projectors and importance matrices lie beside models and are none.
func TestOtherGGUFFilesAreNoModels(t *testing.T) {
	names := []string{"imatrix.gguf", "mmproj-F16.gguf", "sub/mmproj.gguf", "model-imatrix.Q6_K.gguf"}
	if files, err := chooseGGUF(names, ""); err != nil || !slices.Equal(files, names[3:]) {
		t.Errorf("%q, %v", files, err)
	}
	if files, err := chooseGGUF(names, names[1]); err != nil || !slices.Equal(files, names[1:2]) {
		t.Errorf("by its name: %q, %v", files, err)
	}
}

// FuzzParseRef looks for names that leave the cache, and for those that do not read
// back as they were written.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"a/b", "a/b@c:d", "https://hf.co/a/b/blob/main/c.gguf", "hf.co/hf.co/a", "a/b@refs/pr/1:x/y.gguf", "a/b:../x", "a--b/c", `a/b:\x`} {
		f.Add(s)
	}
	h, err := New(Config{Cache: "/cache"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseRef(s)
		if err != nil {
			return
		}
		if again, err := ParseRef(ref.String()); err != nil || again != ref {
			t.Errorf("%q: %+v is read back as %+v, %v", s, ref, again, err)
		}
		folder := h.folder(ref.Repo)
		if filepath.Dir(folder) != filepath.FromSlash("/cache") {
			t.Errorf("%q: folder %q", s, folder)
		}
		for _, path := range []string{filepath.Join(folder, "refs", ref.Revision), filepath.Join(folder, "snapshots", "x", ref.What)} {
			if rel, err := filepath.Rel(folder, path); err != nil || !filepath.IsLocal(rel) {
				t.Errorf("%q: path %q", s, path)
			}
		}
	})
}

func TestQuantizationsAreWholeWords(t *testing.T) {
	for stem, want := range map[string]string{
		"model.Q4_K_M": "Q4_K_M", "model-q4_k_m": "Q4_K_M", "Q8_0": "Q8_0", "model-UD-Q4_K_XL": "Q4_K_XL", "model.bf16": "BF16",
		"model-IQ2_XXS": "IQ2_XXS", "model-f16": "F16", "model": "", "faq1": "", "model_Q4_0": "", "qwen2": "", "model.Q4_0.old": "",
	} {
		if got := (ggufModel{stem: stem}).quant(); got != want {
			t.Errorf("%s: %q, want %q", stem, got, want)
		}
	}
	m := ggufModel{stem: "seallm-7b-v2.5-chatml.Q4_K_M"}
	for what, want := range map[string]bool{"Q4_K_M": true, "q4_k_m": true, "chatml.Q4_K_M": true, "K_M": false, "4_K_M": false, "M": false,
		"": false, "5-chatml.Q4_K_M": true, "seallm-7b-v2.5-chatml.Q4_K_M": true, "x-seallm-7b-v2.5-chatml.Q4_K_M": false} {
		if got := m.is(what); got != want {
			t.Errorf("%q: %v", what, got)
		}
	}
}

func TestShardsCountAsWholeSets(t *testing.T) {
	models := ggufModels([]string{
		"b-00002-of-00002.gguf", "b-00001-of-00002.gguf", // whole
		"c-00001-of-00003.gguf", "c-00003-of-00003.gguf", // a hole
		"d-00002-of-00002.gguf",                          // no beginning
		"e-00001-of-00001.gguf",                          // one of one
		"f-00000-of-00001.gguf", "f-00001-of-00000.gguf", // nonsense
		"x/b-00001-of-00002.gguf", "x/B-00002-of-00002.gguf", // two halves of different sets
		"a.gguf", "A.GGUF", "gguf", "a.gguf.txt",
	})
	var got []string
	for _, m := range models {
		got = append(got, strings.Join(m.files, "+"))
	}
	want := []string{"A.GGUF", "a.gguf", "b-00001-of-00002.gguf+b-00002-of-00002.gguf", "e-00001-of-00001.gguf"}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestThePlainModelIsMeant(t *testing.T) {
	sea := []string{"seallm-7b-v2.5-chatml.Q4_K_M.gguf", "seallm-7b-v2.5.Q4_K_M.gguf", "seallm-7b-v2.5.Q8_0.gguf"}
	if files, err := chooseGGUF(sea, ""); err != nil || files[0] != sea[1] {
		t.Errorf("%q, %v", files, err)
	}
	for _, names := range [][]string{
		{"red.Q4_K_M.gguf", "blue.Q4_K_M.gguf"},
		{"one/model.Q4_K_M.gguf", "two/model.Q4_K_M.gguf"},
	} {
		_, err := chooseGGUF(names, "")
		wantError(t, err, "several", names[0], names[1])
	}
	var many []string
	for i := range 100 {
		many = append(many, strings.Repeat("x", i+1)+".Q8_0.gguf")
	}
	_, err := chooseGGUF(many, "")
	wantError(t, err, "and 76 more")
}
