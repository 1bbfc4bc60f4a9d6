package guarded

import (
	"os"
	"slices"
	"testing"

	"sealvk/vk"
	"sealvk/vk/vktest"
)

var device *vk.Device

func TestMain(m *testing.M) { os.Exit(vktest.Main(m, &device)) }

// A write in front of a buffer, behind it and into an input is found, one into an output is not.
func TestCheck(t *testing.T) {
	b := New(device)
	defer b.Free()
	in, err := b.Input("in", Bytes([]uint32{1, 2, 3}))
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.Output("out", 12, nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := b.Unfilled("sealed", 12)
	if err == nil {
		err = device.Write(sealed.Range, Bytes([]uint32{4, 5, 6}))
	}
	if err != nil {
		t.Fatal(err)
	}
	if words, err := out.Words(); err != nil || !slices.Equal(words, []uint32{Poison, Poison, Poison}) {
		t.Errorf("an output begins with %x (%v)", words, err)
	}
	if err := b.Check(); err != nil {
		t.Errorf("nothing was written: %v", err)
	}
	if err := sealed.Seal(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of    *Buffer
		at    int64
		found bool
	}{
		{in, -4, true}, {in, 0, true}, {in, 8, true}, {in, 12, true}, {out, -Guard, true}, {out, -4, true}, {out, 0, false}, {out, 8, false},
		{out, 12, true}, {out, 12 + Guard - 4, true}, {sealed, -4, true}, {sealed, 4, true}, {sealed, 12, true},
	} {
		r, before := c.of.Buffer.Range(c.of.Offset+c.at, 4), make([]byte, 4)
		if err := device.Read(before, r); err != nil {
			t.Fatal(err)
		}
		for _, now := range [][]byte{{1, 0, 0, 1}, before} {
			if err := device.Write(r, now); err != nil {
				t.Fatal(err)
			}
			if err, want := b.Check(), c.found && &now[0] != &before[0]; (err != nil) != want {
				t.Errorf("%s, byte %d: %v", c.of.Name, c.at, err)
			}
		}
	}
}
