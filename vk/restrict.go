package vk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// restrictions are what Restrict can take from a device, by name.
var restrictions = map[string]func(c *Caps){
	"subgroups": func(c *Caps) { c.Subgroup.Operations = []string{"basic"} },
	"float16":   func(c *Caps) { c.Features.ShaderFloat16 = false },
	"int8":      func(c *Caps) { c.Features.ShaderInt8 = false },
	"storage16": func(c *Caps) {
		c.Features.StorageBuffer16BitAccess, c.Features.StorageBuffer8BitAccess = false, false
	},
	"int-dot": func(c *Caps) { c.Features.IntegerDotProduct, c.DotProduct = false, DotProduct{} },
	"coopmat": func(c *Caps) { c.Features.CooperativeMatrix, c.CooperativeMatrices = false, nil },
}

// Restrictions names what [Caps.Restrict] understands.
func Restrictions() string {
	names := []string{"as=gpu", "range=BYTES", "shared=BYTES", "subgroup=N"}
	for name := range restrictions {
		names = append(names, "no-"+name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Restrict makes a device seem less than it is, before it is opened, so that what depends on
// Caps takes the way of such a device: a list, separated by commas, of no-subgroups, no-int-dot
// and the like; range= and shared= for the limits of storage buffers and shared memory, in
// bytes, or as 128M, 16K; subgroup=N for the subgroup size that workgroups are sized by; and
// as=gpu to be taken for a GPU. It does not change the device: subgroups keep their size.
func (c *Caps) Restrict(list string) error {
	for item := range strings.SplitSeq(list, ",") {
		var err error
		name, value, sized := strings.Cut(strings.TrimSpace(item), "=")
		take := restrictions[strings.TrimPrefix(name, "no-")]
		switch {
		case strings.HasPrefix(name, "no-") && take != nil && !sized:
			take(c)
		case item == "as=gpu":
			c.Type = Discrete
		case name == "range" && sized:
			err = restrictSize(&c.Limits.MaxStorageBufferRange, item, value)
		case name == "shared" && sized:
			err = restrictSize(&c.Limits.MaxComputeSharedMemorySize, item, value)
		case name == "subgroup" && sized:
			n, err := strconv.Atoi(value)
			if err != nil || n < 4 || n > 128 || n&(n-1) != 0 {
				return fmt.Errorf("vk: restriction %q: want a power of two from 4 to 128", item)
			}
			c.Subgroup.Size = n
		default:
			return fmt.Errorf("vk: unknown restriction %q; there are %s", item, Restrictions())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// restrictSize lowers a limit in bytes.
func restrictSize[T int | int64](limit *T, item, value string) error {
	unit := T(1)
	for suffix, n := range map[string]T{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if cut, ok := strings.CutSuffix(value, suffix); ok {
			value, unit = cut, n
		}
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 1 || T(n) > *limit/unit {
		return fmt.Errorf("vk: restriction %q: want a size up to the device's %d bytes, such as 16K or 128M", item, *limit)
	}
	*limit = T(n) * unit
	return nil
}
