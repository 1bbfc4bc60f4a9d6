package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// Prompts of 608 tokens with answers of 8, all submitted at once: of which 600 tokens are the same, and which
// part at the first token. An op is a prompt: -benchtime 1000x is a thousand of them.
func BenchmarkPrefix(b *testing.B) {
	m := load(b, nano, Options{Sequences: 16, Context: 1024})
	for _, c := range []struct {
		name   string
		differ int // the token in which prompts differ
	}{{"shared", 600}, {"apart", 0}} {
		b.Run(c.name, func(b *testing.B) {
			cold(b, m)
			var asked []Request
			for i := range b.N {
				prompt := someIDs(m, 1, 608)
				prompt[c.differ] = int32(i % m.cfg.Vocab)
				asked = append(asked, Request{Prompt: prompt, MaxTokens: 8})
			}
			before := m.Counters().Computed
			b.ResetTimer()
			if _, err := m.GenerateBatch(context.Background(), asked); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(m.Counters().Computed-before)/float64(b.N), "prompt-tokens/op")
		})
	}
}

// What 16 answers lose where some of them are masked, by masks that take no time, or some, in which they leave the cores to
// the device, should that be a CPU: batches of plain and of masked answers in turn, by what a tenth
// of their steps take at most: what else the machine does counts little.
func BenchmarkMasked(b *testing.B) {
	const n, steps = 16, 24
	m := load(b, nano, Options{Sequences: n, Context: 256})
	batch := func(masked int, cost time.Duration) (times []time.Duration) {
		var requests []Request
		for i := range n {
			r := Request{Prompt: someIDs(m, uint64(i), 8), MaxTokens: steps + 1}
			if i < masked {
				r.Mask = func(_ int32, allowed []uint32) error {
					if cost > 0 {
						time.Sleep(cost)
					}
					for i := range allowed {
						allowed[i] = 0x55555555
					}
					return nil
				}
			}
			requests = append(requests, r)
		}
		results, err := m.GenerateBatch(context.Background(), requests)
		if err != nil {
			b.Fatal(err)
		}
		return results[n-1].Steps[1:]
	}
	for _, cost := range []time.Duration{0, 200 * time.Microsecond, time.Millisecond} {
		for _, masked := range []int{1, 8, 16} {
			b.Run(fmt.Sprintf("%d of %d, %v", masked, n, cost), func(b *testing.B) {
				batch(0, 0)
				batch(masked, cost)
				var plain, some []time.Duration
				for b.Loop() {
					plain, some = append(plain, batch(0, 0)...), append(some, batch(masked, cost)...)
				}
				slices.Sort(plain)
				slices.Sort(some)
				before, now := float64(plain[len(plain)/10].Microseconds()), float64(some[len(some)/10].Microseconds())
				b.ReportMetric(before, "plain-µs/step")
				b.ReportMetric(now, "masked-µs/step")
				b.ReportMetric(100*(1-before/now), "%-lost")
			})
		}
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
