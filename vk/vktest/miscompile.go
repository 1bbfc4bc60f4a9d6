package vktest

import (
	"encoding/binary"
	"slices"
)

// Miscompiled is a shader as a driver might compile it that cannot be trusted: products of floats are
// sums. It is for [vk.Config.Shader].
func Miscompiled(spirv []byte) []byte {
	const header, opFAdd, opFMul = 20, 129, 133
	wrong := slices.Clone(spirv)
	for at := header; at < len(wrong); {
		word := binary.LittleEndian.Uint32(wrong[at:])
		if word&0xffff == opFMul { // the same operands
			binary.LittleEndian.PutUint32(wrong[at:], word&^0xffff|opFAdd)
		}
		at += 4 * int(word>>16)
	}
	return wrong
}
