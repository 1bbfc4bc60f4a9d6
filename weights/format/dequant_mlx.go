package format

import "encoding/binary"

// dequantizeMLX unpacks whole groups. The words are little-endian with the first value in
// the lowest bits, so that the bytes of 8-bit values follow each other and the low
// nibble of a byte comes first. w = scale * q + bias, in float32.
func dequantizeMLX(dst []float32, t Type, src, scales, biases []byte) {
	bits, group, scale, _ := t.MLX()
	widen := Float16
	if scale == BF16 {
		widen = BFloat16
	}
	for ; len(dst) > 0; dst, src, scales, biases = dst[group:], src[group*bits/8:], scales[2:], biases[2:] {
		s, b := widen(binary.LittleEndian.Uint16(scales)), widen(binary.LittleEndian.Uint16(biases))
		for i := range group {
			q := src[i*bits/8] >> (i * bits % 8) & byte(1<<bits-1)
			dst[i] = float32(s*float32(q)) + b
		}
	}
}
