package vk

import "testing"

// BenchmarkSubmitWait is the cost of one step's host side: submit and wait.
func BenchmarkSubmitWait(b *testing.B) {
	d := openWith(b, Config{}, "")
	c := newCommands(b, d, "empty")
	defer c.Free()
	if err := c.End(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		submit(b, d, c)
	}
}

// BenchmarkRecord is the cost of recording one dispatch that needs a barrier.
func BenchmarkRecord(b *testing.B) {
	d := openWith(b, Config{}, "")
	p, buf := newStep(b, d, 0), newBuffer(b, d, "b", 4096, DeviceLocal)
	defer p.Free()
	defer buf.Free()
	c := newCommands(b, d, "c")
	defer c.Free()
	bindings := []Binding{{buf.Range(0, 256), ReadOnly}, {buf.Range(0, 256), WriteOnly}}
	push := words(64, 1, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 999 {
			if err := c.Reset(); err != nil {
				b.Fatal(err)
			}
		}
		c.Dispatch("step", p, push, bindings, 1, 1, 1)
	}
}
