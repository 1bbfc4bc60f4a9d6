package vk

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	vulkan "github.com/vulkan-go/vulkan"
)

// testChunk is that of the tests' uploaders.
const testChunk = 1 << 20

// testUploader has few buffers, so that each is used again and again.
func testUploader(t *testing.T, d *Device) *Uploader {
	t.Helper()
	u, err := d.NewUploader(testChunk, 4)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// only is what Write takes for one range.
func only(r Range, fill func(p []byte) error) ([]Range, func([][]byte) error) {
	return []Range{r}, func(parts [][]byte) error { return fill(parts[0]) }
}

// Many goroutines fill pieces of one buffer, two at a time, through the ring or directly.
func TestUploaderConcurrently(t *testing.T) {
	d := openTest(t)
	const size = 25*testChunk + 4321
	want := pattern(size, 7)
	for _, b := range []*Buffer{newBuffer(t, d, "mapped or not", size, DeviceLocal), hidden(t, d, "hidden", size)} {
		u := testUploader(t, d)
		var wg sync.WaitGroup
		const piece = 99991 // odd, so that neighbours share words
		next := make(chan int64)
		for range 8 {
			wg.Go(func() {
				for offset := range next {
					n := min(piece, size-offset)
					to := []Range{b.Range(offset, n/2), b.Range(offset+n/2, n-n/2)}
					err := u.Write(to, func(parts [][]byte) error {
						for i, r := range to {
							if int64(len(parts[i])) != r.Size {
								t.Errorf("%d bytes to fill, want %d", len(parts[i]), r.Size)
							}
							copy(parts[i], want[r.Offset:])
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		for offset := int64(0); offset < size; offset += piece {
			next <- offset
		}
		close(next)
		wg.Wait()
		if err := u.Flush(); err != nil {
			t.Fatal(err)
		}
		u.Free()
		got := make([]byte, size)
		if err := d.Read(got, b.All()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the upload came out different", b.Name())
		}
		b.Free()
	}
	if s := d.Stats(); s.AllocatedBytes != 0 {
		t.Errorf("after freeing: %+v", s)
	}
}

// A piece may have a range that the host sees and one that it does not.
func TestUploaderOfBothKinds(t *testing.T) {
	d := openTest(t)
	seen, unseen := newBuffer(t, d, "mapped", 64, Upload), hidden(t, d, "hidden", 64)
	defer seen.Free()
	defer unseen.Free()
	u := testUploader(t, d)
	defer u.Free()
	want := pattern(64, 3)
	err := u.Write([]Range{seen.All(), unseen.Range(4, 60), seen.Range(0, 4)}, func(parts [][]byte) error {
		copy(parts[0], want)
		copy(parts[1], want)
		copy(parts[2], want[60:])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Flush(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 60)
	if err := d.Read(got, unseen.Range(4, 60)); err != nil || !bytes.Equal(got, want[:60]) {
		t.Errorf("%v (%v), want %v", got, err, want[:60])
	}
	if p := seen.Bytes(); !bytes.Equal(p[:4], want[60:]) || !bytes.Equal(p[4:], want[4:]) {
		t.Errorf("the mapped one has %v", p)
	}
}

// The device is still busy with something else: a slot is used again, and freed, only when its
// copy is done, Flush waits for all of them, in whatever order the slots came back, and what is submitted
// from then on comes behind them.
func TestUploaderBehindOtherWork(t *testing.T) {
	d := openTest(t)
	other, free := slow(t, d, 4)
	defer free()
	b := hidden(t, d, "hidden", 64)
	defer b.Free()
	defer func() { _ = d.Wait(d.time.last(), testTimeout) }() // before anything is freed, whatever went wrong
	u := testUploader(t, d)
	fill := func(i int64) {
		t.Helper()
		if err := u.Write(only(b.Range(4*i, 4), func(p []byte) error { copy(p, words(uint32(i))); return nil })); err != nil {
			t.Fatal(err)
		}
	}
	submitted := func() {
		t.Helper()
		if err := d.Wait(d.time.last(), testTimeout); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Submit(other); err != nil {
			t.Fatal(err)
		}
	}
	submitted()
	for i := range int64(16) { // each slot several times
		fill(i)
	}
	if err := u.Flush(); err != nil {
		t.Fatal(err)
	}
	submitted()
	fill(3)
	for range len(u.slots) - 1 { // the newest comes first
		u.free <- <-u.free
	}
	if err := u.Flush(); err != nil {
		t.Fatal(err)
	}
	if last, done := d.time.last(), d.time.completed.Load(); done < uint64(last) {
		t.Errorf("flushed, and ticket %d of %d is reached", done, last)
	}
	if value, r := d.fn.semaphoreValue(d.uploads.time.semaphore); r != vulkan.Success || value != 17 {
		t.Errorf("%d of 17 copies are done (%v)", value, r)
	}
	for i, v := range readWords(t, d, b.All()) {
		if v != uint32(i) {
			t.Errorf("word %d is %d", i, v)
		}
	}
	submitted()
	fill(0)
	u.Free()
}

func TestUploaderErrors(t *testing.T) {
	d := openTest(t)
	u := testUploader(t, d)
	b := hidden(t, d, "hidden", 2*testChunk)
	defer b.Free()
	fill := func([][]byte) error { return nil }
	broken := errors.New("broken file")
	if err := u.Write([]Range{b.Range(0, 5)}, func([][]byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("fill's error: %v", err)
	}
	if err := u.Write([]Range{b.Range(0, testChunk), b.Range(testChunk, 1)}, fill); err == nil {
		t.Error("more than a chunk: no error")
	}
	if err := u.Write([]Range{b.Range(2*testChunk, 1)}, fill); err == nil {
		t.Error("past the end: no error")
	}
	for i := range int64(20) { // the failures lost no slot
		if err := u.Write([]Range{b.Range(i, 1)}, fill); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Flush(); err != nil {
		t.Error(err)
	}
	u.Free()
	u.Free()
	if err := u.Write([]Range{b.Range(0, 1)}, fill); !errors.Is(err, errUploaderFreed) {
		t.Errorf("after Free: %v", err)
	}
	if err := u.Flush(); !errors.Is(err, errUploaderFreed) {
		t.Errorf("flush after Free: %v", err)
	}
}
