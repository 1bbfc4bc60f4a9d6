package vk

import (
	"errors"
	"testing"
)

// A device that is lost at any operation says so, then and afterwards, and gives everything back though it works
// still: the validation layers would tell, and openWith counts.
func TestLost(t *testing.T) {
	for _, op := range []Op{OpSubmit, OpWait, OpUpload} {
		t.Run(string(op), func(t *testing.T) {
			cfg := strict(t)
			armed := false
			cfg.Fault = func(at Op) error {
				if armed && at == op {
					return ErrDeviceLost
				}
				return nil
			}
			d := openWith(t, cfg, "")
			c, free := slow(t, d, 2)
			defer free()
			b := newBuffer(t, d, "b", 64, DeviceLocal)
			defer b.Free()
			u, err := d.NewUploader(64, 2)
			if err != nil {
				t.Fatal(err)
			}
			defer u.Free()
			ticket, err := d.Submit(c)
			if err != nil {
				t.Fatal(err)
			}
			second := newCommands(t, d, "second")
			defer second.Free()
			if err := second.End(); err != nil {
				t.Fatal(err)
			}
			armed = true
			filled := false
			upload := func() error {
				return u.Write([]Range{b.All()}, func([][]byte) error { filled = true; return nil })
			}
			switch op {
			case OpSubmit:
				_, err = d.Submit(second)
			case OpWait:
				err = d.Wait(ticket, testTimeout)
			case OpUpload:
				err = upload()
			}
			if !errors.Is(err, ErrDeviceLost) || filled {
				t.Errorf("%v, want ErrDeviceLost", err)
			}
			armed = false
			_, submitted := d.Submit(second)
			for name, err := range map[string]error{"Submit": submitted, "Wait": d.Wait(ticket, testTimeout), "Write": upload()} {
				if !errors.Is(err, ErrDeviceLost) {
					t.Errorf("afterwards %s: %v, want ErrDeviceLost", name, err)
				}
			}
		})
	}
}

// Other faults are of the operation alone.
func TestFault(t *testing.T) {
	cfg := strict(t)
	var fault error
	cfg.Fault = func(Op) error { return fault }
	d := openWith(t, cfg, "")
	c := newCommands(t, d, "c")
	defer c.Free()
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	fault = ErrOutOfMemory
	if _, err := d.Submit(c); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("%v, want ErrOutOfMemory", err)
	}
	fault = nil
	ticket, err := d.Submit(c)
	if err != nil {
		t.Fatal(err)
	}
	fault = ErrTimeout
	if err := d.Wait(ticket, testTimeout); !errors.Is(err, ErrTimeout) {
		t.Errorf("%v, want ErrTimeout", err)
	}
	fault = nil
	if err := d.Wait(ticket, testTimeout); err != nil {
		t.Error(err)
	}
}
