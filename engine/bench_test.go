package engine

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"sealvk/weights"
)

// Loading beside two plain reads of the same file from the page cache: into memory
// that is used again and again, and into memory that is new, as a loaded model's is.
func BenchmarkLoad(b *testing.B) {
	for _, mix := range []string{"Q4_K_M", "Q8_0", "BF16"} {
		path := filepath.Join(b.TempDir(), mix+".gguf")
		shape, err := weights.ParseShape("seallm-7b-v2.5:layers=2,vocab=32000")
		if err != nil {
			b.Fatal(err)
		}
		types, err := weights.ParseMix(mix)
		if err != nil {
			b.Fatal(err)
		}
		if err := weights.WriteSynth(context.Background(), path, shape, types, 1, nil); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		run := func(name string, do func(b *testing.B)) {
			b.Run(mix+"/"+name, func(b *testing.B) {
				b.SetBytes(info.Size())
				for b.Loop() {
					do(b)
				}
			})
		}
		run("read", func(b *testing.B) { plainRead(b, path, nil) })
		run("read into new memory", func(b *testing.B) { plainRead(b, path, make([]byte, info.Size())) })
		run("load", func(b *testing.B) {
			file, err := weights.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			m, err := Load(context.Background(), device, file, Options{Context: 256}, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			m.Close()
			file.Close()
			b.StartTimer()
		})
	}
}

// plainRead reads a file on all cores into to, nil for a small buffer of each core.
func plainRead(b *testing.B, path string, to []byte) {
	const step = 1 << 20
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			buffer := make([]byte, step)
			for {
				at := (next.Add(1) - 1) * step
				if to != nil && at < int64(len(to)) {
					buffer = to[at:min(at+step, int64(len(to)))]
				}
				n, err := f.ReadAt(buffer, at)
				if n == 0 || err == io.EOF {
					return
				} else if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
}
