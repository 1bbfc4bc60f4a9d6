package vk

import (
	"slices"
	"testing"
)

func TestMemoryTypes(t *testing.T) {
	const dl, hv, hc, ca, lazy, amdDebug = 1, 2, 4, 8, 0x10, 0x40
	const gib = 1 << 30
	type mt struct {
		heap  int
		flags uint32
	}
	caps := func(heaps []Heap, types ...mt) MemoryCaps {
		c := MemoryCaps{Heaps: heaps}
		for _, x := range types {
			c.Types = append(c.Types, newMemoryType(x.heap, x.flags))
		}
		return c
	}
	vram := func(size int64) Heap { return Heap{Size: size, DeviceLocal: true} }
	ram := Heap{Size: 32 * gib}
	for _, c := range []struct {
		name                    string
		typ                     DeviceType
		caps                    MemoryCaps
		bits                    uint32
		mapped                  bool
		device, upload, readOut int // first choice
		devices                 int // choices for DeviceLocal
	}{
		{"small BAR is left alone", Discrete,
			caps([]Heap{vram(8 * gib), ram, vram(256 << 20)}, mt{2, dl | hv | hc}, mt{0, dl}, mt{1, hv | hc}, mt{1, hv | hc | ca}),
			0xf, false, 1, 2, 3, 2},
		{"a small BAR is half of a small card", Discrete,
			caps([]Heap{vram(512 << 20), ram, vram(256 << 20)}, mt{2, dl | hv | hc}, mt{0, dl}, mt{1, hv | hc}, mt{1, hv | hc | ca}),
			0xf, false, 1, 2, 3, 2},
		{"resizable BAR", Discrete,
			caps([]Heap{vram(8 * gib), ram}, mt{0, dl}, mt{0, dl | hv | hc}, mt{1, hv | hc}, mt{1, hv | hc | ca}),
			0xf, true, 1, 2, 3, 2},
		{"one memory", CPU, caps([]Heap{vram(2 * gib)}, mt{0, dl | hv | hc | ca}), 1, true, 0, 0, 0, 1},
		{"integrated", Integrated,
			caps([]Heap{vram(16 * gib)}, mt{0, dl}, mt{0, dl | hv | hc}, mt{0, dl | hv | hc | ca}), 7, true, 1, 1, 2, 3},
		{"integrated with a carve-out may spill", Integrated,
			caps([]Heap{vram(512 << 20), ram}, mt{0, dl}, mt{1, hv | hc}, mt{1, hv | hc | ca}), 7, false, 0, 1, 2, 3},
		{"discrete must not spill", Discrete, caps([]Heap{vram(8 * gib), ram}, mt{0, dl}, mt{1, hv | hc}), 3, false, 0, 1, 1, 1},
		{"exotic types are not used", Discrete,
			caps([]Heap{vram(8 * gib), ram}, mt{0, dl | lazy}, mt{0, dl | hv | hc | amdDebug}, mt{0, dl}, mt{1, hv | hc}), 0xf, false, 2, 3, 3, 1},
		{"the buffer's types only", Discrete,
			caps([]Heap{vram(8 * gib), ram}, mt{0, dl}, mt{0, dl}, mt{1, hv | hc}), 0b110, false, 1, 2, 2, 1},
		{"not coherent is not mapped", Integrated,
			caps([]Heap{vram(8 * gib)}, mt{0, dl}, mt{0, dl | hv}, mt{0, dl | hv | hc}), 7, true, 2, 2, 2, 3},
	} {
		c.caps.Mapped = mapsDeviceLocal(&c.caps, c.typ)
		if c.caps.Mapped != c.mapped {
			t.Errorf("%s: mapped is %v", c.name, c.caps.Mapped)
		}
		for m, want := range map[Memory]int{DeviceLocal: c.device, Upload: c.upload, Readback: c.readOut} {
			got := memoryTypes(&c.caps, c.typ, m, c.bits)
			if len(got) == 0 || got[0] != want || m == DeviceLocal && len(got) != c.devices {
				t.Errorf("%s: %s: types %v, want %d first", c.name, m, got, want)
			}
			for _, i := range got {
				if exotic(c.caps.Types[i]) || slices.Index(got, i) != slices.IndexFunc(got, func(j int) bool { return j == i }) {
					t.Errorf("%s: %s: types %v", c.name, m, got)
				}
			}
		}
	}
}
