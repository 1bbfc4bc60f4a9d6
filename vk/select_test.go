package vk

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// gpu is a made-up device; the last argument is its memory in GiB.
func gpus(list ...*PhysicalDevice) []*PhysicalDevice {
	for i, pd := range list {
		pd.Index = i
	}
	return list
}

func gpu(name string, t DeviceType, id byte, gib int64) *PhysicalDevice {
	return &PhysicalDevice{Caps: Caps{Name: name, Type: t, DeviceUUID: UUID{15: id},
		Memory: MemoryCaps{Heaps: []Heap{{Size: gib << 30, DeviceLocal: true}}}}}
}

func TestSelect(t *testing.T) {
	old := gpu("Ancient", Discrete, 9, 4)
	old.Caps.Unsupported = "it supports only Vulkan 1.1"
	null := gpu("Null hardware", Discrete, 8, 0)
	null.Caps.CompileOnly = true
	all := gpus(
		gpu("llvmpipe", CPU, 1, 512),
		gpu("Iris Xe", Integrated, 2, 64),
		gpu("GeForce RTX 4090", Discrete, 3, 24),
		gpu("GeForce RTX 4090 D", Discrete, 4, 48),
		gpu("Virtio", Virtual, 5, 8),
		old,
		gpu("Odd", Other, 6, 999),
	)
	for _, c := range []struct {
		name     string
		devices  []*PhysicalDevice
		selector string
		want     string // device name
		reason   string // part of it
		err      string // part of it
	}{
		{"discrete before all, first of equals, not the largest", all, "", "GeForce RTX 4090", "first of 2 discrete", ""},
		{"integrated before virtual", gpus(all[0], all[4], all[1]), "", "Iris Xe", "only integrated", ""},
		{"virtual before cpu", gpus(all[0], all[4]), "", "Virtio", "only virtual", ""},
		{"cpu before other", gpus(all[6], all[0]), "", "llvmpipe", "only cpu", ""},
		{"one", gpus(all[0]), "", "llvmpipe", "only device", ""},
		{"unsupported is passed over", gpus(old, all[0]), "", "llvmpipe", "", ""},
		{"one that only compiles comes last", gpus(null, all[6]), "", "Odd", "", ""},
		{"one that only compiles, alone", gpus(null), "", "Null hardware", "only device", ""},
		{"index", gpus(all...), "1", "Iris Xe", "index", ""},
		{"part of the name, any case", all, "iris", "Iris Xe", "name", ""},
		{"number that is no index", all, "4090 d", "GeForce RTX 4090 D", "name", ""},
		{"exact name beats a longer one", all, "geforce rtx 4090", "GeForce RTX 4090", "name", ""},
		{"ambiguous", all, "4090", "", "", `ambiguous: 2: "GeForce RTX 4090" (discrete, 00000000-0000-0000-0000-000000000003), 3: "GeForce RTX 4090 D"`},
		{"uuid", all, "00000000-0000-0000-0000-000000000005", "Virtio", "UUID", ""},
		{"uuid without dashes", all, "00000000000000000000000000000005", "Virtio", "UUID", ""},
		{"unknown", all, "radeon", "", "", `no device matches "radeon"; the devices are 0: "llvmpipe"`},
		{"asked for an unsupported one", all, "ancient", "", "", "Vulkan 1.1"},
	} {
		for i, pd := range c.devices {
			pd.Index = i
		}
		pd, reason, err := selectDevice(c.devices, c.selector)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case pd.Caps.Name != c.want || !strings.Contains(reason, c.reason) || !strings.Contains(reason, c.want):
			t.Errorf("%s: got %q because %q, want %q because %q", c.name, pd.Caps.Name, reason, c.want, c.reason)
		}
	}
	for name, devices := range map[string][]*PhysicalDevice{"none": nil, "unsupported only": gpus(old)} {
		if _, _, err := selectDevice(devices, ""); !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), "install") {
			t.Errorf("%s: %v, want ErrNoDevice and what to install", name, err)
		}
	}
}

func TestComputeFamily(t *testing.T) {
	graphics := QueueFamily{Queues: 1, TimestampValidBits: 64, Graphics: true, Compute: true}
	compute := QueueFamily{Queues: 2, TimestampValidBits: 64, Compute: true}
	transfer := QueueFamily{Queues: 1, Transfer: true}
	untimed := QueueFamily{Queues: 1, Compute: true}
	for _, c := range []struct {
		families []QueueFamily
		want     int
	}{
		{[]QueueFamily{graphics, transfer, compute}, 2},
		{[]QueueFamily{graphics, transfer}, 0},
		{[]QueueFamily{graphics, untimed}, 0},
		{[]QueueFamily{untimed}, 0},
		{[]QueueFamily{transfer}, -1},
	} {
		if got := computeFamily(c.families); got != c.want {
			t.Errorf("%+v: %d, want %d", c.families, got, c.want)
		}
	}
}

// A queue that also draws, computes or decodes films is not the one that copies beside all else.
func TestTransferFamily(t *testing.T) {
	graphics := QueueFamily{Queues: 16, Graphics: true, Compute: true, Transfer: true}
	compute := QueueFamily{Queues: 8, Compute: true, Transfer: true}
	video := QueueFamily{Queues: 1, Transfer: true, Video: true}
	transfer := QueueFamily{Queues: 2, Transfer: true}
	none := QueueFamily{Transfer: true}
	for _, c := range []struct {
		families []QueueFamily
		want     int
	}{
		{[]QueueFamily{graphics, video, none, transfer, compute}, 3},
		{[]QueueFamily{graphics, compute, video}, -1},
		{nil, -1},
	} {
		if got := transferFamily(c.families); got != c.want {
			t.Errorf("%+v: %d, want %d", c.families, got, c.want)
		}
	}
}

// The installed driver must tell what Vulkan 1.2 guarantees, and all of it as JSON.
func TestCaps(t *testing.T) {
	c := openTest(t).Caps()
	l := c.Limits
	if c.Name == "" || c.Driver.Name == "" || c.DeviceUUID == (UUID{}) || !c.Features.TimelineSemaphore ||
		l.MaxStorageBufferRange < 1<<27 || l.MaxMemoryAllocationSize < 1<<30 || l.MaxPushConstantsSize < 128 ||
		l.MaxComputeSharedMemorySize < 16384 || l.MaxComputeWorkGroupInvocations < 128 || l.MaxComputeWorkGroupCount[0] < 65535 ||
		l.MinStorageBufferOffsetAlignment < 1 || l.MinStorageBufferOffsetAlignment > 256 || c.Subgroup.Size < 1 ||
		c.Subgroup.MinSize > c.Subgroup.Size || c.Subgroup.MaxSize < c.Subgroup.Size || !c.Subgroup.Has("basic") ||
		len(c.Memory.Heaps) == 0 || len(c.Memory.Types) == 0 || !c.QueueFamilies[c.QueueFamily].Compute {
		t.Errorf("%+v", *c)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"type":"` + c.Type.String() + `"`, `"device_uuid":"` + c.DeviceUUID.String() + `"`, `"max_storage_buffer_range":`} {
		if !strings.Contains(string(b), part) {
			t.Errorf("JSON lacks %s: %s", part, b)
		}
	}
}
