//go:build coopmat

package selfcheck

import (
	"testing"
	"time"

	"sealvk/vk"
)

// The device is a CPU, which compiles when it first runs a kernel: on a busy machine that takes minutes.
func TestCoopMatIsChecked(t *testing.T) {
	wait = func(d *vk.Device, ticket vk.Ticket, _ time.Duration) error { return d.Wait(ticket, 5*time.Minute) }
	defer func() { wait = (*vk.Device).Wait }()
	for _, name := range []string{"cooperative matrices in prefill", "cooperative matrices in decode", "cooperative matrices in attention"} {
		t.Run(name, func(t *testing.T) {
			if _, has := only(device.Caps(), name); !has {
				t.Fatalf("%s has none", device.Caps().Name)
			}
			for i := range ways {
				if ways[i].Name == name {
					lieAbout(t, &ways[i])
				}
			}
		})
	}
}
