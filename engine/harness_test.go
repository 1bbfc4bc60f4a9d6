package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/floats"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/vk/vktest"
	"sealvk/weights"
)

var device *vk.Device

// kernelsOf are the kernels of each configuration, which the models share: building pipelines
// takes longer than most tests.
var kernelsOf = map[string]*shaders.Kernels{}

func TestMain(m *testing.M) {
	os.Exit(vktest.Main(m, &device, func() {
		for _, k := range kernelsOf {
			k.Free()
		}
	}))
}

// kernels finds those of a model's options, or makes some for all models with the like.
func kernels(t testing.TB, o Options) *shaders.Kernels {
	t.Helper()
	key := fmt.Sprint(o.KV, tuningOf(device.Caps(), o), o.Statistics)
	if kernelsOf[key] == nil {
		kernelsOf[key] = ownKernels(t, o)
	}
	return kernelsOf[key]
}

func ownKernels(t testing.TB, o Options) *shaders.Kernels {
	t.Helper()
	k, err := shaders.New(device, shaders.Config{KV: o.KV, Tuning: tuningOf(device.Caps(), o), Statistics: o.Statistics})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const nano = "../cli/nano/seallm-nano-Q4_K_M.gguf"

// goldenDir is a folder of reference values: the whole set beside the repository
// where there is one, else the repository's part of it.
func goldenDir(name string) string {
	if d := filepath.Join("../../shared/golden", name); exists(d) {
		return d
	}
	return filepath.Join("../testdata/engine", name)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readJSON(t testing.TB, path string, to any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readFloats(t testing.TB, path string) []float64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float64, len(data)/4)
	for i := range v {
		v[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
	}
	return v
}

// load puts a file on the device until the test ends, when all memory must be back.
func load(t testing.TB, path string, o Options) *Model {
	t.Helper()
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return loadFile(t, file, o)
}

func loadFile(t testing.TB, file *weights.Model, o Options) *Model {
	t.Helper()
	if o.kernels == nil {
		o.kernels = kernels(t, o)
	}
	before := device.Stats()
	m, err := Load(context.Background(), device, file, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = m.Complete(context.Background())
		pipelines := device.Stats().Pipelines // the kernels stay
		o.kernels.Observe(nil)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		after := device.Stats()
		if after.BufferBytes != before.BufferBytes || after.Buffers != before.Buffers ||
			after.Pipelines != pipelines || after.Commands != before.Commands || after.AllocatedBytes > before.AllocatedBytes {
			t.Errorf("closing leaves something behind: %+v, before loading %+v, with %d pipelines", after, before, pipelines)
		}
	})
	return m
}

func session(t testing.TB, m *Model) *Session {
	t.Helper()
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// distance is ‖got − want‖ / ‖want‖.
func distance(got []float32, want []float64) float64 {
	g := make([]float64, len(got))
	for i, v := range got {
		g[i] = float64(v)
	}
	return floats.Distance(g, want, 2) / floats.Norm(want, 2)
}

// tokenByToken makes a model compute prompts one row at a time, by the kernels of decode.
func tokenByToken(m *Model) { m.plan.tiled, m.plan.chunk, m.pace.rows, m.pace.least = false, 1, 1, 1 }

// gpuTuning is the workgroup sizes that GPUs get; CPU devices run them as well.
var gpuTuning = shaders.Tuning{
	Lanes: 64, WideLanes: 128, SampleLanes: 256,
	Product: shaders.ProductTuning{Lanes: 64, RowLanes: 32, Groups: 1, Outputs: 16, Span: 2, GridSplits: 2, Tokens: 16, Ahead: true},
}

// gpuPrefill computes prompts as GPUs do, in small tiles.
var gpuPrefill = func() shaders.Tuning {
	t := gpuTuning
	t.Prefill = shaders.Prefill{
		Narrow: shaders.Tiling{Rows: 32, Tokens: 32, Cols: 32, PartRows: 4, PartTokens: 4, Buffers: 2},
		Middle: shaders.Tiling{Rows: 32, Tokens: 64, Cols: 32, PartRows: 4, PartTokens: 8, Buffers: 1},
		Wide:   shaders.Tiling{Rows: 32, Tokens: 64, Cols: 32, PartRows: 4, PartTokens: 8, Buffers: 1},
		Groups: 16, Splits: 2,
	}
	return t
}()
