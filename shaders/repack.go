package shaders

import (
	"encoding/binary"
	"unsafe"
)

// RepackWords writes the first region of rows × cols values, which fills dst, from the
// file's data.
func (t Type) RepackWords(dst, data []byte, rows, cols int) {
	f := formats[t]
	switch {
	case f.values == 2 && cols%2 == 1:
		for r := range rows {
			row := dst[r*(cols+1)*2:][:(cols+1)*2]
			copy(row, data[r*cols*2:][:cols*2])
			binary.LittleEndian.PutUint16(row[cols*2:], 0)
		}
	case f.words*4 == f.fileBytes:
		copy(dst, data)
	default:
		n, src := rows*(cols/f.values), data[f.dataOffset:]
		switch f.words {
		case 4:
			strided[[16]byte, [0]byte](dst, 16, src, f.fileBytes, n)
		case 5:
			strided[[16]byte, [4]byte](dst, 20, src, f.fileBytes, n)
		case 8:
			strided[[16]byte, [16]byte](dst, 32, src, f.fileBytes, n)
		default: // large enough for copy
			for b := range n {
				copy(dst[b*f.words*4:][:f.words*4], src[b*f.fileBytes:])
			}
		}
	}
}

// RepackScales writes the second region of rows × cols values, if the type has one:
// of MLX types from scales and biases, of the others from data.
func (t Type) RepackScales(dst, data, scales, biases []byte, rows, cols int) {
	f := formats[t]
	n := rows * (cols / f.values)
	switch f.scaleBytes {
	case 2:
		strided[[2]byte, [0]byte](dst, 2, data[f.scale:], f.fileBytes, n)
	case 4:
		strided[[2]byte, [0]byte](dst, 4, scales, 2, n)
		strided[[2]byte, [0]byte](dst[2:], 4, biases, 2, n)
	}
}

// strided copies n runs of bytes that lie from apart in src to places to apart in dst.
// A run is an array A and behind it an array B, of at most 16 bytes each: the compiler
// copies those in registers. With the ends checked once it takes a quarter to a half of
// the time of copy in a loop.
func strided[A, B any](dst []byte, to int, src []byte, from, n int) {
	if n == 0 {
		return
	}
	var a A
	var b B
	split, size := unsafe.Sizeof(a), int(unsafe.Sizeof(a)+unsafe.Sizeof(b))
	d := unsafe.Pointer(unsafe.SliceData(dst[:(n-1)*to+size]))
	s := unsafe.Pointer(unsafe.SliceData(src[:(n-1)*from+size]))
	for i := range n {
		d, s := unsafe.Add(d, i*to), unsafe.Add(s, i*from)
		*(*A)(d) = *(*A)(s)
		if size > int(split) {
			*(*B)(unsafe.Add(d, split)) = *(*B)(unsafe.Add(s, split))
		}
	}
}
