package vk

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	vulkan "github.com/vulkan-go/vulkan"
)

func cacheCaps() *Caps {
	return &Caps{VendorID: 0x10de, DeviceID: 7, DeviceUUID: UUID{1}, DriverUUID: UUID{2}, PipelineCacheUUID: UUID{3}, Driver: Driver{Version: 4}}
}

// cacheData is what a driver gives: the header of the specification and its own bytes.
func cacheData(c *Caps) []byte {
	b := words(32, 1, c.VendorID, c.DeviceID)
	b = append(b, c.PipelineCacheUUID[:]...)
	return append(b, "compiled pipelines"...)
}

func TestCacheFileIsChecked(t *testing.T) {
	c := cacheCaps()
	data := cacheData(c)
	file := encodeCache(data, c)
	if got, err := decodeCache(file, c); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("round trip: %q, %v", got, err)
	}
	for i := range file { // any changed byte, any cut
		bad := bytes.Clone(file)
		bad[i] ^= 0x10
		if _, err := decodeCache(bad, c); err == nil {
			t.Errorf("byte %d changed: accepted", i)
		}
		if _, err := decodeCache(file[:i], c); err == nil {
			t.Errorf("cut at %d: accepted", i)
		}
	}
	for name, change := range map[string]func(c *Caps){
		"vendor": func(c *Caps) { c.VendorID++ }, "device": func(c *Caps) { c.DeviceID++ }, "driver version": func(c *Caps) { c.Driver.Version++ },
		"device UUID": func(c *Caps) { c.DeviceUUID[15]++ }, "driver UUID": func(c *Caps) { c.DriverUUID[0]++ },
		"cache UUID": func(c *Caps) { c.PipelineCacheUUID[7]++ },
	} {
		other := cacheCaps()
		change(other)
		if _, err := decodeCache(file, other); err == nil {
			t.Errorf("of another %s: accepted", name)
		}
		if cachePath("d", other) == cachePath("d", c) {
			t.Errorf("another %s, the same file name", name)
		}
	}
	foreign := *c // the right key around a driver's data for another device
	foreign.DeviceID++
	if _, err := decodeCache(encodeCache(cacheData(&foreign), c), c); err == nil {
		t.Error("foreign driver data: accepted")
	}
}

func TestCacheOnDisk(t *testing.T) {
	cfg := strict(t)
	dir := filepath.Join(t.TempDir(), "made", "when", "needed")
	open := func(dir string) (status string, closeStatus string, path string) {
		in, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		pd, _, err := in.Select("")
		if err != nil {
			t.Fatal(err)
		}
		d, err := in.OpenDevice(pd, dir)
		if err != nil {
			t.Fatal(err)
		}
		status = d.PipelineCache()
		newStep(t, d, 5).Free()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		return status, d.PipelineCache(), d.cache.path
	}
	status, closed, path := open(dir)
	if !strings.HasSuffix(status, ": new") || !strings.Contains(closed, "written") {
		t.Errorf("first: %q, then %q", status, closed)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := open(dir); !strings.Contains(status, "bytes") {
		t.Errorf("second: %q", status)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Errorf("files: %v", files)
	}
	whole[len(whole)-1]++
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, closed, _ := open(dir); !strings.Contains(status, "damaged") || !strings.Contains(closed, "written") {
		t.Errorf("damaged: %q, then %q", status, closed)
	}
	if status, closed, _ := open(""); status != "off" || closed != "off" {
		t.Errorf("no directory: %q, then %q", status, closed)
	}
	// A file where the directory should be, and a directory where the file should be.
	if status, _, _ := open(path); !strings.HasPrefix(status, "off: ") {
		t.Errorf("not a directory: %q", status)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if status, closed, _ := open(dir); !strings.Contains(status, "not a cache file") || !strings.Contains(closed, "not written") {
		t.Errorf("not a file: %q, then %q", status, closed)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(files) != 0 {
		t.Errorf("left over: %v", files)
	}
}

// The cache can be kept before the device is closed, once for what is new.
func TestSavePipelineCache(t *testing.T) {
	dir := t.TempDir()
	d := openWith(t, strict(t), dir)
	path := d.cache.path
	save := func() (written bool) {
		t.Helper()
		if err := d.SavePipelineCache(); err != nil {
			t.Fatal(err)
		}
		_, err := os.Stat(path)
		return os.Remove(path) == nil && err == nil
	}
	if !save() {
		t.Error("what is new is not written")
	}
	if save() {
		t.Error("nothing new is written")
	}
	d.cache.sum[0]++ // lavapipe's cache is the same whatever is in it
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := d.SavePipelineCache(); err == nil || !strings.Contains(d.PipelineCache(), "not written") {
		t.Errorf("to a folder: %v, %q", err, d.PipelineCache())
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// What a driver has after its device was lost is not kept.
func TestCacheOfALostDevice(t *testing.T) {
	dir := t.TempDir()
	d := openWith(t, strict(t), dir)
	p := newStep(t, d, 6)
	if err := d.check("vkQueueSubmit", vulkan.ErrorDeviceLost); err == nil {
		t.Fatal("the device is not lost")
	}
	p.Free()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("kept: %v, %v", files, err)
	}
}

func TestWriteAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"old", "new and longer"} {
		if err := WriteAtomic(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	if err := WriteAtomic(filepath.Join(path, "below a file"), nil); err == nil {
		t.Error("below a file: no error")
	}
}
