package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sealvk/vk"
	"sealvk/weights"
)

func openNano(t *testing.T) *weights.Model {
	t.Helper()
	file, err := weights.Open(nano)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// capsWith are limits of a device with the given bytes free.
func capsWith(free, bindable int64) *vk.Caps {
	caps := *device.Caps()
	caps.Memory.Heaps = []vk.Heap{{Size: free, Budget: free, DeviceLocal: true}}
	caps.Limits.MaxStorageBufferRange = bindable
	return &caps
}

func TestPlan(t *testing.T) {
	file := openNano(t)
	roomy, err := makePlan(capsWith(1<<30, 128<<20), file, Options{})
	if err != nil || roomy.context != file.Config.Context {
		t.Fatalf("with 1 GiB free: %+v, %v", roomy, err)
	}
	if tight, err := makePlan(capsWith(roomy.bytes()-roomy.kv/3, 128<<20), file, Options{}); err != nil || tight.context >= roomy.context {
		t.Errorf("an automatic context must shrink: %+v, %v", tight, err)
	}
	_, err = makePlan(capsWith(1<<20, 128<<20), file, Options{})
	if !errors.Is(err, ErrDoesNotFit) || !strings.Contains(err.Error(), "available 1.0 MiB") {
		t.Errorf("with 1 MiB free: %v", err)
	}
	_, err = makePlan(capsWith(1<<40, 128<<20), file, Options{Context: 1 << 22})
	if !errors.Is(err, ErrDoesNotFit) || !strings.Contains(err.Error(), "at most --ctx 262144") {
		t.Errorf("a cache that cannot be bound: %v", err)
	}
	if p, err := makePlan(capsWith(1<<30, 64<<10), file, Options{}); err != nil || p.context != 128 {
		t.Errorf("64 KiB bindable: %+v, %v", p, err)
	}
}

func TestPaceKeepsSubmissionsShort(t *testing.T) {
	p := pace{rows: 32, least: 8, layers: 1}
	for _, c := range []struct {
		perLayer     time.Duration
		rows, layers int // wanted afterwards
	}{
		{3 * submission, 16, 1},
		{3 * submission, 8, 1},
		{3 * submission, 8, 1}, // not below least
		{submission / 100, 16, 28},
		{submission / 3, 16, 3},
		{submission / 5, 20, 5}, // not above the largest chunk
	} {
		p.measured(28*c.perLayer, p.rows, 28, 20)
		if p.rows != c.rows || p.layers != c.layers {
			t.Errorf("after %v a layer: %+v, want %d rows and %d layers", c.perLayer, p, c.rows, c.layers)
		}
	}
	before := p
	if p.measured(28*3*submission, p.rows-1, 28, 20); p.rows != before.rows {
		t.Error("a ragged last chunk changed the size of the next one")
	}
}

// A token reads every matrix once, in no more bytes than the file has.
func TestBytesPerToken(t *testing.T) {
	var want int64
	for _, tensor := range openNano(t).Tensors {
		if !strings.HasSuffix(tensor.Name, "norm.weight") {
			want += int64(len(tensor.Data))
		}
	}
	if got := load(t, nano, Options{Context: 32}).BytesPerToken(); got != want {
		t.Errorf("%d bytes a token, the file's matrices have %d", got, want)
	}
}
