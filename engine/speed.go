package engine

import (
	"encoding/json"
	"os"
	"path/filepath"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// speed is what a device computes and reads a second, in prefill and in decode. Attention is not
// counted.
type speed struct {
	FLOPs float64 `json:"flops"`
	Bytes float64 `json:"bytes"`
}

// layerFLOPs is the operations of a token in the products of a layer.
func layerFLOPs(c weights.Config) float64 {
	return 2 * float64(c.Dim) * float64(c.HeadDim*(2*c.Heads+2*c.KVHeads)+3*c.FFNDim)
}

// guessed is what a device is trusted with before anything is measured: less than what the slow
// ones of its class should do, by their data sheets, and of what each shader core should, where
// their number is known: of an H100's 132 a core reaches 6e11 by matrices with kernels at 13 % of
// the roof and reads 2.3e10 (docs/performance.md), of older ones a third.
func guessed(c *vk.Caps, t shaders.Tuning) speed {
	s, core := speed{5e11, 5e10}, speed{1e10, 1e9}
	matrices := t.Prefill.Half()
	switch {
	case c.Type == vk.CPU:
		return speed{1e10, 2e9}
	case c.Type != vk.Discrete:
		s = speed{1e11, 1e10}
	case matrices:
		s = speed{5e12, 1e11}
	}
	if matrices {
		core.FLOPs = 1e11
	}
	cores := float64(c.ShaderCores)
	return speed{max(s.FLOPs, cores*core.FLOPs), max(s.Bytes, cores*core.Bytes)}
}

// speeds is what models reached on a device, by the arithmetic of prefill, kept beside the pipeline cache
// for the next start. A file that is damaged or cannot be written is as none.
type speeds struct {
	path         string           // "": nothing is kept
	ByArithmetic map[string]speed `json:"by_arithmetic"`
}

const maxSpeeds = 1 << 16 // bytes of the file, far more than it takes

// speedsOf reads those of a device. A CPU device's chunks need none.
func speedsOf(dir string, c *vk.Caps) (s speeds) {
	if dir == "" || c.Type == vk.CPU {
		return s
	}
	s.path = filepath.Join(dir, c.CacheName("speeds")+".json")
	s.read()
	return s
}

func (s *speeds) read() {
	if info, err := os.Stat(s.path); err != nil || !info.Mode().IsRegular() || info.Size() > maxSpeeds {
		return
	}
	if text, err := os.ReadFile(s.path); err == nil {
		_ = json.Unmarshal(text, s) // what it doesn't hold is 0
	}
}

// margin is the part of what was reached that is counted on: other weights are slower, and so are
// positions behind many others.
const margin = 0.75

// of is what can be counted on, or guess, each where nothing is known.
func (s *speeds) of(arithmetic string, guess speed) speed {
	known := s.ByArithmetic[arithmetic]
	if known.FLOPs > 0 {
		guess.FLOPs = margin * known.FLOPs
	}
	if known.Bytes > 0 {
		guess.Bytes = margin * known.Bytes
	}
	return guess
}

// keep writes what was reached, where that is more than is known, by a third.
func (s *speeds) keep(arithmetic string, reached speed) {
	if s.path == "" {
		return
	}
	s.read() // what others have kept since
	known := s.ByArithmetic[arithmetic]
	if margin*reached.FLOPs <= known.FLOPs && margin*reached.Bytes <= known.Bytes {
		return
	}
	if s.ByArithmetic == nil {
		s.ByArithmetic = map[string]speed{}
	}
	s.ByArithmetic[arithmetic] = speed{max(known.FLOPs, reached.FLOPs), max(known.Bytes, reached.Bytes)}
	if text, err := json.MarshalIndent(s, "", "  "); err == nil {
		_ = vk.WriteAtomic(s.path, append(text, '\n'))
	}
}

// reached is the model's speed on the whole, 0 in what it has not done. Single submissions say less: the
// host may learn late of the end of one, and takes the next for faster.
func (m *Model) reached() (s speed) {
	if m.spent > 0 {
		s.FLOPs = m.computed / m.spent.Seconds()
	}
	steps := 0
	for i := range m.decode.plans {
		steps += m.decode.plans[i].samples
	}
	if m.decode.spent > 0 {
		s.Bytes = float64(m.BytesPerToken()) * float64(steps) / m.decode.spent.Seconds()
	}
	return s
}
