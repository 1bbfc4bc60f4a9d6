//go:build coopmat

package selfcheck

import (
	"strings"
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
					names := strings.Join(lieAbout(t, &ways[i]).take(), "\n")
					if name != "cooperative matrices in prefill" {
						continue
					}
					for what, constants := range map[string]string{"the product": "0 8 8 8 0]", "GeGLU": "1 8 8 8 0]", "x in blocks": "0 8 8 8 16]"} {
						if !strings.Contains(names, constants) {
							t.Errorf("no case of %s: %s", what, names)
						}
					}
				}
			}
		})
	}
}
