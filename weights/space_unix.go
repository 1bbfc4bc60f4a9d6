//go:build linux || darwin

package weights

import "syscall"

// FreeSpace gives the bytes that may be written below dir.
func FreeSpace(dir string) (bytes uint64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
