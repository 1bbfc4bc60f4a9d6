package batch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
)

// A small limit makes sets grow over the border between memory and file, which is compared with
// maps.
func TestSeen(t *testing.T) {
	dir := t.TempDir()
	s := NewSeen(dir)
	s.most = 4 * firstKeys
	defer s.Close()
	want := map[string]bool{}
	r := rand.New(rand.NewPCG(1, 2))
	for range 120_000 {
		id := fmt.Sprint("request-", r.IntN(60_000))
		fresh, err := s.Add(id)
		if err != nil {
			t.Fatal(err)
		}
		if fresh == want[id] {
			t.Fatalf("%s: fresh is %v", id, fresh)
		}
		want[id] = true
	}
	if len(s.runs) < 3 || len(s.table) != s.most {
		t.Errorf("%d runs, and %d places in memory", len(s.runs), len(s.table))
	}
	noFiles(t, dir)
}

func TestDone(t *testing.T) {
	dir := t.TempDir()
	d := NewDone(dir)
	d.inMemory = 100
	defer d.Close()
	want := map[int64]Hash{}
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		i, h := r.Int64N(6000), Hash(r.Uint64())
		if r.IntN(2) == 0 {
			i %= 90
		}
		if err := d.Set(i, h); err != nil {
			t.Fatal(err)
		}
		want[i] = h
	}
	for i := range int64(7000) {
		if got, err := d.Get(i); got != want[i] || err != nil {
			t.Fatalf("line %d: %v, %v, want %v", i, got, err, want[i])
		}
	}
	noFiles(t, dir)
}

// noFiles holds that what a process writes there doesn't outlive it, even if it is killed.
func noFiles(t *testing.T, dir string) {
	t.Helper()
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v", files, err)
	}
}

// A disk that can't be written to is told.
func TestSeenAndDoneTellErrors(t *testing.T) {
	s := NewSeen("nowhere")
	s.most = 0
	var err error
	for i := 0; err == nil && i < firstKeys; i++ {
		_, err = s.Add(fmt.Sprint(i))
	}
	if err == nil || !strings.HasPrefix(err.Error(), "batch: ids that were seen: open nowhere/") {
		t.Error(err)
	}
	s.Close()
	d := NewDone("nowhere")
	d.inMemory = 0
	if err := d.Set(0, 1); err == nil || !strings.HasPrefix(err.Error(), "batch: lines that are done: open nowhere/") {
		t.Error(err)
	}
	d.Close()
	if full, err := os.OpenFile("/dev/full", os.O_RDWR, 0); err == nil {
		d.file = full
		if err := d.Set(0, 1); err != nil {
			t.Error(err)
		}
		if err := d.Set(pageHashes, 1); err == nil || !strings.HasSuffix(err.Error(), "no space left on device") {
			t.Error(err)
		}
		full.Close()
	}
}

// BenchmarkSeen adds five million ids and reports what of the process is resident.
func BenchmarkSeen(b *testing.B) {
	for b.Loop() {
		s := NewSeen(b.TempDir())
		for i := range 5_000_000 {
			if fresh, err := s.Add(fmt.Sprint("request-", i)); !fresh || err != nil {
				b.Fatal(fresh, err)
			}
		}
		s.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5e6, "ns/id")
	residentBytes(b)
}

// BenchmarkDone keeps and looks up five million lines.
func BenchmarkDone(b *testing.B) {
	for b.Loop() {
		d := NewDone(b.TempDir())
		for i := range int64(5_000_000) {
			if err := d.Set(i, Hash(i+1)); err != nil {
				b.Fatal(err)
			}
		}
		for i := range int64(5_000_000) {
			if h, err := d.Get(i); h != Hash(i+1) || err != nil {
				b.Fatal(h, err)
			}
		}
		d.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5e6, "ns/line")
	residentBytes(b)
}

func residentBytes(b *testing.B) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	var kB float64
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Sscan(rest, &kB)
		}
	}
	b.ReportMetric(kB/1024, "MiB-peak")
}
