package hub

import (
	"net/url"
	"slices"
	"strings"
)

// hosts are where people copy addresses from.
var hosts = []string{"huggingface.co", "www.huggingface.co", "hf.co"}

// nameOfAddress makes org/repo[@revision][:file-or-quant] of an address, and gives what is none back. It is false of an
// address of something else.
func nameOfAddress(s string) (name string, ok bool) {
	rest := s
	for _, scheme := range []string{"https://", "http://"} {
		rest = strings.TrimPrefix(rest, scheme)
	}
	host, rest, _ := strings.Cut(rest, "/")
	if !slices.Contains(hosts, strings.ToLower(host)) {
		return s, true
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "#")
	// org/repo[:quant], org/repo/tree/revision, org/repo/blob/revision/file
	parts := strings.SplitN(strings.TrimRight(rest, "/"), "/", 5)
	for i, p := range parts {
		var err error
		if parts[i], err = url.PathUnescape(p); err != nil {
			return "", false
		}
	}
	if slices.Contains(hosts, strings.ToLower(parts[0])) { // would be read as an address again
		return "", false
	}
	repo := strings.Join(parts[:min(len(parts), 2)], "/")
	switch {
	case len(parts) == 2:
		return strings.TrimSuffix(repo, ":latest"), true // to Ollama that is the usual file
	case len(parts) == 4 && parts[2] == "tree":
		return repo + "@" + parts[3], true
	case len(parts) == 5 && slices.Contains([]string{"blob", "resolve", "raw"}, parts[2]):
		return repo + "@" + parts[3] + ":" + parts[4], true
	}
	return "", false
}
