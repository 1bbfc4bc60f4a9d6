package vk

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"runtime"
	"strconv"
	"strings"
)

// Select chooses a device and says why, in a sentence. An empty selector takes the best
// type: discrete before integrated before virtual before CPU before other, the first
// listed among equals; heap sizes say nothing (shared memory counts whole). Otherwise the
// selector is an index, a part of the name (any case), or a device UUID.
func (in *Instance) Select(selector string) (*PhysicalDevice, string, error) {
	return selectDevice(in.devices, selector)
}

func noDevices() error {
	return fmt.Errorf("vk: %w: %s", ErrNoDevice, remedy(runtime.GOOS))
}

func selectDevice(devices []*PhysicalDevice, selector string) (*PhysicalDevice, string, error) {
	if len(devices) == 0 {
		return nil, "", noDevices()
	}
	selector = strings.TrimSpace(selector)
	if selector == "" {
		return selectBest(devices)
	}
	matches, how := match(devices, selector)
	switch {
	case len(matches) == 0:
		return nil, "", fmt.Errorf("vk: no device matches %q; the devices are %s", selector, list(devices))
	case len(matches) > 1:
		return nil, "", fmt.Errorf("vk: %q is ambiguous: %s; give an index, a longer part of the name, or a UUID", selector, list(matches))
	}
	pd := matches[0]
	if pd.Caps.Unsupported != "" {
		return nil, "", fmt.Errorf("vk: device %d, %q, cannot be used: %s", pd.Index, pd.Caps.Name, pd.Caps.Unsupported)
	}
	return pd, fmt.Sprintf("Device %d, %q (%s), was asked for by %s.", pd.Index, pd.Caps.Name, pd.Caps.Type, how), nil
}

func selectBest(devices []*PhysicalDevice) (*PhysicalDevice, string, error) {
	var best *PhysicalDevice
	same := 0
	for _, pd := range devices {
		switch {
		case pd.Caps.Unsupported != "":
		case best == nil || rank(pd) < rank(best):
			best, same = pd, 1
		case rank(pd) == rank(best):
			same++
		}
	}
	if best == nil {
		var why []string
		for _, pd := range devices {
			why = append(why, fmt.Sprintf("%q: %s", pd.Caps.Name, pd.Caps.Unsupported))
		}
		return nil, "", fmt.Errorf("vk: %w: %s; else %s", ErrNoDevice, strings.Join(why, "; "), remedy(runtime.GOOS))
	}
	var reason string
	switch {
	case len(devices) == 1:
		reason = "is the only device"
	case same > 1:
		reason = fmt.Sprintf("is the first of %d %s devices", same, best.Caps.Type)
	default:
		reason = fmt.Sprintf("is the only %s device and ranks first among %d devices (discrete, integrated, virtual, cpu, other)", best.Caps.Type, len(devices))
	}
	return best, fmt.Sprintf("Device %d, %q (%s), %s.", best.Index, best.Caps.Name, best.Caps.Type, reason), nil
}

// rank orders devices: the lower, the better. One that runs nothing is the last choice.
func rank(pd *PhysicalDevice) DeviceType {
	if pd.Caps.CompileOnly {
		return Other + 1
	}
	return pd.Caps.Type
}

// match finds the devices that selector means. A number that is no index may be part of
// a name ("4090"); a name that is exactly one device's wins over longer names.
func match(devices []*PhysicalDevice, selector string) (matches []*PhysicalDevice, how string) {
	if u, err := hex.DecodeString(strings.ReplaceAll(selector, "-", "")); err == nil && len(u) == len(UUID{}) {
		for _, pd := range devices {
			if bytes.Equal(pd.Caps.DeviceUUID[:], u) {
				matches = append(matches, pd)
			}
		}
		return matches, "UUID"
	}
	if i, err := strconv.Atoi(selector); err == nil && i >= 0 && i < len(devices) {
		return devices[i : i+1], "index"
	}
	var exact []*PhysicalDevice
	for _, pd := range devices {
		if strings.EqualFold(pd.Caps.Name, selector) {
			exact = append(exact, pd)
		}
		if strings.Contains(strings.ToLower(pd.Caps.Name), strings.ToLower(selector)) {
			matches = append(matches, pd)
		}
	}
	if len(exact) == 1 {
		matches = exact
	}
	return matches, "name"
}

func list(devices []*PhysicalDevice) string {
	texts := make([]string, len(devices))
	for i, pd := range devices {
		texts[i] = fmt.Sprintf("%d: %q (%s, %s)", pd.Index, pd.Caps.Name, pd.Caps.Type, pd.Caps.DeviceUUID)
	}
	return strings.Join(texts, ", ")
}
