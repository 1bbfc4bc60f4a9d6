package vk

import (
	"os"
	"strconv"
	"strings"
)

// hostAvailable is the memory, in bytes, that the host can give to programs without
// swapping (MemAvailable of Linux); 0 where the system has no such figure.
func hostAvailable() int64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 53)
			return kib << 10
		}
	}
	return 0
}
