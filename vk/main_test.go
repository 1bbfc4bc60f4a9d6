package vk

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

const testTimeout = 30 * time.Second

var newerMessages atomic.Int64

func TestMain(m *testing.M) {
	// NVIDIA's driver takes static thread-local storage each time that it is loaded, and after a
	// hundred times or so there is none left: an instance keeps it loaded.
	keep, err := Open(Config{})
	code := m.Run()
	if err == nil {
		keep.Close()
	}
	if n := newerMessages.Load(); n > 0 {
		fmt.Fprintln(os.Stderr, "validation:", n, "messages about what is newer than the layer")
	}
	os.Exit(code)
}

// validated is a Config whose faults go to onFault; messages about what is newer than the
// layer are counted.
func validated(onFault func(Message)) Config {
	return Config{Validation: true, OnMessage: func(m Message) {
		if m.Newer {
			newerMessages.Add(1)
			return
		}
		onFault(m)
	}}
}

// strict fails the test with any fault.
func strict(t testing.TB) Config {
	return validated(func(m Message) { t.Errorf("%s: %s", m.Severity, m.Text) })
}

// openTest opens the first device under validation; any fault fails the test, and so
// does whatever the test forgets to free.
func openTest(t testing.TB) *Device {
	t.Helper()
	return openWith(t, strict(t), "")
}

func openWith(t testing.TB, cfg Config, cacheDir string) *Device {
	t.Helper()
	// The loader reads these; reading them here makes the test cache depend on them.
	_, _ = os.Getenv("VK_DRIVER_FILES"), os.Getenv("VK_ICD_FILENAMES")
	in, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pd, _, err := in.Select("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := in.OpenDevice(pd, cacheDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if s := d.Stats(); s != (Stats{}) {
			t.Errorf("after Close: %+v", s)
		}
		in.Close()
	})
	return d
}

func readSPIRV(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".spv")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newStep is testdata/step.comp: dst[i] = src[i]*mul + add + bias for i < n.
func newStep(t testing.TB, d *Device, bias uint32) *Pipeline {
	t.Helper()
	p, err := d.NewPipeline(PipelineInfo{Name: "step", SPIRV: readSPIRV(t, "step"), Bindings: 2, PushSize: 12, Constants: []uint32{bias}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newBuffer(t testing.TB, d *Device, name string, size int64, m Memory) *Buffer {
	t.Helper()
	b, err := d.NewBuffer(name, size, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newCommands(t testing.TB, d *Device, name string) *Commands {
	t.Helper()
	c, err := d.NewCommands(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func run(t testing.TB, d *Device, c *Commands) {
	t.Helper()
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	submit(t, d, c)
}

func submit(t testing.TB, d *Device, c *Commands) {
	t.Helper()
	ticket, err := d.Submit(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ticket, testTimeout); err != nil {
		t.Fatal(err)
	}
}

func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func readWords(t testing.TB, d *Device, r Range) []uint32 {
	t.Helper()
	b := make([]byte, r.Size)
	if err := d.Read(b, r); err != nil {
		t.Fatal(err)
	}
	v := make([]uint32, len(b)/4)
	for i := range v {
		v[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return v
}

func write(t testing.TB, d *Device, r Range, b []byte) {
	t.Helper()
	if err := d.Write(r, b); err != nil {
		t.Fatal(err)
	}
}
