package ollama

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type layer struct{ kind, content string }

// put writes a model into a folder, as ollama pull does, and gives the path of its manifest.
func put(t *testing.T, folder, path string, layers ...layer) string {
	t.Helper()
	var list []map[string]any
	for _, l := range layers {
		sum := sha256.Sum256([]byte(l.content))
		hash := hex.EncodeToString(sum[:])
		write(t, filepath.Join(folder, "blobs", "sha256-"+hash), l.content)
		list = append(list, map[string]any{"mediaType": "application/vnd.ollama.image." + l.kind, "digest": "sha256:" + hash, "size": len(l.content)})
	}
	text, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": list})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, "manifests", filepath.FromSlash(path))
	write(t, path, string(text))
	return path
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	put(t, one, "registry.ollama.ai/library/gemma/7b", layer{"model", "GGUF gemma"}, layer{"template", "{{ .Prompt }}"}, layer{"license", "a"},
		layer{"license", "b"}, layer{"params", `{"stop":["<end_of_turn>"]}`})
	put(t, one, "registry.ollama.ai/library/gemma/latest", layer{"model", "GGUF latest"}, layer{"adapter", "GGUF lora"})
	put(t, one, "registry.ollama.ai/someone/Sea/latest", layer{"model", "GGUF sea"})
	put(t, two, "hf.co/org/repo/Q4_K_M", layer{"model", "GGUF hf"})
	put(t, two, "registry.ollama.ai/library/gemma/7b", layer{"model", "GGUF of the second folder"})
	write(t, filepath.Join(two, "manifests", "registry.ollama.ai", "library", ".DS_Store"), "")
	folders := []string{one, filepath.Join(one, "absent"), two}
	for name, want := range map[string]string{
		"gemma:7b": "GGUF gemma", "GEMMA:7B": "GGUF gemma", "gemma": "GGUF latest", "gemma:latest": "GGUF latest", "library/gemma": "GGUF latest",
		"registry.ollama.ai/library/gemma:7b": "GGUF gemma", "someone/sea": "GGUF sea", "hf.co/org/repo:q4_k_m": "GGUF hf",
	} {
		m, err := Find(folders, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := os.ReadFile(m.Path); err != nil || string(got) != want || m.Size != int64(len(want)) || !strings.HasSuffix(m.Path, "sha256-"+m.Digest) {
			t.Errorf("%s: %+v holds %q, %v; want %q", name, m, got, err, want)
		}
	}
	m, err := Find(folders, "gemma:7b")
	if err != nil || !slices.Equal(m.Layers, []string{"license", "params", "template"}) || m.Template != "{{ .Prompt }}" || m.Parameters != `{"stop":["<end_of_turn>"]}` {
		t.Errorf("%+v, %v", m, err)
	}
	list, err := List(folders)
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
	}
	if want := []string{"gemma:7b", "gemma:latest", "hf.co/org/repo:Q4_K_M", "someone/Sea:latest"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v; want %q", names, err, want)
	}
	for _, name := range []string{"", "gemma:2b", "../gemma", "a/b/c/d:e", "gemma:7b/.."} {
		if _, err := Find(folders, name); err == nil || !strings.Contains(err.Error(), "there are gemma:7b, gemma:latest, hf.co/org/repo:Q4_K_M, someone/Sea:latest") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Find([]string{t.TempDir()}, "gemma"); err == nil || !strings.Contains(err.Error(), "hold no model") {
		t.Errorf("an empty folder: %v", err)
	}
}

// A manifest that leads to no file is listed with the reason, and does not lead anywhere else.
func TestManifestsThatLeadNowhere(t *testing.T) {
	const manifest, good = "registry.ollama.ai/library/x/latest", `{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:DIGEST","size":1}]}`
	for _, c := range []struct{ name, text, want string }{
		{"no JSON", "<html>", "is no manifest"},
		{"another JSON", "[1]", "is no manifest"},
		{"no layers", "{}", "names no GGUF file"},
		{"tensors", `{"layers":[{"mediaType":"application/vnd.ollama.image.tensor","digest":"sha256:` + strings.Repeat("0", 64) + `"}]}`, "names no GGUF file"},
		{"no digest", strings.Replace(good, "DIGEST", "../../../etc/passwd", 1), "is no SHA-256"},
		{"a short digest", strings.Replace(good, "DIGEST", "00", 1), "is no SHA-256"},
		{"no blob", strings.Replace(good, "DIGEST", strings.Repeat("0", 64), 1), "is missing; ollama pull x:latest brings it"},
		{"a large file", strings.Repeat(" ", maxManifest+1), "is no file of at most"},
	} {
		folder := t.TempDir()
		write(t, filepath.Join(folder, "manifests", manifest), c.text)
		list, err := List([]string{folder})
		if err != nil || len(list) != 1 || list[0].Err == nil || !strings.Contains(list[0].Err.Error(), c.want) || !strings.HasPrefix(list[0].Err.Error(), "ollama: x:latest: ") {
			t.Errorf("%s: %+v, %v; want %q", c.name, list, err, c.want)
		}
		if _, err := Find([]string{folder}, "x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: found with %v, want %q", c.name, err, c.want)
		}
	}
	folder := t.TempDir()
	path := put(t, folder, manifest, layer{"model", "GGUF"}, layer{"model", "GGUF 2"})
	if _, err := Find([]string{folder}, "x"); err == nil || !strings.Contains(err.Error(), path+" names 2 model files") {
		t.Errorf("two files: %v", err)
	}
	put(t, folder, manifest, layer{"model", "GGUF 3"})
	m, err := Find([]string{folder}, "x")
	if err != nil {
		t.Fatal(err)
	}
	write(t, m.Path, "GG")
	if _, err := Find([]string{folder}, "x"); err == nil || !strings.Contains(err.Error(), "has 2 bytes, want 6 by the manifest") {
		t.Errorf("a cut file: %v", err)
	}
}

// Older versions of Ollama named blobs with a colon.
func TestOldBlobs(t *testing.T) {
	folder := t.TempDir()
	put(t, folder, "registry.ollama.ai/library/x/latest", layer{"model", "GGUF"})
	m, err := Find([]string{folder}, "x")
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(folder, "blobs", "sha256:"+m.Digest)
	if err := os.Rename(m.Path, old); err != nil {
		t.Fatal(err)
	}
	if m, err := Find([]string{folder}, "x"); err != nil || m.Path != old {
		t.Errorf("%+v, %v", m, err)
	}
}
