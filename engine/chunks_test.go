package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// A position of a prompt has the same bits wherever the prompt was cut.
func TestChunksChangeNoBits(t *testing.T) {
	wide := synth(t, "seallm-nano:layers=1,vocab=1000,ffn=2048,context=1200", "Q4_K_M")
	splitting := gpuPrefill
	splitting.Prefill.Groups, splitting.Prefill.Splits = 1000, 8
	registers := splitting
	registers.Prefill.Registers = shaders.EmulatedRegisters()
	for _, n := range []int{splitting.Prefill.SplitsOf(48, 2064), registers.Prefill.SplitsOf(256, 2048)} {
		if n != 2 {
			t.Fatalf("ffn_down has %d splits", n)
		}
	}
	matrices := splitting
	matrices.Attention = shaders.DefaultTuning(device.Caps()).Attention
	matrices.Attention.Matrix = shaders.EmulatedAttention()
	t.Run("tiles", func(t *testing.T) { checkChunks(t, &splitting) })
	t.Run("the device's own", func(t *testing.T) { checkChunks(t, nil) })
	for name, tuning := range map[string]*shaders.Tuning{"attention by matrices": &matrices, "registers": &registers} { // emulated: slow
		t.Run(name, func(t *testing.T) {
			needsF16(t)
			sameInChunks(t, wide, Options{Tuning: tuning}, []int{7, 33}, []int{64, 7})
		})
	}
}

// ragged is a model of which tiles are left over in rows and columns.
func ragged(t *testing.T) *weights.Model {
	return synth(t, "seallm-nano:layers=1,dim=48,ffn=2064,heads=3,kv_heads=1,head_dim=32,vocab=600,context=1200", "F16")
}

func synth(t testing.TB, shape, mix string) *weights.Model {
	t.Helper()
	s, err := weights.ParseShape(shape)
	m, err2 := weights.ParseMix(mix)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	file, err := weights.Synth(s, m, 1)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// checkChunks wants the same bits of prompts of many lengths in chunks of many sizes, in every mode.
func checkChunks(t *testing.T, tuning *shaders.Tuning) {
	t.Helper()
	lengths, chunks := []int{1, 7, 33, 64, 65, 257, 600, 1100}, []int{1024, 256, 32, 7, 1}
	if testing.Short() {
		lengths = []int{7, 65, 257}
	}
	var seen []string // tunings
	for _, numerics := range []Numerics{NumericsAuto, NumericsInvariant, NumericsExact} {
		o := Options{Tuning: tuning, Numerics: numerics}
		if key := fmt.Sprint(tuningOf(device.Caps(), o)); !slices.Contains(seen, key) { // else prompts take the same kernels
			seen = append(seen, key)
			t.Run(numerics.String(), func(t *testing.T) { sameInChunks(t, ragged(t), o, lengths, chunks) })
		}
	}
}

// sameInChunks wants the same logits behind prompts of these lengths, the shortest first: each computed as a whole,
// and going on from where the one before ended, in chunks of these sizes, the largest first; and the first token
// of an answer sampled from them, whatever fills up its chunk.
func sameInChunks(t *testing.T, file *weights.Model, o Options, lengths, chunks []int) {
	t.Helper()
	ids := make([]int32, lengths[len(lengths)-1])
	for i := range ids {
		ids[i] = int32(i * 37 % file.Config.Vocab)
	}
	o.Chunk, o.Sequences = chunks[0], 2
	m := loadFile(t, file, o)
	m.Steady(true)
	want, other := map[int][]float32{}, session(t, m)
	for i, rows := range chunks {
		m.pace = pace{rows: rows, least: rows, layers: 1, settled: true}
		s := session(t, m)
		for _, n := range lengths {
			if n > 70*rows {
				break // each of 16 rows in vain
			}
			if i == 0 {
				want[n] = lastLogits(t, other, ids[:n])
			}
			if !slices.Equal(firstLogits(t, s, ids[:n]), want[n]) {
				t.Errorf("chunks of %d: an answer to %d tokens begins with other logits than those of the last one", rows, n)
			}
		}
		s.Close()
	}
	for i, n := range lengths[1:] {
		if slices.Equal(want[n], want[lengths[i]]) {
			t.Errorf("the logits behind %d and %d tokens are the same", lengths[i], n)
		}
	}
}

// lastLogits are those behind ids, of a session that is reset.
func lastLogits(t *testing.T, s *Session, ids []int32) (last []float32) {
	t.Helper()
	if err := s.Logits(context.Background(), ids, false, func(_ int, logits []float32) error {
		last = slices.Clone(logits)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return last
}

// firstLogits are those that an answer's first token is sampled from.
func firstLogits(t *testing.T, s *Session, prompt []int32) []float32 {
	t.Helper()
	r, err := s.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 1})
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]float32, s.m.cfg.Vocab)
	if err := s.m.BetweenSteps(func() error {
		return s.m.dev.Read(bytesOf(logits...), s.m.act.logits.Part(0, 4*int64(len(logits))))
	}); err != nil {
		t.Fatal(err)
	}
	if r.Tokens[0] != int32(greatest(logits)) {
		t.Errorf("behind %d tokens %d was sampled, the greatest logit is that of %d", len(prompt), r.Tokens[0], greatest(logits))
	}
	return logits
}

