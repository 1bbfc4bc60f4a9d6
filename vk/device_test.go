package vk

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	vulkan "github.com/vulkan-go/vulkan"
)

func TestResultErrors(t *testing.T) {
	for r, want := range map[vulkan.Result]error{
		vulkan.ErrorDeviceLost: ErrDeviceLost, vulkan.ErrorOutOfDeviceMemory: ErrOutOfMemory,
		vulkan.ErrorOutOfHostMemory: ErrOutOfMemory, vulkan.ErrorOutOfPoolMemory: ErrOutOfMemory,
	} {
		if err := resultError("vkCall", r); !errors.Is(err, want) || !strings.Contains(err.Error(), "vkCall") {
			t.Errorf("%v: %v, want %v", r, err, want)
		}
	}
	if err := resultError("vkCall", vulkan.ErrorExtensionNotPresent); err == nil || err.Error() != "vk: vkCall: VK_ERROR_EXTENSION_NOT_PRESENT" {
		t.Error(err)
	}
	if err := resultError("vkCall", -12345); err == nil || err.Error() != "vk: vkCall: VkResult -12345" {
		t.Error(err)
	}
	if err := errors.Join(resultError("vkCall", vulkan.Success), resultError("vkCall", vulkan.Timeout)); err != nil {
		t.Error(err)
	}
}

func TestCloseNamesWhatIsAlive(t *testing.T) {
	in, err := Open(strict(t))
	if err != nil {
		t.Fatal(err)
	}
	pd, _, err := in.Select("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := in.OpenDevice(pd, "")
	if err != nil {
		t.Fatal(err)
	}
	in.Close() // the device keeps it until its own Close
	b, p, c := newBuffer(t, d, "forgotten buffer", 64, DeviceLocal), newStep(t, d, 0), newCommands(t, d, "forgotten commands")
	u, err := d.NewUploader(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.Dispatch("step", p, words(1, 1, 1), []Binding{{b.All(), ReadOnly}, {b.All(), WriteOnly}}, 1, 1, 1)
	err = d.Close()
	for _, what := range []string{`buffer "forgotten buffer"`, `commands "forgotten commands"`, `pipeline "step"`, "uploader"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v does not name %s", err, what)
		}
	}
	if s := d.Stats(); s != (Stats{}) {
		t.Errorf("after Close: %+v", s)
	}
	b.Free()
	p.Free()
	c.Free()
	u.Free()
	if err := d.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := d.NewBuffer("late", 1, DeviceLocal); err == nil {
		t.Error("a buffer of a closed device")
	}
	if _, err := in.OpenDevice(pd, ""); err == nil {
		t.Error("a device of a closed instance")
	}
}

// A device that is closed while it works is waited for before anything is destroyed: the
// validation layers would tell.
func TestCloseWaits(t *testing.T) {
	in, err := Open(strict(t))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	pd, _, err := in.Select("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := in.OpenDevice(pd, "")
	if err != nil {
		t.Fatal(err)
	}
	c, free := slow(t, d, 4)
	if _, err := d.Submit(c); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), "still alive") {
		t.Errorf("%v, want what is still alive", err)
	}
	free()
}

func TestNoDriver(t *testing.T) {
	t.Setenv("VK_DRIVER_FILES", "/nonexistent/icd.json") // read by the loader
	t.Setenv("VK_ICD_FILENAMES", "/nonexistent/icd.json")
	in, err := Open(Config{})
	if err == nil {
		defer in.Close()
		_, _, err = in.Select("")
	}
	if !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), "install") {
		t.Errorf("no driver: %v", err)
	}
}

func TestNoLoader(t *testing.T) {
	if openLoader("libnosuchvulkan.so.1") != nil {
		t.Error("opened a library that does not exist")
	}
	for goos, want := range map[string][]string{
		"linux": {"libvulkan.so.1", "mesa-vulkan-drivers"}, "windows": {"vulkan-1.dll"}, "darwin": {"libMoltenVK.dylib", "brew"},
	} {
		err := noLoader(goos)
		for _, part := range want {
			if !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v lacks %s", goos, err, part)
			}
		}
	}
}

// messages opens a device whose faults, the validation messages about them, are kept.
func messages(t *testing.T) (d *Device, ids func() string) {
	var mu sync.Mutex
	var all []string
	d = openWith(t, validated(func(m Message) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, m.Severity.String()+" "+m.ID+" "+m.Text)
	}), "")
	return d, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(all, "\n")
	}
}

