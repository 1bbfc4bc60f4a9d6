package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"sealvk/weights"
)

// Pull brings a model into the cache and gives its path, as Find does. Files that are
// there already cost nothing; a download that broke goes on where it was. progress,
// if not nil, is called from one goroutine at a time with the bytes that are there and
// those of all files.
func (h *Hub) Pull(ctx context.Context, ref Ref, progress func(done, total int64)) (string, error) {
	if h.config.Offline {
		if path, err := h.Find(ref); !errors.Is(err, ErrNotCached) {
			return path, err
		}
		return "", fmt.Errorf("hub: %s: no download in offline mode; unset HF_HUB_OFFLINE", ref)
	}
	info, err := h.info(ctx, ref)
	if err != nil {
		return "", err
	}
	names := slices.Collect(maps.Keys(info.files))
	if ref.What == "" && isFolder(names) {
		names = folderFiles(names)
	} else if names, err = chooseGGUF(names, ref.What); err != nil {
		return "", fmt.Errorf("hub: %s at %s: %w", ref, h.page(ref.Repo), err)
	}
	p := &pull{hub: h, ref: ref, commit: info.commit, report: progress}
	for _, name := range names {
		p.files = append(p.files, info.files[name])
	}
	if err := p.run(ctx); err != nil {
		return "", h.explain(ref, err)
	}
	if err := h.setRef(ref.Repo, ref.Revision, info.commit); err != nil {
		return "", fmt.Errorf("hub: %s: noting the commit: %w", ref, err)
	}
	return h.Find(Ref{ref.Repo, info.commit, ref.What})
}

// pull is the download of some files of a commit.
type pull struct {
	hub    *Hub
	ref    Ref
	commit string
	files  []*remoteFile

	mu          sync.Mutex
	report      func(done, total int64)
	done, total int64
}

// run brings the files one after the other; each large one takes all connections.
func (p *pull) run(ctx context.Context) error {
	var missing []*remoteFile
	for _, f := range p.files {
		if f.size < 0 || f.etag == "" {
			if err := p.hub.resolve(ctx, p.ref.Repo, p.commit, f); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
		p.total += f.size
		if fileSize(p.pointer(f)) == f.size {
			p.done += f.size
			continue
		}
		missing = append(missing, f)
	}
	if err := p.checkSpace(missing); err != nil {
		return err
	}
	for _, f := range missing {
		if err := p.fetch(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	p.add(0)
	return nil
}

func (p *pull) pointer(f *remoteFile) string {
	return filepath.Join(p.hub.snapshot(p.ref.Repo, p.commit), filepath.FromSlash(f.name))
}

func (p *pull) blob(f *remoteFile) string {
	return filepath.Join(p.hub.folder(p.ref.Repo), "blobs", f.etag)
}

// checkSpace finds before the first byte that a disk is too small.
func (p *pull) checkSpace(files []*remoteFile) error {
	var need int64
	for _, f := range files {
		if fileSize(p.blob(f)) != f.size {
			_, notes := incompleteNames(p.blob(f))
			r := newRanges(notes, f.size, p.hub.config.Part, p.hub.saveEvery)
			r.load()
			need += f.size - r.total()
		}
	}
	if need == 0 {
		return nil
	}
	if err := os.MkdirAll(p.hub.folder(p.ref.Repo), 0o777); err != nil {
		return err
	}
	if free, ok := weights.FreeSpace(p.hub.folder(p.ref.Repo)); ok && uint64(need) > free {
		return fmt.Errorf("%d MB to download, the disk of %s has %d MB free; make room, or set HF_HUB_CACHE to another disk",
			need>>20, p.hub.config.Cache, free>>20)
	}
	return nil
}

// fetch makes a file's blob, unless it is there, and links it. Whoever makes the blob
// at the moment, huggingface_hub too, is waited for.
func (p *pull) fetch(ctx context.Context, f *remoteFile) error {
	unlock, err := p.lock(ctx, f)
	if err != nil {
		return err
	}
	defer unlock()
	if fileSize(p.pointer(f)) == f.size { // made while we waited, on a system without links
		p.add(f.size)
		return nil
	}
	blob := p.blob(f)
	fresh := fileSize(blob) != f.size
	if fresh {
		if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
			return err
		}
		d := &download{hub: p.hub, repo: p.ref.Repo, commit: p.commit, file: f, progress: p.add}
		if err := d.fetch(ctx, blob); err != nil {
			return err
		}
	} else {
		p.add(f.size)
	}
	return p.hub.link(blob, p.pointer(f), fresh)
}

// lock waits until nobody else makes the file's blob.
func (p *pull) lock(ctx context.Context, f *remoteFile) (unlock func(), err error) {
	path := filepath.Join(p.hub.config.Cache, ".locks", folderName(p.ref.Repo), f.etag+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	l := flock.New(path, flock.SetPermissions(0o664)) // as huggingface_hub: a group may share the cache
	locked, err := l.TryLock()
	if err == nil && !locked {
		p.hub.config.Notice(fmt.Sprintf("%s: another program is downloading it; waiting", f.name))
		_, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	switch {
	case ctx.Err() != nil:
		l.Close()
		return nil, context.Cause(ctx)
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("locking %s: %w; set HF_HUB_CACHE to a folder on another file system", path, err)
	}
	return func() { l.Close() }, nil
}

// add reports n more bytes.
func (p *pull) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.report != nil {
		p.report(p.done, p.total)
	}
}
