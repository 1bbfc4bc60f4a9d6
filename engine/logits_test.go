package engine

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"sealvk/shaders"
	"sealvk/weights"
)

const tolerance = 1e-4 // relative norm, f32 activations and KV cache

// tolerated is how far the logits of a prompt may be off on the way that it takes: exact, or,
// where cooperative matrices compute it, what rounding their factors to f16 makes of it. A
// product of many terms is off by at most 2^-11 of its size for each of its two factors, and
// a layer has four products behind each other, whose errors are as good as independent: of L layers
// 2^-11 √8L, of one 1.4e-3 (an H100 is off by 7e-4 at most, docs/performance.md). In a q8_0 cache
// they move values over the edge between two steps.
func tolerated(m *Model, exact float64) float64 {
	switch {
	case !m.tiled || !m.half:
		return exact
	case m.kv == KVQ8:
		return roundedQ8
	}
	return max(exact, 0x1p-11*math.Sqrt(float64(8*m.cfg.Layers)))
}

// How far rounding the KV cache puts logits off: f16 to 11 bits, q8_0 to 1/254 of the greatest of 32.
const roundedF16, roundedQ8 = 5e-3, 1.5e-2

// way is a path to the logits.
type way struct {
	name    string
	options Options
	prepare func(*Model)
	longest int // prompt; the ways that are slow take the short ones
}

var ways = []way{
	{"prefill", Options{KV: KVF32}, func(*Model) {}, 600},
	{"token by token", Options{KV: KVF32}, tokenByToken, 600},
	{"GPU workgroups", Options{KV: KVF32, Tuning: &gpuTuning}, func(*Model) {}, 31},
	{"GPU prefill", Options{KV: KVF32, Tuning: &gpuPrefill}, func(*Model) {}, 100},
	{"split tensors", Options{KV: KVF32, maxRange: 160 << 10}, func(*Model) {}, 31},
	{"one layer a submission, chunks of 7", Options{KV: KVF32}, func(m *Model) { m.plan.chunk, m.pace = 7, pace{rows: 7, least: 7, layers: 1} }, 150},
}

// nanoFile is a form of seallm-nano and the key of its reference values.
type nanoFile struct{ name, path, golden string }

// nanoFiles are the forms that are there, two of them always.
func nanoFiles() []nanoFile {
	const dir = "../../shared/models/seallm-nano/"
	here := []nanoFile{{"Q4_K_M", nano, "gguf-Q4_K_M"}, {"mlx", "../testdata/engine/nano-mlx", "mlx-4bit"}}
	list := []nanoFile{
		{"hf", dir + "hf", "hf-bf16"},
		{"hf-sharded", dir + "hf-sharded", "hf-bf16"},
		{"chatml.Q4_K_M", dir + "gguf/seallm-nano-chatml.Q4_K_M.gguf", "gguf-Q4_K_M"},
	}
	for _, typ := range []string{"Q4_0", "Q4_1", "Q5_K_M", "Q6_K", "Q8_0", "bf16", "f16"} {
		list = append(list, nanoFile{typ, dir + "gguf/seallm-nano-" + typ + ".gguf", "gguf-" + typ})
	}
	if !exists(dir) {
		list = nil
	}
	return append(here, list...)
}

type prompt struct {
	N   int
	IDs []int32
}