// A mistake on purpose: the layer must be on, see it, and name the objects by our names.
func TestValidationMessagesArrive(t *testing.T) {
	d, got := messages(t)
	src, dst := newBuffer(t, d, "the source", 64, DeviceLocal), newBuffer(t, d, "the target", 64, DeviceLocal)
	defer src.Free()
	defer dst.Free()
	c := newCommands(t, d, "the commands")
	defer c.Free()
	d.fn.copyBuffer(c.handle, dst.handle, 0, src.handle, 0, 4096)
	if m := got(); !strings.Contains(m, "error VUID-vkCmdCopyBuffer") || !strings.Contains(m, "the source") {
		t.Errorf("copying past the end: got %q", m)
	}
}

// Two dependent copies with the tracker's memory wiped in between: synchronization
// validation is on, too.
func TestSynchronizationMessagesArrive(t *testing.T) {
	d, got := messages(t)
	b := newBuffer(t, d, "b", 256, DeviceLocal)
	defer b.Free()
	c := newCommands(t, d, "c")
	defer c.Free()
	c.Copy(b.Range(0, 64), b.Range(64, 64))
	clear(c.hazards.touched)
	c.Copy(b.Range(128, 64), b.Range(0, 64))
	if m := got(); !strings.Contains(m, "SYNC-HAZARD-READ-AFTER-WRITE") && !strings.Contains(m, "SYNC-HAZARD-READ_AFTER_WRITE") {
		t.Errorf("a copy of what was just written: got %q", m)
	}
}

// The binding's structures keep C memory until they are freed; so does everything else
// that is made here. The limits are below one forgotten structure for each object made.
func TestNoCMemoryLeaks(t *testing.T) {
	if heapInUse() == 0 {
		t.Skip("this C library does not tell its memory in use")
	}
	d := openWith(t, Config{}, "") // the layer keeps memory of its own
	// SwiftShader's cache takes pipelines that were made twice for new ones.
	cache := d.cache.handle
	d.cache.handle = vulkan.NullPipelineCache
	defer func() { d.cache.handle = cache }()
	p, b := newStep(t, d, 0), newBuffer(t, d, "b", 4096, DeviceLocal)
	defer p.Free()
	defer b.Free()
	in, out := Binding{b.Range(0, 256), ReadOnly}, Binding{b.Range(1024, 256), WriteOnly}
	record := func(c *Commands) {
		for range 40 { // more than one descriptor pool
			c.Dispatch("step", p, words(64, 1, 1), []Binding{in, out}, 1, 1, 1)
		}
		c.Copy(in.Range, out.Range)
		if err := c.End(); err != nil {
			t.Fatal(err)
		}
	}
	again := newCommands(t, d, "again")
	defer again.Free()
	grows(t, "record again", 200, 40*16, func() {
		if err := again.Reset(); err != nil {
			t.Fatal(err)
		}
		record(again)
	})
	grows(t, "record anew", 200, 40*16, func() {
		c := newCommands(t, d, "anew")
		record(c)
		c.Free()
	})
	grows(t, "submit", 2000, 16, func() { submit(t, d, again) })
	grows(t, "buffers", 2000, 16, func() { newBuffer(t, d, "buffer", 256, Upload).Free() })
	grows(t, "transfers", 200, 16, func() {
		write(t, d, in.Range, make([]byte, 256))
		readWords(t, d, out.Range)
	})
	grows(t, "pipelines", 200, 64, func() {
		newStep(t, d, 0).Free()
		submit(t, d, again) // lavapipe frees pipelines on the next submission
	})
	grows(t, "open, close", 40, 200, func() {
		in, err := Open(Config{})
		if err != nil {
			t.Fatal(err)
		}
		pd, _, err := in.Select("")
		if err != nil {
			t.Fatal(err)
		}
		d, err := in.OpenDevice(pd, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		in.Close()
	})
}

// grows fails if f leaves more than limit bytes of C memory each time: on average of n
// times, and in each of several rounds, as caches of the driver and of malloc settle.
func grows(t *testing.T, what string, n int, limit float64, f func()) {
	t.Helper()
	least := math.Inf(1)
	for range 8 {
		before := heapInUse()
		for range n {
			f()
		}
		least = min(least, float64(heapInUse()-before)/float64(n))
		if least <= limit {
			return
		}
	}
	t.Errorf("%s: each left at least %.1f bytes of C memory", what, least)
}
