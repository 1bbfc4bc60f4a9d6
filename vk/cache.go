package vk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// pipelineCache keeps compiled pipelines, in memory and in a file.
type pipelineCache struct {
	handle vulkan.PipelineCache
	dir    string // "" if nothing is kept
	path   string // of the file, "" if there is none

	mu     sync.Mutex
	sum    [sha256.Size]byte // of the data as the file has it
	status string
}

// The file: magic, key, SHA-256 of the data, data. Drivers check the header of what they
// are given and little else, so the rest is checked here.
const (
	cacheMagic   = "sealvk1\n"
	cacheHeader  = len(cacheMagic) + 2*sha256.Size
	maxCacheFile = 256 << 20
)

// cacheKey is different for each device, driver and driver version.
func cacheKey(c *Caps) [sha256.Size]byte {
	h := sha256.New()
	for _, v := range []any{c.VendorID, c.DeviceID, c.DeviceUUID, c.DriverUUID, c.Driver.Version, c.PipelineCacheUUID} {
		_ = binary.Write(h, binary.LittleEndian, v) // a hash does not fail
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// CacheName names a file of a cache folder in which something is kept of this device and this
// version of its driver, without its ending.
func (c *Caps) CacheName(kind string) string {
	key := cacheKey(c)
	return fmt.Sprintf("%s-%04x-%04x-%s", kind, c.VendorID, c.DeviceID, hex.EncodeToString(key[:8]))
}

func cachePath(dir string, c *Caps) string {
	return filepath.Join(dir, c.CacheName("pipelines")+".bin")
}

// CacheDir is the folder for caches that OpenDevice was given, "" if there is none.
func (d *Device) CacheDir() string { return d.cache.dir }

// PipelineCache says in a few words what became of the pipeline cache's file.
func (d *Device) PipelineCache() string {
	d.cache.mu.Lock()
	defer d.cache.mu.Unlock()
	return d.cache.status
}

func (d *Device) openCache(dir string) error {
	c := &d.cache
	var data []byte
	c.dir, c.status = dir, "off"
	if dir != "" {
		c.path = cachePath(dir, &d.caps)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			c.status = fmt.Sprintf("off: %v", err)
		} else {
			data, c.status = loadCache(c.path, &d.caps)
		}
	}
	c.sum = sha256.Sum256(data)
	r := d.createCache(data)
	if r != vulkan.Success && data != nil {
		c.status = c.path + ": refused by the driver: " + resultName(r)
		r = d.createCache(nil)
	}
	if r != vulkan.Success {
		return d.check("vkCreatePipelineCache", r)
	}
	name(d, vulkan.ObjectTypePipelineCache, c.handle, "pipelines")
	return nil
}

func (d *Device) createCache(data []byte) vulkan.Result {
	var a arena
	defer a.free()
	info := vulkan.PipelineCacheCreateInfo{SType: vulkan.StructureTypePipelineCacheCreateInfo}
	if len(data) > 0 {
		info.InitialDataSize = uint(len(data))
		info.PInitialData = a.bytes(len(data))
		copy(bytesAt(info.PInitialData, len(data)), data)
	}
	defer info.Free()
	var handle vulkan.PipelineCache
	r := vulkan.CreatePipelineCache(d.handle, &info, nil, &handle)
	d.cache.handle = handle
	return r
}

// loadCache reads the file's data; nil, with the reason, if it is not of this device or
// not whole.
func loadCache(path string, c *Caps) (data []byte, status string) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, path + ": new"
	}
	if !info.Mode().IsRegular() || info.Size() > maxCacheFile {
		return nil, path + ": ignored: not a cache file"
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Sprintf("%s: ignored: %v", path, err)
	}
	if data, err = decodeCache(file, c); err != nil {
		return nil, fmt.Sprintf("%s: ignored: %v", path, err)
	}
	return data, fmt.Sprintf("%s: %s", path, SizeText(int64(len(data))))
}

func decodeCache(file []byte, c *Caps) ([]byte, error) {
	key := cacheKey(c)
	if len(file) < cacheHeader || string(file[:len(cacheMagic)]) != cacheMagic {
		return nil, fmt.Errorf("not a cache file")
	}
	rest := file[len(cacheMagic):]
	data := rest[2*sha256.Size:]
	if !bytes.Equal(rest[:sha256.Size], key[:]) {
		return nil, fmt.Errorf("of another device or driver")
	}
	if sum := sha256.Sum256(data); !bytes.Equal(rest[sha256.Size:2*sha256.Size], sum[:]) {
		return nil, fmt.Errorf("damaged")
	}
	// VkPipelineCacheHeaderVersionOne: length, version, vendor, device, UUID.
	const header = 32
	le := binary.LittleEndian
	if len(data) < header || le.Uint32(data) < header || le.Uint32(data[4:]) != 1 ||
		le.Uint32(data[8:]) != c.VendorID || le.Uint32(data[12:]) != c.DeviceID || !bytes.Equal(data[16:32], c.PipelineCacheUUID[:]) {
		return nil, fmt.Errorf("of another device or driver")
	}
	return data, nil
}

func encodeCache(data []byte, c *Caps) []byte {
	key, sum := cacheKey(c), sha256.Sum256(data)
	return slices.Concat([]byte(cacheMagic), key[:], sum[:], data)
}

// closeCache writes the file if there is something new, and destroys the cache.
func (d *Device) closeCache() {
	c := &d.cache
	if c.handle == vulkan.NullPipelineCache {
		return
	}
	_ = d.SavePipelineCache() // PipelineCache tells
	vulkan.DestroyPipelineCache(d.handle, c.handle, nil)
	c.handle = vulkan.NullPipelineCache
}

// SavePipelineCache writes the pipeline cache's file, if there is one and the cache has something new, as
// Close does: who has compiled much needs not fear what may end the program in between. The error says why the
// file cannot be written.
func (d *Device) SavePipelineCache() error {
	c := &d.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path == "" || d.lost.Load() {
		return nil
	}
	err := d.saveCache()
	if err != nil {
		c.status = fmt.Sprintf("%s: not written: %v", c.path, err)
	}
	return err
}

func (d *Device) saveCache() error {
	c := &d.cache
	var a arena
	defer a.free()
	var n uint
	if r := vulkan.GetPipelineCacheData(d.handle, c.handle, &n, nil); r != vulkan.Success {
		return d.check("vkGetPipelineCacheData", r)
	}
	if n == 0 || n > maxCacheFile {
		return nil
	}
	p := a.bytes(int(n))
	switch r := vulkan.GetPipelineCacheData(d.handle, c.handle, &n, p); {
	case r == vulkan.Incomplete:
		return nil // what is compiled meanwhile makes it larger: the next save has it all
	case r != vulkan.Success:
		return d.check("vkGetPipelineCacheData", r)
	}
	data := bytesAt(p, int(n))
	sum := sha256.Sum256(data)
	if sum == c.sum {
		return nil
	}
	if err := WriteAtomic(c.path, encodeCache(data, &d.caps)); err != nil {
		return err
	}
	c.sum = sum
	c.status = fmt.Sprintf("%s: written, %s", c.path, SizeText(int64(n)))
	return nil
}

// WriteAtomic replaces the contents of a file in a cache folder; a reader sees the old
// ones or the new.
func WriteAtomic(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close()) // without Sync a crash may leave the new name with no contents
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
