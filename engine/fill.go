package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"sealvk/shaders"
	"sealvk/vk"
)

// Fill makes the cache hold ids without computing anything: keys and values are random.
// What a step costs does not depend on them, so measurements at great depths need no
// prefill. The session is reset first.
func (s *Session) Fill(ids []int32) error {
	return s.idle(func() error { return s.fill(ids) })
}

func (s *Session) fill(ids []int32) error {
	m := s.m
	if len(ids) > 0 {
		if err := m.checkPrompt(ids); err != nil {
			return err
		}
	}
	if err := s.restart(len(ids)); err != nil {
		return err
	}
	page := randomKV(int(shaders.KVBytes(m.heads, m.kv)), m.kv)
	for _, number := range s.pages[:pagesFor(len(ids))] {
		for i := range m.layers {
			cache := &m.layers[i].Cache
			for _, r := range []vk.Range{cache.K, cache.V} {
				to := r.Buffer.Range(r.Offset+int64(number)*int64(len(page)), int64(len(page)))
				if err := m.dev.Write(to, page); err != nil {
					return fmt.Errorf("engine: KV cache: %w", err)
				}
			}
		}
	}
	s.cached = append(s.cached, ids...)
	return nil
}

// randomKV is a page of random values of moderate size.
func randomKV(bytes int, kv KVType) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	page := make([]byte, bytes)
	if kv == KVF16 {
		for i := 0; i < bytes; i += 2 { // ±[0.25, 0.5)
			binary.LittleEndian.PutUint16(page[i:], uint16(rng.Uint32())&0x83ff|0x3400)
		}
		return page
	}
	for i := 0; i < bytes; i += 4 {
		word := math.Float32bits(2*rng.Float32() - 1)
		if kv == KVQ8 { // as four values and as a scale of 2^-8 to 2^-7
			word = rng.Uint32()&0x007fffff | 0x3b800000
		}
		binary.LittleEndian.PutUint32(page[i:], word)
	}
	return page
}
