package shaders

import (
	"math/rand/v2"
	"testing"

	"sealvk/weights"
)

// onDevice is rows first to first+rows as a part has them.
func onDevice(file *weights.Tensor, first, rows int) []byte {
	typ, cols := Type(file.Type), file.Cols
	data, scales, biases := file.RowData(first, rows)
	dst := make([]byte, typ.DeviceBytes(rows, cols))
	split := rows * typ.rowWords(cols) * 4
	typ.RepackWords(dst[:split], data, rows, cols)
	typ.RepackScales(dst[split:], data, scales, biases, rows, cols)
	return dst
}

func TestRepackReadsNoMoreBytes(t *testing.T) {
	for _, typ := range allTypes {
		for _, cols := range colsFor(typ) {
			tensor, _ := randomWeights(t, random(t), typ, 64, cols)
			file, device := tensor.Bytes(), typ.DeviceBytes(64, cols)
			padding := int64(0)
			if cols%2 == 1 && (typ == F16 || typ == BF16) {
				padding = 64 * 2
			}
			if device != file+padding {
				t.Errorf("%s, %d columns: %d bytes on the device, %d in the file", name(typ), cols, device, file)
			}
		}
	}
}

// BenchmarkRepack reports the rate at which the file's bytes take the device's form,
// on one core; that of F32 is a plain copy's.
func BenchmarkRepack(b *testing.B) {
	const rows, cols = 1024, 4096
	for _, typ := range allTypes {
		b.Run(name(typ), func(b *testing.B) {
			file, _ := randomWeights(b, rand.New(rand.NewPCG(1, 1)), typ, rows, cols)
			dst := make([]byte, typ.DeviceBytes(rows, cols))
			words, scales := dst[:rows*typ.rowWords(cols)*4], dst[rows*typ.rowWords(cols)*4:]
			b.SetBytes(file.Bytes())
			b.ReportAllocs()
			for b.Loop() {
				typ.RepackWords(words, file.Data, rows, cols)
				typ.RepackScales(scales, file.Data, file.Scales, file.Biases, rows, cols)
			}
		})
	}
}
