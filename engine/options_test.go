package engine

import (
	"context"
	"strings"
	"testing"

	"sealvk/weights"
)

// What Config says of an architecture and the kernels cannot compute is refused before
// anything is allocated.
func TestForeignArchitecture(t *testing.T) {
	for want, change := range map[string]func(*weights.Config){
		"Activation is silu; only gelu_pytorch_tanh": func(c *weights.Config) { c.Activation = "silu" },
		"EmbedScale is 0; only":                      func(c *weights.Config) { c.EmbedScale = 0 },
		"AttnScale is 0.25; only 0.125":              func(c *weights.Config) { c.AttnScale = 0.25 },
		"RopeFactor is 4; only 1":                    func(c *weights.Config) { c.RopeFactor = 4 },
		"RopeAdjacent is true; only false":           func(c *weights.Config) { c.RopeAdjacent = true },
		"AttnBias is true; only false":               func(c *weights.Config) { c.AttnBias = true },
		"AttnCap is 50; only 0":                      func(c *weights.Config) { c.AttnCap = 50 },
		"LogitCap is 30; only 0":                     func(c *weights.Config) { c.LogitCap = 30 },
		"Window is 4096; only 0":                     func(c *weights.Config) { c.Window = 4096 },
	} {
		file := openNano(t)
		change(&file.Config)
		m, err := Load(context.Background(), device, file, Options{}, nil)
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file.Path) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
