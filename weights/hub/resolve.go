package hub

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// fileURL is where the server keeps a file of a commit.
func (h *Hub) fileURL(repo, commit, name string) *url.URL {
	elements := []string{repo, "resolve", commit}
	for _, e := range strings.Split(name, "/") {
		elements = append(elements, url.PathEscape(e))
	}
	return h.endpoint.JoinPath(elements...)
}

// resolve asks for a file's size and hash.
func (h *Hub) resolve(ctx context.Context, repo, commit string, f *remoteFile) error {
	return h.retry(ctx, f.name, func() (progress bool, err error) {
		_, err = h.resolveOnce(ctx, repo, commit, f)
		return false, err
	})
}

// resolveOnce asks where a file's bytes are and gives that address: the server's own, or a
// signed one of a storage server, which expires after a while. It notes size and hash,
// and compares them if they are known.
func (h *Hub) resolveOnce(ctx context.Context, repo, commit string, f *remoteFile) (*url.URL, error) {
	u := h.fileURL(repo, commit, f.name)
	header := http.Header{} // what the redirects said; the storage server does not know it
	for range maxRedirects {
		resp, err := h.request(ctx, http.MethodHead, u, -1, 0)
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		for _, key := range []string{"X-Repo-Commit", "X-Linked-Etag", "X-Linked-Size"} {
			if v := resp.Header.Get(key); v != "" && header.Get(key) == "" {
				header.Set(key, v)
			}
		}
		next, err := redirect(resp)
		switch {
		case err != nil:
			return nil, err
		case next == nil && resp.StatusCode != http.StatusOK:
			return nil, h.statusError(resp)
		case next == nil:
			header.Set("Etag", resp.Header.Get("Etag"))
			header.Set("Content-Length", resp.Header.Get("Content-Length"))
			return u, f.note(commit, header)
		case !h.ours(next):
			return next, f.note(commit, header)
		}
		u = next
	}
	return nil, fmt.Errorf("%s redirects without an end", h.endpoint.Host)
}

// note takes size and hash from an answer's header, or compares them with those known.
func (f *remoteFile) note(commit string, header http.Header) error {
	if c := header.Get("X-Repo-Commit"); c != "" && c != commit {
		return fmt.Errorf("%s: the server answers for commit %.40q instead of %s", f.name, c, commit)
	}
	etag := cmp.Or(header.Get("X-Linked-Etag"), header.Get("Etag"))
	etag = strings.ToLower(strings.Trim(strings.TrimPrefix(etag, "W/"), `"`))
	switch {
	case !etagName.MatchString(etag) && f.etag == "":
		return fmt.Errorf("%s: the server gives no SHA-256 or git hash, so that the file could not be checked; use another HF_ENDPOINT", f.name)
	case f.etag == "":
		f.etag = etag
	case etagName.MatchString(etag) && etag != f.etag:
		return fmt.Errorf("%s: the server contradicts itself: its hash is %s, and %s in the list of files", f.name, etag, f.etag)
	}
	size, err := strconv.ParseInt(cmp.Or(header.Get("X-Linked-Size"), header.Get("Content-Length")), 10, 64)
	switch {
	case err != nil && f.size < 0:
		return fmt.Errorf("%s: the server does not give its size", f.name)
	case err == nil && f.size < 0:
		f.size = size
		return f.checkSize()
	case err == nil && size != f.size:
		return fmt.Errorf("%s: the server contradicts itself: its size is %d, and %d in the list of files", f.name, size, f.size)
	}
	return nil
}
