package hub

import (
	"encoding/json"
	"io"
	"os"
	"sync"
	"time"
)

// part is a run of bytes of a file that one request asks for.
type part struct {
	start, end int64 // end exclusive
	ready      chan struct{}

	done int64 // bytes from start on that are in the file; guarded by ranges.mu
}

// ranges is which bytes of a file are there, and keeps that beside the file.
type ranges struct {
	path     string
	size     int64
	partSize int64 // bytes of every part but the last
	parts    []*part

	every time.Duration // between two notes: what a kill may cost

	mu    sync.Mutex
	saved time.Time
}

// savedRanges is the JSON of {etag}.sealvk.ranges.
type savedRanges struct {
	Size int64   `json:"size"`
	Part int64   `json:"part"`
	Done []int64 `json:"done"`
}

// newRanges cuts size bytes into parts, of which nothing is there.
func newRanges(path string, size, partSize int64, every time.Duration) *ranges {
	r := &ranges{path: path, size: size, partSize: partSize, every: every}
	for start := int64(0); start < size; start += partSize {
		r.parts = append(r.parts, &part{start: start, end: min(start+partSize, size), ready: make(chan struct{})})
	}
	return r
}

// load takes over what an earlier download has noted, if it is of the same size and
// parts. Whether the bytes are right shows at the end.
func (r *ranges) load() {
	b, err := readSmall(r.path, 64+24*int64(len(r.parts)))
	var s savedRanges
	if err != nil || json.Unmarshal(b, &s) != nil || s.Size != r.size || s.Part != r.partSize || len(s.Done) != len(r.parts) {
		return
	}
	for i, p := range r.parts {
		if s.Done[i] < 0 || s.Done[i] > p.end-p.start {
			return
		}
	}
	for i, p := range r.parts {
		p.done = s.Done[i]
		if p.start+p.done == p.end {
			close(p.ready)
		}
	}
}

// add notes n more bytes of a part.
func (r *ranges) add(p *part, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.done += n
	if p.start+p.done == p.end {
		close(p.ready)
	}
	if time.Since(r.saved) >= r.every {
		r.save()
	}
}

// restart forgets what is there of a part.
func (r *ranges) restart(p *part) (forgotten int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	forgotten, p.done = p.done, 0
	return forgotten
}

// next is where a part goes on.
func (r *ranges) next(p *part) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.start + p.done
}

// total is the number of bytes that are there.
func (r *ranges) total() (n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.parts {
		n += p.done
	}
	return n
}

// remove forgets the note.
func (r *ranges) remove() {
	os.Remove(r.path)
	os.Remove(r.path + ".tmp")
}

func (r *ranges) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.save()
}

// save writes the note; r.mu is held. Without it a resumed download begins anew, which
// is no reason to end this one.
func (r *ranges) save() {
	s := savedRanges{Size: r.size, Part: r.partSize}
	for _, p := range r.parts {
		s.Done = append(s.Done, p.done)
	}
	temporary := r.path + ".tmp" // one that a kill left behind is ours: the blob is locked
	os.Remove(temporary)
	_ = writeVia(temporary, r.path, func(w io.Writer) error { return json.NewEncoder(w).Encode(s) })
	r.saved = time.Now()
}
