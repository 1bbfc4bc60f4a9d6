package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// download brings one file into an incomplete blob.
type download struct {
	hub      *Hub
	repo     string
	commit   string
	file     *remoteFile
	progress func(delta int64)

	out    *os.File
	ranges *ranges

	mu       sync.Mutex
	location *url.URL // nil: to be asked for
}

// errNoRanges says that a server sends whole files only.
var errNoRanges = errors.New("the server does not send parts of files")

// errDamaged says that the bytes are not those that the hash names.
var errDamaged = errors.New("damaged on the way")

// fetch makes the blob of d.file, which must be resolved. Damaged bytes are fetched
// once more, all of them.
func (d *download) fetch(ctx context.Context, blob string) error {
	incomplete, notes := incompleteNames(blob)
	for try := 0; ; try++ {
		err := d.attempt(ctx, incomplete, notes)
		switch {
		case err == nil:
			if err := os.Rename(incomplete, blob); err != nil {
				return err
			}
			d.ranges.remove()
			return nil
		case !errors.Is(err, errDamaged):
			if d.ranges != nil && d.ranges.total() == 0 {
				os.Remove(incomplete)
				d.ranges.remove()
			}
			return err
		}
		d.progress(-d.file.size)
		os.Remove(incomplete)
		d.ranges.remove()
		if try > 0 {
			return fmt.Errorf("%w twice; nothing of it was kept: try again later, or another HF_ENDPOINT", err)
		}
		d.hub.config.Notice(fmt.Sprintf("%s: %v; downloading it again", d.file.name, err))
	}
}

// incompleteNames are the names of a blob and its notes while it is made.
func incompleteNames(blob string) (incomplete, notes string) {
	return blob + ".sealvk.incomplete", blob + ".sealvk.ranges"
}

// attempt fetches what misses, in parts or, if the server sends no parts, as a whole.
func (d *download) attempt(ctx context.Context, incomplete, notes string) (err error) {
	if info, err := os.Lstat(incomplete); err == nil && !info.Mode().IsRegular() {
		os.Remove(incomplete) // a link that somebody put into a shared cache must not be written through
	}
	d.out, err = os.OpenFile(incomplete, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.out.Close()) }()
	d.ranges = newRanges(notes, d.file.size, d.hub.config.Part, d.hub.saveEvery)
	if info, err := d.out.Stat(); err == nil && info.Size() == d.file.size {
		d.ranges.load()
	}
	if err := d.out.Truncate(d.file.size); err != nil {
		return err
	}
	d.progress(d.ranges.total())
	err = d.run(ctx)
	if errors.Is(err, errNoRanges) {
		d.progress(-d.ranges.total())
		d.ranges = newRanges(notes, d.file.size, d.file.size, d.hub.saveEvery)
		err = d.run(ctx)
	}
	if err != nil {
		return err
	}
	return d.out.Sync()
}

// run fetches parts over several connections, while the bytes are hashed in order
// behind them.
func (d *download) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	todo := slices.DeleteFunc(slices.Clone(d.ranges.parts), func(p *part) bool { return d.ranges.next(p) == p.end })
	missing := make(chan *part, len(todo))
	for _, p := range todo {
		missing <- p
	}
	close(missing)
	for range min(len(todo), d.hub.config.Connections) {
		group.Go(func() error {
			for p := range missing {
				if err := d.fetchPart(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var sum string
	group.Go(func() (err error) {
		sum, err = d.hash(ctx)
		return err
	})
	switch err := group.Wait(); {
	case errors.Is(err, errNoRanges):
		return err
	case err != nil:
		d.ranges.flush()
		return err
	case sum != d.file.etag:
		return fmt.Errorf("%w (its hash is %s, not %s)", errDamaged, sum, d.file.etag)
	}
	return nil
}

// hash gives the file's SHA-256 or git hash, whichever its etag is, reading each part
// as soon as it and all before it are there.
func (d *download) hash(ctx context.Context) (string, error) {
	var sum hash.Hash = sha256.New()
	if len(d.file.etag) == 2*sha1.Size {
		sum = sha1.New()
		fmt.Fprintf(sum, "blob %d\x00", d.file.size)
	}
	for _, p := range d.ranges.parts {
		select {
		case <-p.ready:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		if _, err := io.Copy(sum, io.NewSectionReader(d.out, p.start, p.end-p.start)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// fetchPart fetches what misses of a part, trying again from where it broke.
func (d *download) fetchPart(ctx context.Context, p *part) error {
	buffer := make([]byte, 256<<10)
	return d.hub.retry(ctx, d.file.name, func() (bool, error) {
		before := d.ranges.next(p)
		if before == p.end {
			return false, nil
		}
		err := d.fetchOnce(ctx, p, buffer)
		return d.ranges.next(p) > before, err
	})
}

func (d *download) fetchOnce(ctx context.Context, p *part, buffer []byte) error {
	location, err := d.where(ctx)
	if err != nil {
		return err
	}
	first, last := d.ranges.next(p), p.end-1
	if first == 0 && p.end == d.file.size {
		first = -1
	}
	resp, err := d.hub.get(ctx, location, first, last)
	if err != nil {
		var r refusal
		if errors.As(err, &r) && r.status < 500 && r.status != http.StatusTooManyRequests {
			d.moved(location)
		}
		return err
	}
	defer resp.Body.Close()
	if err := d.checkRange(resp, p, max(first, 0)); err != nil {
		return err
	}
	return d.copy(resp.Body, p, buffer)
}

// where gives the address of the bytes.
func (d *download) where(ctx context.Context) (*url.URL, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.location == nil {
		u, err := d.hub.resolveOnce(ctx, d.repo, d.commit, d.file)
		if err != nil {
			return nil, err
		}
		d.location = u
	}
	return d.location, nil
}

// moved notes that an address is of no use any more: signed ones expire.
func (d *download) moved(from *url.URL) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.location == from {
		d.location = nil
	}
}

// checkRange reports whether an answer holds the bytes of p from first on.
func (d *download) checkRange(resp *http.Response, p *part, first int64) error {
	host := resp.Request.URL.Host
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fmt.Errorf("%s sends the file encoded (%.20q), which was not asked for", host, e)
	}
	if resp.StatusCode == http.StatusPartialContent {
		want := fmt.Sprintf("bytes %d-%d/%d", first, p.end-1, d.file.size)
		if got := resp.Header.Get("Content-Range"); strings.TrimSpace(got) != want {
			return transient{error: fmt.Errorf("%s sends %.60q of the file, not %q", host, got, want)}
		}
		return nil
	}
	if p.start != 0 || p.end != d.file.size {
		return errNoRanges
	}
	if n := resp.ContentLength; n >= 0 && n != d.file.size {
		return transient{error: fmt.Errorf("%s sends %d bytes, the file has %d", host, n, d.file.size)}
	}
	d.progress(-d.ranges.restart(p))
	return nil
}

// copy writes an answer's bytes to their place, at most those of the part.
func (d *download) copy(body io.Reader, p *part, buffer []byte) error {
	for at := d.ranges.next(p); at < p.end; {
		n, err := body.Read(buffer[:min(int64(len(buffer)), p.end-at)])
		if n > 0 {
			if _, err := d.out.WriteAt(buffer[:n], at); err != nil {
				return err
			}
			at += int64(n)
			d.ranges.add(p, int64(n))
			d.progress(int64(n))
		}
		switch {
		case at == p.end:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return transient{error: fmt.Errorf("the answer ended %d bytes early", p.end-at)}
		case err != nil:
			return err
		}
	}
	return nil
}
