// Package ollama finds the models that Ollama pulled or made, in its folders
// (https://github.com/ollama/ollama/blob/main/docs/faq.mdx, OLLAMA_MODELS):
//
//	{folder}/manifests/{host}/{namespace}/{model}/{tag}    which blobs make a model
//	{folder}/blobs/sha256-{digest}                         a GGUF file, a template, parameters, …
//
// A manifest is an OCI image manifest whose layers have media types of Ollama's own. The
// model is a plain GGUF file. The other layers are of no use elsewhere: the template is of Go's
// text/template, and parameters are the defaults of Ollama's requests.
package ollama

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Model is what a manifest says.
type Model struct {
	Name   string // as Ollama lists it: "gemma:7b", "hf.co/org/repo:Q4_K_M"
	Path   string // of the GGUF file, which has no extension
	Size   int64  // of that file in bytes
	Digest string // SHA-256 of that file, 64 hexadecimal digits

	Layers     []string // what else belongs to it: "adapter", "projector", "template", "system", "params", …; sorted, each once
	Template   string   // text of the layer template, in the language of Go's text/template; or ""
	Parameters string   // text of the layer params, a JSON object; or ""

	Err error // why it can't be opened; then Path, Size and Digest may be missing
}

const (
	mediaPrefix = "application/vnd.ollama.image."

	// Folders leave these parts of a name out where a name has them as Ollama's defaults.
	defaultHost, defaultNamespace, defaultTag = "registry.ollama.ai", "library", "latest"

	maxManifest = 1 << 20  // bytes; of a model in one file it has 1 kB
	maxText     = 64 << 10 // bytes
)

// digest is a layer's, as it is written and as blobs are named in old and new folders.
var digest = regexp.MustCompile(`^sha256[:-]([0-9a-f]{64})$`)

// part is what may be one of a name's.
var part = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._:-]*$`)

// List gives the models of Ollama's folders by their names, of one that several folders have
// the first. A folder that is not there has none; of those that can't be read the error tells,
// and the models are those of the others.
func List(folders []string) ([]Model, error) {
	var list []Model
	var errs []error
	seen := map[string]bool{}
	for _, folder := range folders {
		if _, err := os.ReadDir(filepath.Join(folder, "manifests")); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("ollama: %w", err))
			}
			continue
		}
		paths, _ := fs.Glob(os.DirFS(folder), "manifests/*/*/*/*") // the pattern is a good one
		for _, path := range paths {
			parts := strings.Split(path, "/")[1:]
			if slices.ContainsFunc(parts, func(p string) bool { return !part.MatchString(p) }) {
				continue
			}
			if m := read(folder, parts); !seen[m.Name] {
				seen[m.Name] = true
				list = append(list, m)
			}
		}
	}
	slices.SortFunc(list, func(a, b Model) int { return cmp.Compare(a.Name, b.Name) })
	return list, errors.Join(errs...)
}

// Find gives the model of a name, [host/][namespace/]model[:tag]. As with Ollama, case does not
// matter. Its error lists the models that there are.
func Find(folders []string, name string) (Model, error) {
	list, err := List(folders)
	wanted := shorten(name)
	for _, m := range list {
		if strings.EqualFold(m.Name, wanted) {
			return m, m.Err
		}
	}
	there := "Ollama's folders hold no model: " + strings.Join(folders, ", ")
	if len(list) > 0 {
		var names []string
		for _, m := range list {
			names = append(names, m.Name)
		}
		there = "there are " + strings.Join(names, ", ")
	}
	if err != nil {
		there += "; " + err.Error()
	}
	return Model{}, fmt.Errorf("ollama: no model %.200q; %s", name, there)
}

// shorten is the name that Ollama lists for what a user types.
func shorten(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, defaultHost+"/"), defaultNamespace+"/")
	if !strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ":") {
		name += ":" + defaultTag
	}
	return name
}

// read reads the manifest of a model whose name has these parts: host, namespace, model, tag.
func read(folder string, parts []string) Model {
	m := Model{Name: shorten(strings.Join(parts[:3], "/") + ":" + parts[3])}
	if err := m.readManifest(folder, filepath.Join(append([]string{folder, "manifests"}, parts...)...)); err != nil {
		m.Err = fmt.Errorf("ollama: %s: %w", m.Name, err)
	}
	return m
}

func (m *Model) readManifest(folder, path string) error {
	written, err := readSmall(path, maxManifest)
	if err != nil {
		return err
	}
	var manifest struct {
		Layers []struct {
			MediaType string `json:"mediaType"`
			Digest    string `json:"digest"`
			Size      int64  `json:"size"`
		} `json:"layers"`
	}
	if err := json.Unmarshal(written, &manifest); err != nil {
		return fmt.Errorf("%s is no manifest: %w", path, err)
	}
	models := 0
	for _, l := range manifest.Layers {
		kind, ok := strings.CutPrefix(l.MediaType, mediaPrefix)
		if !ok {
			continue
		}
		hash := digest.FindStringSubmatch(l.Digest)
		if hash == nil {
			return fmt.Errorf("%s names a layer by %.100q, which is no SHA-256", path, l.Digest)
		}
		switch kind {
		case "model":
			models++
			m.Digest, m.Size = hash[1], l.Size
		case "template":
			m.Template = text(folder, hash[1])
		case "params":
			m.Parameters = text(folder, hash[1])
		}
		if kind != "model" {
			m.Layers = append(m.Layers, kind)
		}
	}
	slices.Sort(m.Layers)
	m.Layers = slices.Compact(m.Layers)
	switch {
	case models == 0:
		return fmt.Errorf("%s names no GGUF file: it is a model of another form, or of Ollama's servers", path)
	case models > 1:
		return fmt.Errorf("%s names %d model files; only models of one can be opened", path, models)
	}
	m.Path = blob(folder, m.Digest)
	info, err := os.Stat(m.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing; ollama pull %s brings it", m.Path, m.Name)
	case err != nil:
		return err
	case info.Size() != m.Size:
		return fmt.Errorf("%s has %d bytes, want %d by the manifest; ollama pull %s brings it again", m.Path, info.Size(), m.Size, m.Name)
	}
	return nil
}

// blob is where a folder has the bytes of a digest; older versions of Ollama had a colon in the name.
func blob(folder, digest string) string {
	path := filepath.Join(folder, "blobs", "sha256-"+digest)
	if old := filepath.Join(folder, "blobs", "sha256:"+digest); !exists(path) && exists(old) {
		return old
	}
	return path
}

// text gives that of a layer, which the model does without: "" if it cannot be read.
func text(folder, digest string) string {
	b, err := readSmall(blob(folder, digest), maxText)
	if err != nil || !utf8.Valid(b) {
		return ""
	}
	return string(b)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// readSmall reads a regular file of at most limit bytes; opening a named pipe would wait.
func readSmall(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > limit:
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
