package hub

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Entry is one model of the cache.
type Entry struct {
	Ref    Ref      // finds it; the revision is a branch or tag, or the commit if none has it
	Commit string   // 40 hexadecimal digits
	Format string   // "GGUF" or "safetensors" (MLX too)
	Quant  string   // of a GGUF file by its name, such as "Q4_K_M"; "" if the name does not say
	Files  []string // the weights
	Size   int64    // of Files in bytes
	Path   string   // what Find gives
}

// List gives the models of the cache that are there completely, by repository, commit
// and name. A cache that does not exist holds none.
func (h *Hub) List() ([]Entry, error) {
	folders, err := os.ReadDir(h.config.Cache)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("hub: listing the cache: %w", err)
	}
	var list []Entry
	for _, d := range folders {
		name, ok := strings.CutPrefix(d.Name(), folderPrefix)
		org, repo, two := strings.Cut(name, "--")
		if !ok || !two || !validRepoPart(org) || !validRepoPart(repo) {
			continue // data sets, and models without an organisation
		}
		list = append(list, h.listRepo(org+"/"+repo)...)
	}
	return list, nil
}

func (h *Hub) listRepo(repo string) (list []Entry) {
	refs := h.refs(repo)
	entries, err := os.ReadDir(filepath.Join(h.folder(repo), "snapshots"))
	if err != nil {
		return nil // a repository of which nothing was downloaded
	}
	for _, e := range entries {
		commit := e.Name()
		if !commitName.MatchString(commit) {
			continue
		}
		ref := Ref{Repo: repo, Revision: commit}
		if name, ok := refs[commit]; ok {
			ref.Revision = name
		}
		list = append(list, h.listSnapshot(ref, commit)...)
	}
	return list
}

func (h *Hub) listSnapshot(ref Ref, commit string) (list []Entry) {
	dir := h.snapshot(ref.Repo, commit)
	names := snapshotFiles(dir)
	size := func(files []string) (sum int64) {
		for _, f := range files {
			sum += max(0, fileSize(filepath.Join(dir, filepath.FromSlash(f))))
		}
		return sum
	}
	if isFolder(names) && missingWeights(dir, names) == "" {
		files := slices.DeleteFunc(folderFiles(names), func(n string) bool { return !isWeights(n) })
		list = append(list, Entry{Ref: ref, Commit: commit, Format: "safetensors", Files: files, Size: size(files), Path: dir})
	}
	for _, m := range ggufModels(names) {
		one := ref
		one.What = m.files[0]
		if q := m.quant(); q != "" {
			if files, err := chooseGGUF(names, q); err == nil && files[0] == m.files[0] {
				one.What = q
			}
		}
		list = append(list, Entry{Ref: one, Commit: commit, Format: "GGUF", Quant: m.quant(), Files: m.files,
			Size: size(m.files), Path: filepath.Join(dir, filepath.FromSlash(m.files[0]))})
	}
	return list
}

// refs gives a name for each commit that has one, "main" before others.
func (h *Hub) refs(repo string) map[string]string {
	root := filepath.Join(h.folder(repo), "refs")
	byCommit := map[string]string{}
	walk(root, func(_, name string) {
		commit := h.commit(repo, name)
		if old, ok := byCommit[commit]; !ok || cmp.Less(rank(name), rank(old)) {
			byCommit[commit] = name
		}
	})
	return byCommit
}

// rank sorts "main" first, then by name.
func rank(name string) string {
	if name == "main" {
		return ""
	}
	return name
}
