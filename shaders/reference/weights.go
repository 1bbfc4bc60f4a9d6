package reference

import (
	"encoding/binary"
	"math/rand/v2"

	"sealvk/weights/format"
)

// mask makes random bits what is wanted: numbers of moderate size, whatever bits are left.
type mask struct{ and, or uint64 }

var (
	anything = mask{and: ^uint64(0)}
	halfs    = mask{and: 0x97ff97ff97ff97ff}                         // f16 up to 2^-9, often subnormal
	bfloats  = mask{and: 0x87ff87ff87ff87ff, or: 0x3800380038003800} // 2^-15 to 2
	small    = mask{and: 0x81ff81ff81ff81ff, or: 0x3800380038003800} // bf16, 2^-15 to 2^-11
	floats   = mask{and: 0x87ffffff87ffffff, or: 0x3800000038000000} // 2^-15 to 2
)

// masks give numbers of moderate size to what a type has of them: its values, or the
// scales and biases of MLX's.
func masks(t format.Type) (values, scales mask) {
	_, _, scale, _ := t.MLX()
	switch {
	case t.IsMLX() && scale == format.BF16:
		return anything, small
	case t == format.F32:
		return floats, mask{}
	case t == format.F16:
		return halfs, mask{}
	case t == format.BF16:
		return bfloats, mask{}
	}
	return anything, halfs
}

// Weights makes random weights as a file has them; cols is whole blocks. scales and biases
// are MLX's, nil for other types.
func Weights(rng *rand.Rand, t format.Type, rows, cols int) (data, scales, biases []byte) {
	ofValues, ofScales := masks(t)
	blocks := rows * (cols / t.BlockValues())
	data = make([]byte, blocks*t.BlockBytes())
	ofValues.fill(rng, data)
	for _, offset := range t.Scales() {
		for at := offset; at < len(data); at += t.BlockBytes() {
			data[at+1] &= byte(halfs.and >> 8)
		}
	}
	if t.IsMLX() {
		scales, biases = make([]byte, 2*blocks), make([]byte, 2*blocks)
		ofScales.fill(rng, scales)
		ofScales.fill(rng, biases)
	}
	return data, scales, biases
}

func (m mask) fill(rng *rand.Rand, dst []byte) {
	for ; len(dst) >= 8; dst = dst[8:] {
		binary.LittleEndian.PutUint64(dst, rng.Uint64()&m.and|m.or)
	}
	if len(dst) > 0 {
		copy(dst, binary.LittleEndian.AppendUint64(nil, rng.Uint64()&m.and|m.or))
	}
}
