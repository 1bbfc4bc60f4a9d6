package format

import "encoding/binary"

// NonFinite looks for NaN and Inf in whole blocks of the type, which is none of MLX's, and
// gives the first block with one, and what was found; -1 if there is none. Of a quantized
// block only the scales are looked at: if they are finite, so are its values.
func (t Type) NonFinite(data []byte) (block int, found float32) {
	row := table[t]
	if row.exponent != 0 {
		return nonFiniteValue(data, &row)
	}
	return nonFiniteScale(data, &row)
}

// nonFiniteScale gives the first block with a NaN or Inf scale, and the scale; -1 if none.
func nonFiniteScale(data []byte, row *row) (block int, scale float32) {
	const exponent = 0x7c00
	for _, at := range row.scales {
		worst := uint16(0) // no branch in the loop: the largest exponent, looked at once
		for o := at; o < len(data); o += row.bytes {
			worst = max(worst, binary.LittleEndian.Uint16(data[o:])&exponent)
		}
		if worst != exponent {
			continue
		}
		for o := at; o < len(data); o += row.bytes {
			if s := half(data[o:]); s-s != 0 {
				return o / row.bytes, s
			}
		}
	}
	return -1, 0
}

// nonFiniteValue gives the first NaN or Inf, and its position; -1 if none.
// A 64-bit word holds two or four values. With all other bits masked, adding 1 to an
// exponent carries into the sign bit exactly if the exponent is all ones, and never
// further.
func nonFiniteValue(data []byte, row *row) (position int, value float32) {
	exponents := row.exponent
	one, signs := exponents&^(exponents<<1), exponents<<1&^exponents
	const step = 4096
	for o := 0; o < len(data); o += step {
		rest := data[o:min(o+step, len(data))]
		seen := uint64(0)
		for ; len(rest) >= 32; rest = rest[32:] {
			seen |= binary.LittleEndian.Uint64(rest)&exponents + one
			seen |= binary.LittleEndian.Uint64(rest[8:])&exponents + one
			seen |= binary.LittleEndian.Uint64(rest[16:])&exponents + one
			seen |= binary.LittleEndian.Uint64(rest[24:])&exponents + one
		}
		if seen&signs == 0 && len(rest) == 0 {
			continue
		}
		var v [1]float32
		for i := o; i < min(o+step, len(data)); i += row.bytes {
			row.dequantize(v[:], data[i:i+row.bytes])
			if v[0]-v[0] != 0 {
				return i / row.bytes, v[0]
			}
		}
	}
	return -1, 0
}

// NonFiniteMLX gives the position of the first of MLX's scales or biases, F16 or BF16,
// that is NaN, Inf or, in bf16, so large (2^119) that 255 * scale + bias might not be
// finite, and what was found; -1 if there is none.
func NonFiniteMLX(data []byte, scale Type) (position int, found float32) {
	limit, widen := uint16(0x7c00), Float16
	if scale == BF16 {
		limit, widen = (127+119)<<7, BFloat16
	}
	for i := 0; i < len(data); i += 2 {
		if bits := binary.LittleEndian.Uint16(data[i:]); bits&0x7fff >= limit {
			return i / 2, widen(bits)
		}
	}
	return -1, 0
}
