// Package vktest opens the device that the other packages' tests run on, under
// the validation layers. VK_DRIVER_FILES chooses the driver.
package vktest

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"sealvk/vk"
)

// Main runs the package's tests with *device set, then after, and returns the exit
// code for TestMain. It fails where there is no device, where a validation layer has
// anything to say, and where something is still alive at the end.
func Main(m *testing.M, device **vk.Device, after ...func()) int {
	var messages atomic.Int64
	instance, err := vk.Open(vk.Config{Validation: true, OnMessage: func(msg vk.Message) {
		messages.Add(1)
		fmt.Fprintln(os.Stderr, "validation:", msg.ID, msg.Text)
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	defer instance.Close()
	pd, reason, err := instance.Select("")
	if err == nil {
		*device, err = instance.OpenDevice(pd, "")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	fmt.Fprintln(os.Stderr, "device:", pd.Caps.Name, "–", reason)
	code := m.Run()
	for _, f := range after {
		f()
	}
	if err := (*device).Close(); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = 1
	}
	if n := messages.Load(); n > 0 {
		fmt.Fprintln(os.Stderr, "FAIL: messages of the validation layers:", n)
		code = 1
	}
	return code
}
