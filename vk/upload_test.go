package vk

import (
	"bytes"
	"errors"
	"sync"
	"testing"
)

// Many goroutines fill pieces of one buffer, through the ring or directly.
func TestUploaderConcurrently(t *testing.T) {
	d := openTest(t)
	const size = 3*slotBytes + 4321
	want := pattern(size, 7)
	for _, b := range []*Buffer{newBuffer(t, d, "mapped or not", size, DeviceLocal), hidden(t, d, "hidden", size)} {
		d.caps.Memory.Mapped = d.caps.Memory.Mapped && b.Bytes() != nil // else the ring is made at once
		u, err := d.NewUploader()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		const piece = 99991 // odd, so that neighbours share words
		next := make(chan int64)
		for range 8 {
			wg.Go(func() {
				for offset := range next {
					n := min(piece, size-offset)
					err := u.Write(b.Range(offset, n), func(p []byte) error {
						if int64(len(p)) != n {
							t.Errorf("%d bytes to fill, want %d", len(p), n)
						}
						copy(p, want[offset:])
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

// The device is still busy with something else: a slot is used again, and freed, only when its
// copy is done, and Flush waits for all of them, in whatever order the slots came back.
func TestUploaderBehindOtherWork(t *testing.T) {
	d := openTest(t)
	other, free := slow(t, d, 4)
	defer free()
	b := hidden(t, d, "hidden", 64)
	defer b.Free()
	defer func() { _ = d.Wait(d.time.last(), testTimeout) }() // before anything is freed, whatever went wrong
	u, err := d.NewUploader()
	if err != nil {
		t.Fatal(err)
	}
	fill := func(i int64) {
		t.Helper()
		if err := u.Write(b.Range(4*i, 4), func(p []byte) error { copy(p, words(uint32(i))); return nil }); err != nil {
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
	for range ringSlots - 1 { // the newest comes first
		u.free <- <-u.free
	}
	if err := u.Flush(); err != nil {
		t.Fatal(err)
	}
	if last, done := d.time.last(), d.time.completed.Load(); done < uint64(last) {
		t.Errorf("flushed, and ticket %d of %d is reached", done, last)
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
	u, err := d.NewUploader()
	if err != nil {
		t.Fatal(err)
	}
	b := hidden(t, d, "hidden", 2*slotBytes)
	defer b.Free()
	fill := func(p []byte) error { return nil }
	broken := errors.New("broken file")
	if err := u.Write(b.Range(0, 5), func([]byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("fill's error: %v", err)
	}
	if err := u.Write(b.Range(0, u.MaxChunk()+1), fill); err == nil {
		t.Error("more than MaxChunk: no error")
	}
	if err := u.Write(b.Range(2*slotBytes, 1), fill); err == nil {
		t.Error("past the end: no error")
	}
	for i := range int64(20) { // the failures lost no slot
		if err := u.Write(b.Range(i, 1), fill); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Flush(); err != nil {
		t.Error(err)
	}
	u.Free()
	u.Free()
	if err := u.Write(b.Range(0, 1), fill); !errors.Is(err, errUploaderFreed) {
		t.Errorf("after Free: %v", err)
	}
	if err := u.Flush(); !errors.Is(err, errUploaderFreed) {
		t.Errorf("flush after Free: %v", err)
	}
}
