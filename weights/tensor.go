package weights

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"sealvk/weights/format"
)

// Tensor is a matrix in the file: row-major, each row a whole number of blocks.
type Tensor struct {
	Name string
	Type format.Type
	Rows int    // 1 for vectors
	Cols int    // contiguous
	Data []byte // the file's bytes, read only; Rows × RowBytes

	// Of MLX types only: one 16-bit float for each group, Rows × Cols/group.
	Scales, Biases []byte

	repeated bool // of [Synth]: Data is some rows, over and over

	path   string // of the file, for errors
	dims   []uint64
	offset uint64 // in the data section
	size   uint64
	at     int // where the file describes it; in a folder, its place among the tensors
}

// RowBytes is the size of one row in bytes.
func (t *Tensor) RowBytes() int { return t.Cols / t.Type.BlockValues() * t.Type.BlockBytes() }

// Bytes is the size of the tensor in the file.
func (t *Tensor) Bytes() int64 {
	if t.repeated {
		return int64(t.Rows) * int64(t.RowBytes())
	}
	return int64(len(t.Data)) + int64(len(t.Scales)) + int64(len(t.Biases))
}

// RowData gives the file's bytes of some rows; scales and biases are nil but for MLX types.
func (t *Tensor) RowData(first, rows int) (data, scales, biases []byte) {
	if t.repeated {
		return t.repeatedRows(first, rows), nil, nil
	}
	n := t.RowBytes()
	data = t.Data[first*n:][:rows*n]
	if t.Scales != nil {
		n = len(t.Scales) / t.Rows
		scales, biases = t.Scales[first*n:][:rows*n], t.Biases[first*n:][:rows*n]
	}
	return data, scales, biases
}

// CheckRows looks for NaN and Inf in some rows. Of a quantized block only the scales are
// looked at: if they are finite, so are its values.
func (t *Tensor) CheckRows(first, rows int) error {
	data, scales, biases := t.RowData(first, rows)
	return t.checkFinite(data, scales, biases, first)
}

// DequantizeRows turns some rows into values; len(dst) is rows × Cols.
func (t *Tensor) DequantizeRows(dst []float32, first, rows int) error {
	data, scales, biases := t.RowData(first, rows)
	if err := format.Dequantize(dst, t.Type, data, scales, biases); err != nil {
		return fmt.Errorf("weights: %s: tensor %q: %w", t.path, t.Name, err)
	}
	return nil
}

// minTensorInfo is the least that a tensor's description takes: name length, one
// letter, dimension count, one dimension, type, offset.
const minTensorInfo = 8 + 1 + 4 + 8 + 4 + 8

// readTensorInfos reads the descriptions; the data is attached by attachData.
func readTensorInfos(c *cursor, count uint64, path string) []*Tensor {
	var list []*Tensor
	names := map[string]bool{}
	for i := uint64(0); i < count && c.err == nil; i++ {
		c.what = fmt.Sprintf("description of tensor %d of %d", i+1, count)
		t := &Tensor{path: path, at: c.off}
		t.Name = string(c.str())
		if c.err == nil && (t.Name == "" || len(t.Name) > 64 || !utf8.ValidString(t.Name)) {
			c.failf("name %.64q at byte %d is empty, longer than 64 bytes or not UTF-8", t.Name, t.at)
		}
		if c.err == nil {
			c.what = fmt.Sprintf("tensor %q at byte %d", t.Name, t.at)
		}
		if names[t.Name] {
			c.failf("appears twice")
		}
		names[t.Name] = true
		n := c.u32()
		if c.err == nil && (n == 0 || n > 4) {
			c.failf("has %d dimensions, want 1 to 4", n)
		}
		for j := uint32(0); j < n && c.err == nil; j++ {
			t.dims = append(t.dims, c.u64())
		}
		t.Type = format.Type(c.u32())
		t.offset = c.u64()
		if c.err == nil {
			if err := t.measure(); err != nil {
				c.failf("%v", err)
			}
		}
		list = append(list, t)
	}
	return list
}

// measure turns the dimensions and the type into Rows, Cols and size.
func (t *Tensor) measure() error {
	if err := t.Type.CheckGGUF(); err != nil {
		return err
	}
	values := uint64(1)
	for i, d := range t.dims {
		hi, product := bits.Mul64(values, d)
		switch {
		case d == 0:
			return fmt.Errorf("dimension %d of %v is 0", i+1, t.dims)
		case hi != 0 || product > math.MaxInt64:
			return fmt.Errorf("product of the dimensions %v overflows", t.dims)
		case i >= 2 && d != 1:
			return fmt.Errorf("shape %v has more than two dimensions", t.dims)
		}
		values = product
	}
	for _, d := range t.dims {
		if d > math.MaxInt32 {
			return fmt.Errorf("dimension %d is too large", d)
		}
	}
	t.Cols, t.Rows = int(t.dims[0]), 1
	if len(t.dims) > 1 {
		t.Rows = int(t.dims[1])
	}
	if b := t.Type.BlockValues(); t.Cols%b != 0 {
		return fmt.Errorf("rows of %d values are not a multiple of %s's block of %d", t.Cols, t.Type, b)
	}
	rowBytes := uint64(t.Cols/t.Type.BlockValues()) * uint64(t.Type.BlockBytes())
	hi, size := bits.Mul64(uint64(t.Rows), rowBytes)
	if hi != 0 {
		return fmt.Errorf("size of shape %v overflows", t.dims)
	}
	t.size = size
	return nil
}

// attachData gives each tensor its part of the data section, which begins at byte start.
func attachData(list []*Tensor, file []byte, start, alignment uint64) error {
	length := uint64(0)
	if start < uint64(len(file)) {
		length = uint64(len(file)) - start
	}
	for _, t := range list {
		fail := func(message string, args ...any) error {
			return fmt.Errorf("tensor %q at byte %d: %s", t.Name, t.at, fmt.Sprintf(message, args...))
		}
		if t.offset%alignment != 0 {
			return fail("data offset %d is not a multiple of the alignment %d", t.offset, alignment)
		}
		if t.offset > length || t.size > length-t.offset {
			return fail("data of %d bytes at offset %d of the data section (byte %d) ends past the end of the file, which has %d bytes (incomplete download? fetch it again)",
				t.size, t.offset, start, len(file))
		}
		from := start + t.offset
		t.Data = file[from : from+t.size : from+t.size]
	}
	order := slices.Clone(list)
	slices.SortFunc(order, func(a, b *Tensor) int { return cmp.Compare(a.offset, b.offset) })
	for i := 1; i < len(order); i++ {
		a, b := order[i-1], order[i]
		if a.offset+a.size > b.offset {
			return fmt.Errorf("tensor %q: data at offset %d overlaps %q (offset %d, %d bytes)", b.Name, b.offset, a.Name, a.offset, a.size)
		}
	}
	return nil
}
