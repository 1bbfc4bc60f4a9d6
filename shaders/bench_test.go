package shaders

import (
	"fmt"
	"testing"
	"time"

	"sealvk/vk"
)

// BenchmarkMatMul reports the rate at which weights are read, for mat-vec and
// for the tokens of a prefill workgroup.
func BenchmarkMatMul(b *testing.B) {
	const rows, cols = 2048, 3072
	tuning := DefaultTuning(device.Caps())
	set, err := New(device, Config{Types: allTypes, KVF16: true, Tuning: tuning})
	if err != nil {
		b.Fatal(err)
	}
	defer set.Free()
	for _, typ := range allTypes {
		for _, tokens := range []int{1, 2 * tuning.PrefillTokens} {
			b.Run(fmt.Sprintf("%s/tokens=%d", name(typ), tokens), func(b *testing.B) {
				buffer := func(bytes int64) *vk.Buffer {
					r, err := device.NewBuffer("bench", bytes, vk.DeviceLocal)
					if err != nil {
						b.Fatal(err)
					}
					if err := device.Write(r.All(), make([]byte, bytes)); err != nil {
						b.Fatal(err)
					}
					return r
				}
				w, x, y := buffer(typ.DeviceBytes(rows, cols)), buffer(4*cols*int64(tokens)), buffer(4*rows*int64(tokens))
				c, err := device.NewCommands("bench")
				if err != nil {
					b.Fatal(err)
				}
				defer func() {
					c.Free()
					for _, r := range []*vk.Buffer{w, x, y} {
						r.Free()
					}
				}()
				m := &Matrix{Type: typ, Rows: rows, Cols: cols, Parts: []Part{{Data: w.All(), Rows: rows}}}
				set.MatMul(c, "bench", m, x.All(), y.All(), 0, tokens)
				if err := c.End(); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(w.Size())
				for b.Loop() {
					t, err := device.Submit(c)
					if err != nil {
						b.Fatal(err)
					}
					if err := device.Wait(t, time.Minute); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(rows*cols*tokens)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
			})
		}
	}
}
