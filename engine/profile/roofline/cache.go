package roofline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"sealvk/vk"
)

// maxFile is far more than a file of roofs has.
const maxFile = 64 << 10

// path names the file of a device and driver version.
func (id *Identity) path(dir string) string {
	key := sha256.Sum256(fmt.Append(nil, *id))
	return filepath.Join(dir, fmt.Sprintf("roofs-%04x-%04x-%s.json", id.VendorID, id.DeviceID, hex.EncodeToString(key[:8])))
}

// Load reads the roofs of a device and driver from dir. The error is fs.ErrNotExist where
// there are none, or the file is damaged or another's.
func Load(dir string, c *vk.Caps) (*Roofs, error) {
	id := identify(c)
	name := id.path(dir)
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("roofline: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("roofline: %s: no file of roofs: %w", name, fs.ErrNotExist)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("roofline: %w", err)
	}
	r := &Roofs{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("roofline: %s: %v: %w", name, err, fs.ErrNotExist)
	}
	if err := r.check(&id); err != nil {
		return nil, fmt.Errorf("roofline: %s: %v: %w", name, err, fs.ErrNotExist)
	}
	return r, nil
}

// check finds what is wrong with roofs that were read for a device.
func (r *Roofs) check(id *Identity) error {
	if r.Version != Version || r.Identity != *id {
		return errors.New("of another device, driver or version of this program")
	}
	for _, v := range []float64{r.ReadBytesPerS, r.CopyBytesPerS, r.F32FLOPsPerS, r.DispatchUS, r.SubmissionUS} {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("a figure is %v", v)
		}
	}
	for _, v := range []float64{r.F16FLOPsPerS, r.Int8DotOpsPerS, r.CoopMatFLOPsPerS, r.BarrierUS} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("a figure is %v", v)
		}
	}
	return nil
}

// Save keeps the roofs in dir, which is made if needed. A reader sees the old file or the
// new one.
func (r *Roofs) Save(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = vk.WriteAtomic(r.path(dir), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("roofline: %w", err)
	}
	return nil
}

// For gives the roofs that dir keeps of the device, or else measures and keeps them there;
// "" keeps none. A folder that cannot be used is no error: the next call measures again.
func For(ctx context.Context, d *vk.Device, dir string, progress func(what string)) (*Roofs, error) {
	if dir != "" {
		if r, err := Load(dir, d.Caps()); err == nil {
			return r, nil
		}
	}
	r, err := Measure(ctx, d, progress)
	if err == nil && dir != "" {
		_ = r.Save(dir)
	}
	return r, err
}