// A chunk has the rows of its class; on devices without tiles, where each costs, as many as tokens.
func TestChunkClass(t *testing.T) {
	tiled, plain := &plan{tiled: true, chunk: 1000}, &plan{chunk: 1000}
	for n, want := range map[int]int{1: 16, 16: 16, 17: 32, 33: 64, 64: 64, 65: 128, 128: 128, 129: 192, 900: 960, 961: 1000, 1000: 1000} {
		if got := tiled.chunkClass(n); got != want {
			t.Errorf("%d tokens: %d rows, want %d", n, got, want)
		}
		if got := plain.chunkClass(n); got != n {
			t.Errorf("%d tokens without tiles: %d rows", n, got)
		}
	}
	for _, chunk := range []int{1, 7, 16, 20, 40, 64, 100, 1000, 1024} { // Load goes through all of them
		p, seen := &plan{tiled: true, chunk: chunk}, map[int]bool{}
		for n := chunk; n > 0; n = p.classBelow(n) {
			seen[n] = true
		}
		for n := 1; n <= chunk; n++ {
			if !seen[p.chunkClass(n)] {
				t.Errorf("chunks of up to %d: %d tokens have %d rows, of which Load knows nothing", chunk, n, p.chunkClass(n))
			}
		}
	}
	if got := (&plan{tiled: true, chunk: 7}).chunkClass(5); got != 7 {
		t.Errorf("5 tokens where chunks have up to 7: %d rows", got)
	}
}

// Prompts whose chunks have been recorded record nothing, whatever their number of tokens: only another
// class is, another way to sample, or another slot.
func TestChunksAreRecordedOnce(t *testing.T) {
	m := loadFile(t, oneLayer(t), Options{Context: 256, Tuning: &gpuPrefill, Chunk: 64})
	m.Steady(true)
	m.pace = pace{rows: 64, least: 64, layers: 1, settled: true}
	s, seen := session(t, m), 0
	for _, c := range []struct {
		tokens, recorded int
		sampling         Sampling
	}{
		{20, 1, Sampling{}}, {32, 0, Sampling{}}, {17, 0, Sampling{}},
		{16, 1, Sampling{}}, {3, 0, Sampling{}},
		{20, 1, Sampling{Temperature: 1, TopK: 40}},
		{120, 2, Sampling{}}, // one that isn't sampled from, and behind it one in the other slot that is
		{100, 0, Sampling{}},
		{150, 1, Sampling{}}, // whole ones in both slots, and one of 22
		{160, 0, Sampling{}},
	} {
		s.Reset()
		before := device.Stats().Commands
		if _, err := s.Generate(context.Background(), Request{Prompt: slices.Repeat([]int32{5}, c.tokens), MaxTokens: 1, Sampling: c.sampling}); err != nil {
			t.Fatal(err)
		}
		if n := device.Stats().Commands - before; n != c.recorded || len(m.chunks)-seen != n {
			t.Errorf("%d tokens, a temperature of %g: %d recordings, want %d; %d of them are kept", c.tokens, c.sampling.Temperature, n, c.recorded, len(m.chunks)-seen)
		}
		seen = len(m.chunks)
	}
}

// Of what prompts recorded the latest is kept.
func TestOldChunksMakeRoom(t *testing.T) {
	m := loadFile(t, oneLayer(t), Options{Context: 256, Tuning: &gpuPrefill})
	if err := m.BetweenSteps(func() error {
		record := func(n int) *vk.Commands {
			t.Helper()
			c, err := m.kept(recording{count: n, to: 1}, m.chunk(0, piece{ids: make([]int32, 1)}).step, nil)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		before := device.Stats().Commands
		first := record(1)
		for n := 2; n <= keptChunks; n++ {
			record(n)
		}
		if record(1) != first {
			t.Error("the first one is gone")
		}
		record(keptChunks + 1) // in the place of the second, which was asked for the longest ago
		if n := device.Stats().Commands - before; n != keptChunks || len(m.chunks) != n {
			t.Errorf("%d recordings, %d of them listed, want %d", n, len(m.chunks), keptChunks)
		}
		if record(1) != first || m.recordings[recording{count: 2, to: 1}] != nil {
			t.Error("another one than the oldest made room")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	watch(t, m)
	if len(m.chunks) != 0 || len(m.recordings) != 0 {
		t.Errorf("%d chunks and %d recordings are left", len(m.chunks), len(m.recordings))
	}
}
