package weights

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// align rounds up to GGUF's default alignment.
func align(n uint64) uint64 { return (n + 31) &^ 31 }

// layOut gives the tensors of a file that is to be written their places: in this order,
// without gaps but for the alignment. The result is the size of the data section.
func layOut(list []*Tensor) (end uint64) {
	for _, t := range list {
		t.offset, t.size = end, uint64(t.Rows)*uint64(t.RowBytes())
		end = align(end + t.size)
	}
	return end
}

// output is a GGUF file to be written: its header and tensors that were laid out.
type output struct {
	path     string
	header   []byte
	tensors  []*Tensor
	size     int64                   // of the file
	progress func(done, total int64) // if not nil: called from one goroutine at a time with bytes
}

// filler makes whole blocks of tensor i from block first on; len(dst) is their size. An
// error names its place.
type filler func(dst []byte, i, first int) error

func (o *output) fail(err error) error { return fmt.Errorf("weights: writing %s: %w", o.path, err) }

// write makes the file under another name and gives it its own when it is complete.
// Pieces of the tensors, unit blocks of tensor i or a multiple of that, are filled on all
// cores, by one filler each, and written at their place.
func (o *output) write(ctx context.Context, unit func(i int) int, newFiller func() filler) error {
	if info, err := os.Stat(o.path); err == nil && !info.Mode().IsRegular() {
		return o.fail(errors.New("exists and is not a regular file"))
	}
	dir, base := filepath.Split(o.path)
	if free, ok := FreeSpace(filepath.Clean(dir)); ok && uint64(o.size) > free {
		return o.fail(fmt.Errorf("needs %d MB, the disk has %d MB free", o.size>>20, free>>20))
	}
	part := filepath.Join(dir, fmt.Sprintf(".%s.%08x.part", base, rand.Uint32()))
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return o.fail(err)
	}
	err = o.writePieces(ctx, f, unit, newFiller)
	e := f.Close()
	if err == nil && e == nil {
		e = os.Rename(part, o.path)
	}
	if err == nil && e != nil {
		err = o.fail(e)
	}
	if err != nil {
		os.Remove(part)
	}
	return err
}

// piece is some blocks of a tensor.
type piece struct{ tensor, first, blocks int }

func (o *output) writePieces(ctx context.Context, f *os.File, unit func(i int) int, newFiller func() filler) error {
	if _, err := f.WriteAt(o.header, 0); err != nil {
		return o.fail(err)
	}
	if err := f.Truncate(o.size); err != nil {
		return o.fail(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pieces := make(chan piece)
	var wg sync.WaitGroup
	var progressing sync.Mutex
	done := int64(len(o.header))
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			fill := newFiller()
			var buffer []byte
			for p := range pieces {
				t := o.tensors[p.tensor]
				size := t.Type.BlockBytes()
				if len(buffer) < p.blocks*size {
					buffer = make([]byte, p.blocks*size)
				}
				b := buffer[:p.blocks*size]
				if err := fill(b, p.tensor, p.first); err != nil {
					cancel(err)
					continue
				}
				if _, err := f.WriteAt(b, int64(len(o.header))+int64(t.offset)+int64(p.first)*int64(size)); err != nil {
					cancel(o.fail(err))
				}
				progressing.Lock()
				if done += int64(len(b)); o.progress != nil {
					o.progress(done, o.size)
				}
				progressing.Unlock()
			}
		})
	}
	o.cut(ctx, unit, pieces)
	close(pieces)
	wg.Wait()
	if o.progress != nil && ctx.Err() == nil {
		o.progress(o.size, o.size)
	}
	return context.Cause(ctx)
}

// cut hands the tensors out in pieces of about 1 MiB.
func (o *output) cut(ctx context.Context, unit func(i int) int, pieces chan<- piece) {
	const size = 1 << 20
	for i, t := range o.tensors {
		blocks, u := int(t.size)/t.Type.BlockBytes(), unit(i)
		count := max(1, size/(u*t.Type.BlockBytes())) * u
		for first := 0; first < blocks && ctx.Err() == nil; first += count {
			pieces <- piece{i, first, min(count, blocks-first)}
		}
	}
}
