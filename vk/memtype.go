package vk

import "slices"

// Memory says who reads and writes a buffer.
type Memory int

const (
	DeviceLocal Memory = iota // fastest for kernels; mapped only where that costs nothing
	Upload                    // written by the host, read by the device; mapped
	Readback                  // written by the device, read by the host; mapped, cached if possible
)

var memoryNames = [...]string{"device-local", "upload", "readback"}

func (m Memory) String() string { return memoryNames[m] }

// smallBAR is the window through which a GPU without resizable BAR shows its memory to
// the host. It is scarce and others need it.
const smallBAR = 256 << 20

// mapsDeviceLocal reports whether DeviceLocal buffers are to be host visible: the memory
// is one (integrated, CPU), or the whole of it is visible (resizable BAR).
func mapsDeviceLocal(m *MemoryCaps, t DeviceType) bool {
	var largest, visible int64
	for _, mt := range m.Types {
		if !mt.DeviceLocal || exotic(mt) {
			continue
		}
		size := m.Heaps[mt.Heap].Size
		largest = max(largest, size)
		if mt.HostVisible && mt.HostCoherent {
			visible = max(visible, size)
		}
	}
	if t == Integrated || t == CPU {
		return visible > 0 && visible >= largest/2
	}
	return visible > smallBAR && visible >= largest/2
}

// exotic memory types are lazily allocated, protected, or uncached for debugging.
func exotic(t MemoryType) bool { return t.Flags&^0xf != 0 }

// memoryTypes lists the types among bits (a bit per type) that may back m, the best
// first. DeviceLocal leaves device-local memory only on integrated devices, whose heaps
// are the same RAM.
func memoryTypes(c *MemoryCaps, t DeviceType, m Memory, bits uint32) []int {
	var types []int
	var ranks [32]int // of types, the least best
	for i, mt := range c.Types {
		if bits>>i&1 == 0 || exotic(mt) {
			continue
		}
		mapped := mt.HostVisible && mt.HostCoherent
		worse := func(by int, unless bool) {
			if !unless {
				ranks[i] += by
			}
		}
		switch m {
		case DeviceLocal:
			if !mt.DeviceLocal && t != Integrated {
				continue
			}
			worse(4, mt.DeviceLocal)
			worse(2, mapped == c.Mapped)
			worse(1, mt.HostVisible == c.Mapped)
		case Upload:
			if !mapped {
				continue
			}
			worse(2, !mt.DeviceLocal || c.Mapped && t != Discrete)
			worse(1, !mt.HostCached) // write-combined memory is read fastest by the device
		case Readback:
			if !mapped {
				continue
			}
			worse(2, mt.HostCached)
			worse(1, !mt.DeviceLocal || c.Mapped && t != Discrete)
		}
		types = append(types, i)
	}
	slices.SortStableFunc(types, func(a, b int) int { return ranks[a] - ranks[b] })
	return types
}
