package shaders

import (
	"fmt"

	"sealvk/vk"
)

// KVType is the number format of the KV cache.
type KVType uint32

const (
	KVF16 KVType = iota // 2 bytes a value
	KVF32               // 4 bytes: nothing is rounded
	KVQ8                // 8 bits and a scale for each 32 values of a head: 1.125 bytes
)

var kvNames = [...]string{"f16", "f32", "q8_0"}

func (k KVType) String() string {
	if int(k) < len(kvNames) {
		return kvNames[k]
	}
	return fmt.Sprintf("KV type %d", uint32(k))
}

// unit is the values in the 16 bytes that a lane loads at once (KV_UNIT).
func (k KVType) unit() int { return [...]int{KVF16: 8, KVF32: 4, KVQ8: 16}[k] }

// KVCache is the paged cache of one layer and the tables that lead to it.
type KVCache struct {
	K, V     vk.Range // pages of KVBytes, laid out as kv.glsl says
	Pages    vk.Range // [sequences][MaxPages] u32: the page of each PageTokens positions
	MaxPages int
}

// KVBytes is the size of one page of K, or of V, in one layer.
func KVBytes(h Heads, kv KVType) int64 {
	n := int64(h.KVHeads) * PageTokens * int64(h.HeadDim)
	switch kv {
	case KVF32:
		return 4 * n
	case KVQ8:
		return n + 4*n/KVBlock
	}
	return 2 * n
}
