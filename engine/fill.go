package engine

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"sealvk/shaders"
	"sealvk/vk"
)

// Fill makes the cache hold ids without computing anything: keys and values are random.
// What a step costs does not depend on them, so measurements at great depths need no
// prefill. The session is reset first.
func (s *Session) Fill(ids []int32) error {
	return s.idle(func() error {
		if len(ids) == 0 {
			s.cached = nil
			return nil
		}
		if err := s.restart(ids); err != nil {
			return err
		}
		page := randomKV(int(shaders.KVBytes(s.m.heads, s.m.kv)), s.m.kv)
		for _, number := range s.pages[:pagesFor(len(ids))] {
			for i := range s.m.layers {
				cache := &s.m.layers[i].Cache
				for _, r := range []vk.Range{cache.K, cache.V} {
					if err := s.m.dev.Write(r.Part(int64(number)*int64(len(page)), int64(len(page))), page); err != nil {
						return fmt.Errorf("engine: KV cache: %w", err)
					}
				}
			}
		}
		s.cached = append(s.cached, ids...)
		return nil
	})
}

// randomKV is a page of random values of moderate size: ±[0.25, 0.5), or, in q8_0, four values to a
// word that is as well a scale of 2^-8 to 2^-7.
func randomKV(bytes int, kv KVType) []byte {
	var mask, bits uint32
	switch kv {
	case KVF16:
		mask, bits = 0x83ff83ff, 0x34003400
	case KVF32:
		mask, bits = 0x807fffff, 0x3e800000
	case KVQ8:
		mask, bits = 0x007fffff, 0x3b800000
	}
	rng, page := rand.New(rand.NewPCG(1, 2)), make([]byte, bytes)
	for i := 0; i < bytes; i += 4 {
		binary.LittleEndian.PutUint32(page[i:], rng.Uint32()&mask|bits)
	}
	return page
}
