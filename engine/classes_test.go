package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"sealvk/shaders"
)

func TestClasses(t *testing.T) {
	p := &plan{}
	for n, want := range map[int]int{1: 1, 2: 2, 3: 4, 5: 8, 8: 8, 9: 16, 17: 24, 25: 32, 32: 32} {
		if got := p.class(n); got != want {
			t.Errorf("%d rows are computed by a step of %d, want %d", n, got, want)
		}
		if got := (&plan{exact: true}).class(n); got != n {
			t.Errorf("%d rows, where each counts, by a step of %d", n, got)
		}
	}
}

// idleModel is a model of one layer that fills up its steps, as those of GPUs do.
func idleModel(t *testing.T, o Options) *Model {
	t.Helper()
	o.Tuning, o.batches = &gpuPrefill, true
	m := loadFile(t, oneLayer(t), o)
	if m.exact {
		t.Fatal("no row is ever idle")
	}
	return m
}

// several is n requests over prompts of different lengths, greedy and drawn.
func several(n int) (requests []Request) {
	for i := range n {
		r := Request{Prompt: []int32{2}, MaxTokens: 3 + i%4}
		for j := range 1 + 5*i%23 {
			r.Prompt = append(r.Prompt, int32(10+(37*i+j)%500))
		}
		if i%3 == 1 {
			r.Sampling = Sampling{Temperature: 1.5, TopK: 50, TopP: 0.98, MinP: 0.001, RepeatPenalty: 1.2, Seed: uint64(i)}
		}
		requests = append(requests, r)
	}
	return requests
}

// An answer is the same alone and in a step that is filled up, of all classes from 4 rows on.
func TestBatchWithIdleRows(t *testing.T) {
	const most = shaders.DecodeRows
	m := idleModel(t, Options{Sequences: most, Context: 64})
	all, requests := sessions(t, m, most), several(most)
	want := alone(t, all[0], requests)
	for _, n := range []int{3, 5, 12, 17, most} {
		if testing.Short() && n > 3 && n != 17 {
			continue
		}
		for _, s := range all {
			s.Reset()
		}
		got, err := m.GenerateBatch(context.Background(), in(all, requests[:n]...))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range got {
			if !slices.Equal(r.Tokens, want[i].Tokens) {
				t.Errorf("%d together, request %d: %v, alone %v", n, i, r.Tokens, want[i].Tokens)
			}
		}
	}
}

// What sessions hold is the same bits whether rows idle beside them or not: idle rows write
// nowhere but into their own page, and stay in its first position.
func TestIdleRowsWriteNothing(t *testing.T) {
	m := idleModel(t, Options{Sequences: 4, Context: 64, KV: KVF32})
	all, requests := sessions(t, m, 4), several(3)
	alone(t, all[3], requests[:1]) // a session that does nothing while the others decode
	read := func(n int64) (cache []byte) {
		t.Helper()
		l := m.layers[0].Cache
		size := l.K.Size / int64(m.plan.pages+1) // of a page
		cache = make([]byte, n*size)
		if err := m.dev.Read(cache, l.K.Part(0, n*size)); err != nil {
			t.Fatal(err)
		}
		return cache
	}
	pages := int64(m.plan.pages)
	before := read(pages)
	s := all[3]
	own := func(cache []byte) (of []byte) {
		size := len(cache) / m.plan.pages
		for _, page := range s.pages {
			of = append(of, cache[int(page)*size:][:size]...)
		}
		return of
	}
	if _, err := m.GenerateBatch(context.Background(), in(all[:3], requests...)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(own(before), own(read(pages))) {
		t.Error("the cache of a session that rests has changed")
	}
	rows := make([]byte, rowBytes*shaders.DecodeRows)
	if err := m.dev.Read(rows, m.state.decodeRows); err != nil {
		t.Fatal(err)
	}
	for i := 3; i < shaders.DecodeRows; i++ {
		r := rows[rowBytes*i:]
		got := shaders.Row{
			Token: binary.LittleEndian.Uint32(r), Position: binary.LittleEndian.Uint32(r[4:]),
			Sequence: binary.LittleEndian.Uint32(r[8:]), Step: binary.LittleEndian.Uint32(r[12:]),
		}
		if got != m.idleRow() {
			t.Fatalf("row %d is %+v, want %+v", i, got, m.idleRow())
		}
	}
}
