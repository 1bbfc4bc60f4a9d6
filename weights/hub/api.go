package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// repoInfo is what the server says of one revision of a repository, checked.
type repoInfo struct {
	commit string
	files  map[string]*remoteFile // by name
}

// remoteFile is a file of a commit on the server.
type remoteFile struct {
	name string
	size int64  // -1 until the server gave it
	etag string // SHA-256 or git's SHA-1, "" until the server gave it
}

// maxInfo bounds the answer about a repository, in bytes, and so what reading it takes;
// one of 10,000 files has about 3 MB.
const maxInfo = 16 << 20

// maxFile bounds a file in bytes, and so what is set aside for its parts.
const maxFile = 1 << 40

// info asks for a revision's commit and files.
func (h *Hub) info(ctx context.Context, ref Ref) (*repoInfo, error) {
	u := h.endpoint.JoinPath("api", "models", ref.Repo, "revision", url.PathEscape(ref.Revision))
	u.RawQuery = "blobs=true"
	var answer modelAnswer
	err := h.retry(ctx, ref.Repo, func() (bool, error) {
		resp, err := h.get(ctx, u, -1, 0)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxInfo+1))
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return false, transient{error: fmt.Errorf("%s cut its answer short", u.Host)}
		case err != nil:
			return false, err
		case len(body) > maxInfo:
			return false, fmt.Errorf("%s answers with more than %d MiB about one repository", u.Host, maxInfo>>20)
		}
		answer = modelAnswer{}
		if json.Unmarshal(body, &answer) != nil {
			return false, fmt.Errorf("%s does not answer as the Hugging Face Hub does; is HF_ENDPOINT right?", u.Host)
		}
		return true, nil
	})
	if err != nil {
		return nil, h.explain(ref, err)
	}
	info, err := answer.check(u.Host)
	if err != nil {
		return nil, fmt.Errorf("hub: %s: %w", ref, err)
	}
	return info, nil
}

// modelAnswer is the JSON of GET /api/models/{repo}/revision/{revision}?blobs=true.
type modelAnswer struct {
	SHA      string `json:"sha"`
	Siblings []struct {
		Name   string `json:"rfilename"`
		Size   *int64 `json:"size"`
		BlobID string `json:"blobId"`
		LFS    *struct {
			SHA256 string `json:"sha256"`
			Size   *int64 `json:"size"`
		} `json:"lfs"`
	} `json:"siblings"`
}

func (a *modelAnswer) check(host string) (*repoInfo, error) {
	if !commitName.MatchString(a.SHA) {
		return nil, fmt.Errorf("%s names no commit", host)
	}
	info := &repoInfo{commit: a.SHA, files: map[string]*remoteFile{}}
	for _, s := range a.Siblings {
		switch {
		case !staysInside(s.Name):
			return nil, fmt.Errorf("%s lists a file %.100q, which would leave the cache's folder; nothing was downloaded", host, s.Name)
		case !printable(s.Name):
			continue
		}
		f := &remoteFile{name: s.Name, size: -1, etag: s.BlobID}
		size := s.Size
		if s.LFS != nil {
			f.etag, size = strings.ToLower(s.LFS.SHA256), s.LFS.Size
		}
		if !etagName.MatchString(f.etag) {
			f.etag = "" // the file's own answer has it
		}
		if size != nil {
			f.size = *size
			if err := f.checkSize(); err != nil {
				return nil, err
			}
		}
		info.files[s.Name] = f
	}
	return info, nil
}

func (f *remoteFile) checkSize() error {
	if f.size < 0 || f.size > maxFile {
		return fmt.Errorf("%s: the server gives a size of %d bytes", f.name, f.size)
	}
	return nil
}

// explain turns the server's refusals into what the user can do.
func (h *Hub) explain(ref Ref, err error) error {
	var r refusal
	if !errors.As(err, &r) || r.host != h.endpoint.Host { // a storage server knows nothing of repositories
		return fmt.Errorf("hub: %s: %w", ref, err)
	}
	page := h.page(ref.Repo)
	denied := r.status == http.StatusUnauthorized || r.status == http.StatusForbidden
	switch {
	case denied && r.code == "GatedRepo":
		return fmt.Errorf("hub: %s is gated (%w): accept its terms at %s and set HF_TOKEN to a token of that account", ref.Repo, err, page)
	case denied && h.config.Token != "":
		return fmt.Errorf("hub: %s: %w: there is no such repository, or the token (HF_TOKEN) may not read it; "+
			"check the name, the token's rights, and whether terms are to be accepted at %s", ref.Repo, err, page)
	case denied:
		return fmt.Errorf("hub: %s: %w: there is no such repository, or it is private or gated; "+
			"check the name, accept its terms at %s if it has any, and set HF_TOKEN", ref.Repo, err, page)
	case r.status == http.StatusNotFound && r.code == "RevisionNotFound":
		return fmt.Errorf("hub: %s has no revision %q (%w): see %s/commits/main", ref.Repo, ref.Revision, err, page)
	case r.status == http.StatusNotFound:
		return fmt.Errorf("hub: %s is not there (%w): check the name; for a private repository set HF_TOKEN", ref, err)
	}
	return fmt.Errorf("hub: %s: %w", ref, err)
}
