package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sealvk/weights/hub"
)

// hubConfig is where the environment says that models are kept and come from, by
// huggingface_hub's variables
// (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
func hubConfig() (hub.Config, error) {
	home := expanded(os.Getenv("HF_HOME"))
	cache := expanded(cmp.Or(os.Getenv("HF_HUB_CACHE"), os.Getenv("HUGGINGFACE_HUB_CACHE")))
	if home == "" {
		caches := expanded(os.Getenv("XDG_CACHE_HOME"))
		if caches == "" {
			user, err := os.UserHomeDir()
			if err != nil && cache == "" {
				return hub.Config{}, errors.New("no home folder for the cache of models: set HF_HOME")
			}
			caches = filepath.Join(user, ".cache") // on every system, as huggingface_hub has it
		}
		home = filepath.Join(caches, "huggingface")
	}
	return hub.Config{
		Cache:    cmp.Or(cache, filepath.Join(home, "hub")),
		Endpoint: os.Getenv("HF_ENDPOINT"),
		Token:    hubToken(home),
		Offline:  slices.Contains([]string{"1", "on", "yes", "true"}, strings.ToLower(os.Getenv("HF_HUB_OFFLINE"))),
	}, nil
}

// openHub is the user's cache.
func openHub() (*hub.Hub, error) {
	config, err := hubConfig()
	if err != nil {
		return nil, err
	}
	return hub.New(config)
}

// hubToken is the user's token, from the environment or from where `hf auth login` puts it.
func hubToken(home string) string {
	if t := cmp.Or(os.Getenv("HF_TOKEN"), os.Getenv("HUGGING_FACE_HUB_TOKEN")); t != "" {
		return t
	}
	path := cmp.Or(expanded(os.Getenv("HF_TOKEN_PATH")), filepath.Join(home, "token"))
	b, err := os.ReadFile(path)
	if err != nil || len(b) > 1<<10 {
		return "" // most models need none
	}
	return string(b)
}

// expanded replaces a leading ~ by the home folder, which a shell does not do in every place.
func expanded(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if home, err := os.UserHomeDir(); err == nil {
			return home + rest
		}
	}
	return path
}

// resolveModel gives the path of the model that a user names: a file or folder, or
// org/repo[@revision][:file-or-quant] in the Hugging Face cache, or its address.
func resolveModel(name string) (found string, err error) {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return name, nil // whoever opens it reports what else may be wrong
	}
	ref, err := hub.ParseRef(name)
	if err != nil || looksLikeFile(ref) {
		return "", fmt.Errorf("%s: no such file or folder; a model may also be named as org/repo[:quant], once sealvk pull has brought it, or as ollama:NAME", name)
	}
	h, err := openHub()
	if err != nil {
		return "", err
	}
	found, err = h.Find(ref)
	if errors.Is(err, hub.ErrNotCached) {
		return "", fmt.Errorf("%w; there is no file or folder of that name either", err)
	}
	return found, err
}

// looksLikeFile reports whether a name rather lacks a file than a download: models/x.gguf.
func looksLikeFile(ref hub.Ref) bool {
	return ref.What == "" && slices.Contains([]string{".gguf", ".safetensors", ".json", ".model"}, strings.ToLower(path.Ext(ref.Repo)))
}
