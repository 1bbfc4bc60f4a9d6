package weights

import (
	"encoding/binary"
	"fmt"
)

// dequantize turns whole rows into values; scales and biases are nil but for MLX types.
func (t *Tensor) dequantize(dst []float32, data, scales, biases []byte) error {
	if !t.isMLX() {
		return Dequantize(dst, t.Type, data)
	}
	bits, group, scale, _ := t.Type.IsMLX()
	n := len(scales) / 2
	if len(biases) != len(scales) || len(dst) != n*group || len(data) != n*group*bits/8 {
		return fmt.Errorf("weights: %s: tensor %q: %d bytes of %s with %d scales and %d biases do not make %d values",
			t.path, t.Name, len(data), t.Type, n, len(biases)/2, len(dst))
	}
	widen := float16
	if scale == BF16 {
		widen = bfloat16
	}
	for g := range n {
		s := widen(binary.LittleEndian.Uint16(scales[2*g:]))
		b := widen(binary.LittleEndian.Uint16(biases[2*g:]))
		dequantizeMLX(dst[g*group:][:group], data[g*group*bits/8:], bits, s, b)
	}
	return nil
}

// dequantizeMLX unpacks one group. The words are little-endian with the first value in
// the lowest bits, so that the bytes of 8-bit values follow each other and the low
// nibble of a byte comes first. w = scale * q + bias, in float32.
func dequantizeMLX(dst []float32, src []byte, bits int, scale, bias float32) {
	for i := range dst {
		q := src[i*bits/8] >> (i * bits % 8) & byte(1<<bits-1)
		dst[i] = float32(scale*float32(q)) + bias
	}
}

func (t *Tensor) isMLX() bool {
	_, _, _, ok := t.Type.IsMLX()
	return ok
}
