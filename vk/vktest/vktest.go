// Package vktest opens the device that the other packages' tests run on, under
// the validation layers. VK_DRIVER_FILES chooses the driver.
package vktest

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"

	"sealvk/vk"
)

// Main runs the package's tests with *device set, then after, and returns the exit
// code for TestMain. It fails where there is no device, where a validation layer has
// anything to say but that it is too old for something, and where something is still
// alive at the end.
func Main(m *testing.M, device **vk.Device, after ...func()) int {
	said := messages{out: os.Stderr}
	instance, err := vk.Open(vk.Config{Validation: true, OnMessage: said.receive})
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
	if !said.clean(instance.LayerVersion()) {
		code = 1
	}
	return code
}

// messages counts those of the validation layers, and apart from them those that come only of
// the layers' age.
type messages struct {
	out           io.Writer
	faults, newer atomic.Int64
}

func (m *messages) receive(msg vk.Message) {
	if msg.Newer {
		m.newer.Add(1)
		return
	}
	m.faults.Add(1)
	fmt.Fprintln(m.out, "validation:", msg.ID, msg.Text)
}

// clean sums up and reports whether there was no fault.
func (m *messages) clean(layer string) bool {
	if n := m.newer.Load(); n > 0 {
		fmt.Fprintf(m.out, "validation: %d messages about what is newer than the layer (%s)\n", n, layer)
	}
	n := m.faults.Load()
	if n > 0 {
		fmt.Fprintln(m.out, "FAIL: messages of the validation layers:", n)
	}
	return n == 0
}
