//go:build !linux

package vk

import "unsafe"

// hugePages is Linux's business.
func hugePages(unsafe.Pointer, int64) {}
