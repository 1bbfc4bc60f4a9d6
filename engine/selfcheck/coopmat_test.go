//go:build coopmat

package selfcheck

import "testing"

func TestCoopMatIsChecked(t *testing.T) {
	w := &ways[0]
	if _, has := only(device.Caps(), w.Name); !has {
		t.Fatalf("%s has no %s", device.Caps().Name, w.Name)
	}
	lieAbout(t, w)
}