// Every form of seallm-nano against transformers' logits, prompts of 1 to 600 tokens; with -short
// the three shortest of two forms.
func TestNanoLogits(t *testing.T) {
	dir := goldenDir("logits-nano")
	var index struct {
		Prompts []prompt
		Models  map[string]struct{ Logits string }
	}
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	prompts := slices.Clone(index.Prompts) // shortest first; p.N tells their places
	slices.SortStableFunc(prompts, func(a, b prompt) int { return len(a.IDs) - len(b.IDs) })
	files := nanoFiles()
	if testing.Short() {
		files = files[:2]
	}
	for _, file := range files {
		want := readFloats(t, filepath.Join(dir, index.Models[file.golden].Logits))
		for i, way := range ways {
			longest := way.longest
			if file.path != nano {
				if i >= 2 {
					break
				}
				longest = []int{100, 13}[i]
			}
			t.Run(file.name+"/"+way.name, func(t *testing.T) {
				m := load(t, file.path, way.options)
				way.prepare(m)
				s, vocab := session(t, m), m.cfg.Vocab
				worst, asked, compared := 0.0, 0, 0
				for n, p := range prompts {
					if testing.Short() && n == 3 {
						break
					}
					if n := len(p.IDs); n > longest || i == 1 && n > 64 && n < 600 {
						continue
					}
					asked++
					err := s.Logits(context.Background(), p.IDs, false, func(position int, logits []float32) error {
						compared++
						if position != len(p.IDs)-1 {
							return fmt.Errorf("logits of position %d, want only the last", position)
						}
						d := distance(logits, want[p.N*vocab:][:vocab])
						worst = max(worst, d)
						if !(d <= tolerated(m, tolerance)) {
							t.Errorf("prompt %d of %d tokens: off by %.2g", p.N, len(p.IDs), d)
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				if asked < 3 || compared != asked {
					t.Errorf("the logits behind %d prompts were compared, of %d", compared, asked)
				}
				t.Logf("worst %.2g", worst)
			})
		}
	}
}

// Other dimensions (GQA, MQA, odd widths, other theta and epsilon), every position; with -short in
// prefill alone, a CPU's and a GPU's.
func TestRandomArchitectures(t *testing.T) {
	dir := goldenDir("random-arch")
	archs, err := filepath.Glob(filepath.Join(dir, "*", "reference.json"))
	if err != nil || len(archs) == 0 {
		t.Fatal("no architectures in ", dir, err)
	}
	folders := 0
	for _, path := range archs {
		var reference struct {
			Name    string
			Prompts []struct {
				IDs    []int32
				Logits string
			}
		}
		readJSON(t, path, &reference)
		folder := filepath.Join(filepath.Dir(path), "hf")
		if !exists(folder) {
			folder = filepath.Join("../testdata/weights", "hf-"+reference.Name)
		}
		type run struct {
			form, path string
			way        way
		}
		var runs []run
		for i, w := range ways {
			if testing.Short() && i%3 != 0 {
				continue
			}
			runs = append(runs, run{"gguf", filepath.Join(filepath.Dir(path), reference.Name+"-bf16.gguf"), w})
		}
		if exists(folder) {
			folders++
			runs = append(runs, run{"safetensors", folder, ways[0]})
		}
		for _, r := range runs {
			t.Run(reference.Name+"/"+r.form+"/"+r.way.name, func(t *testing.T) {
				m := load(t, r.path, r.way.options)
				r.way.prepare(m)
				s, vocab := session(t, m), m.cfg.Vocab
				for _, p := range reference.Prompts {
					want := readFloats(t, filepath.Join(filepath.Dir(path), p.Logits))
					next := 0
					err := s.Logits(context.Background(), p.IDs, true, func(position int, logits []float32) error {
						if position != next {
							return fmt.Errorf("position %d, want %d", position, next)
						}
						next++
						if d := distance(logits, want[position*vocab:][:vocab]); !(d <= tolerated(m, tolerance)) {
							return fmt.Errorf("position %d: off by %.2g", position, d)
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
					if next != len(p.IDs) {
						t.Errorf("%d positions, want %d", next, len(p.IDs))
					}
				}
			})
		}
	}
	if folders == 0 {
		t.Error("no safetensors folder was read")
	}
}

// Rounded K and V give logits that are close.
func TestLogitsWithRoundedCache(t *testing.T) {
	exact := load(t, nano, Options{KV: KVF32})
	ids := []int32{2, 316, 289, 1493, 318, 317, 512, 4, 1431, 936, 1375, 1415, 1431}
	var want []float64
	keep := func(_ int, l []float32) error {
		for _, v := range l {
			want = append(want, float64(v))
		}
		return nil
	}
	if err := session(t, exact).Logits(context.Background(), ids, true, keep); err != nil {
		t.Fatal(err)
	}
	for kv, most := range map[KVType]float64{KVF16: roundedF16, KVQ8: roundedQ8} {
		rounded := load(t, nano, Options{KV: kv})
		err := session(t, rounded).Logits(context.Background(), ids, true, func(position int, l []float32) error {
			if d := distance(l, want[position*len(l):][:len(l)]); !(d < most) {
				return fmt.Errorf("position %d: off by %.2g", position, d)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%v: %v", kv, err)
		}
	}
}

func TestLoadRefusesNaN(t *testing.T) {
	data, err := os.ReadFile(nano)
	if err != nil {
		t.Fatal(err)
	}
	file, err := weights.Parse("damaged", data)
	if err != nil {
		t.Fatal(err)
	}
	q := file.Tensor("blk.2.ffn_gate.weight")
	at := 5*q.Type.BlockBytes() + 1
	old := q.Data[at]
	q.Data[at] |= 0x7c // an infinite or NaN scale in block 5
	before := device.Stats()
	m, err := Load(context.Background(), device, file, Options{}, nil)
	q.Data[at] = old
	if err == nil {
		m.Close()
		t.Fatal("a NaN scale was loaded")
	}
	t.Log(err)
	if after := device.Stats(); after.BufferBytes != before.BufferBytes || after.Pipelines != before.Pipelines {
		t.Errorf("a failed load leaves something behind: %+v, before %+v", after, before)
	}
}

// Progress tells of every byte that goes to the device once.
func TestLoadTellsProgress(t *testing.T) {
	var mu sync.Mutex
	var told []int64
	var all int64
	m, err := Load(context.Background(), device, openNano(t), Options{Context: 32}, func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		told, all = append(told, done), total
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	slices.Sort(told)
	if want := m.BytesPerToken(); all != want || len(slices.Compact(told)) != len(told) || told[len(told)-1] != all {
		t.Errorf("%v of %d, want %d", told, all, want)
	}
}

// A model's own kernels, which the models of most tests share, end with it.
func TestKernelsEndWithTheModel(t *testing.T) {
	before := device.Stats()
	m, err := Load(context.Background(), device, openNano(t), Options{Context: 32}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := device.Stats().Pipelines - before.Pipelines; n < 5 || n != len(m.kernels.Pipelines()) {
		t.Errorf("%d pipelines more, the model tells of %d", n, len(m.kernels.Pipelines()))
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if n := device.Stats().Pipelines; n != before.Pipelines {
		t.Errorf("%d pipelines afterwards, %d before", n, before.Pipelines)
	}
}

// A file that another program cuts short in the meantime is an error, not the end.
func TestLoadOfFileCutShort(t *testing.T) {
	data, err := os.ReadFile(nano)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.gguf")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := os.Truncate(path, int64(len(data)/2)); err != nil {
		t.Fatal(err)
	}
	m, err := Load(context.Background(), device, file, Options{}, nil)
	if err == nil {
		m.Close()
		t.Fatal("half a file was loaded")
	}
	if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "cut short") {
		t.Error(err)
	}
}

// Prefill attends to long sequences as decode does, which shares them among more workgroups:
// no driver's bound on loops may cut one short. On GPUs the splits of so long a sequence grow.
func TestLongAttention(t *testing.T) {
	const depth = 6000
	shape, err := weights.ParseShape("seallm-nano:layers=1,heads=1,kv_heads=1,head_dim=256,vocab=1000,context=8192")
	if err != nil {
		t.Fatal(err)
	}
	mix, err := weights.ParseMix("Q8_0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := weights.Synth(shape, mix, 1)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 20
	ids := make([]int32, depth+rows)
	for i := range ids {
		ids[i] = int32(5 + i%900)
	}
	gpu := gpuTuning
	subgroups, err := shaders.FindKernel("attention_subgroup").Tuning(device.Caps())
	if err != nil {
		t.Log(err) // GPUs like it take attention, as the device does
	}
	gpu.Attention = subgroups.Attention
	for i, kv := range []KVType{KVF16, KVF32, KVQ8, KVF16} {
		o := Options{KV: kv}
		if i >= 3 {
			o.Tuning = &gpu
		}
		m := loadFile(t, file, o)
		if i >= 3 {
			m.decodeSplits.Max = 9 // of 1024 positions
		}
		s := session(t, m)
		last := func(prefill bool, chunks ...int) []float32 {
			t.Helper()
			if err := s.Fill(ids[:depth]); err != nil {
				t.Fatal(err)
			}
			if _, err := s.room(nil, len(ids)); err != nil {
				t.Fatal(err)
			}
			at := depth
			for _, n := range chunks {
				c, f := m.chunk(0, piece{ids[at : at+n], at, s.sequence}), &flights{m: m}
				if !prefill {
					c.prefill, c.splits = false, m.decodeSplits
					grid := m.kernels.AttentionGrid(c.splits, m.heads, at+n, c.count, false)
					copy(m.state.chunkGrid[0].Bytes(), bytesOf(grid))
				}
				m.forget(func(recording) bool { return true }) // of another kind
				if err := f.finish(f.submit(t.Context(), c)); err != nil {
					t.Fatal(err)
				}
				at += n
			}
			logits := make([]float32, m.cfg.Vocab)
			if err := m.readLogits(logits, chunks[len(chunks)-1]-1, 1); err != nil {
				t.Fatal(err)
			}
			return logits
		}
		prefill, decode := last(true, rows), last(false, rows/2, rows/2-1, 1)
		want := make([]float64, len(decode))
		for i, v := range decode {
			want[i] = float64(v)
		}
		if d := distance(prefill, want); !(d < tolerated(m, 1e-5)) {
			t.Errorf("%v, tuning %+v: prefill's logits are %.2g from decode's", kv, o.Tuning, d)
		}
	}
}
