package weights

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// checkBlocks looks for NaN and Inf in data: whole blocks of t, the first of which is
// block firstBlock of the tensor (a block of F32, F16 or BF16 is one value). Of a
// quantized block only the scales are looked at: if they are finite, so are its values.
// MLX types are an error, see [Tensor.CheckRows].
func checkBlocks(t *Tensor, data []byte, firstBlock int) error {
	f := formats[t.Type]
	if f.dequantize == nil || len(data)%f.bytes != 0 {
		return fmt.Errorf("weights: %s: tensor %q: %d bytes are not whole blocks of %s", t.path, t.Name, len(data), t.Type)
	}
	var block int
	var found float32
	what := "value"
	if f.exponent != 0 {
		block, found = nonFiniteValue(data, f)
	} else {
		block, found = nonFiniteScale(data, f)
		what = "scale"
	}
	if block < 0 {
		return nil
	}
	block += firstBlock
	perRow := t.Cols / f.values
	return fmt.Errorf("weights: %s: tensor %q (%s): the %s of block %d (row %d, from column %d) is %v; the file is damaged",
		t.path, t.Name, t.Type, what, block, block/perRow, block%perRow*f.values, found)
}

// nonFiniteScale gives the first block with a NaN or Inf scale, and the scale; -1 if none.
func nonFiniteScale(data []byte, f format) (block int, scale float32) {
	const exponent = 0x7c00
	for _, at := range f.scales {
		worst := uint16(0) // no branch in the loop: the largest exponent, looked at once
		for o := at; o < len(data); o += f.bytes {
			worst = max(worst, binary.LittleEndian.Uint16(data[o:])&exponent)
		}
		if worst != exponent {
			continue
		}
		for o := at; o < len(data); o += f.bytes {
			if s := half(data[o:]); s-s != 0 {
				return o / f.bytes, s
			}
		}
	}
	return -1, 0
}

// nonFiniteValue gives the first NaN or Inf, and its position; -1 if none.
// A 64-bit word holds two or four values. With all other bits masked, adding 1 to an
// exponent carries into the sign bit exactly if the exponent is all ones, and never
// further.
func nonFiniteValue(data []byte, f format) (position int, value float32) {
	exponents := f.exponent
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
		for i := o; i < min(o+step, len(data)); i += f.bytes {
			f.dequantize(v[:], data[i:i+f.bytes])
			if v[0]-v[0] != 0 {
				return i / f.bytes, v[0]
			}
		}
	}
	return -1, 0
}

// checkFinite looks at whole rows, the first of which is row first.
func (t *Tensor) checkFinite(data, scales, biases []byte, first int) error {
	if !t.isMLX() {
		return checkBlocks(t, data, first*(t.Cols/t.Type.BlockValues()))
	}
	_, group, scale, _ := t.Type.IsMLX()
	for _, part := range []struct {
		name string
		data []byte
	}{{"scale", scales}, {"bias", biases}} {
		if i := nonFiniteMLX(part.data, scale); i >= 0 {
			var v [1]float32
			formats[scale].dequantize(v[:], part.data[2*i:2*i+2])
			perRow := t.Cols / group
			return fmt.Errorf("weights: %s: tensor %q (%s): the %s of row %d, columns %d to %d, is %v; the file is damaged",
				t.path, t.Name, t.Type, part.name, first+i/perRow, i%perRow*group, (i%perRow+1)*group-1, v[0])
		}
	}
	return nil
}

// nonFiniteMLX gives the position of the first scale or bias that is NaN, Inf or, in
// bf16, so large (2^119) that 255 * scale + bias might not be finite; -1 if none.
func nonFiniteMLX(data []byte, scale Type) int {
	limit := uint16(0x7c00)
	if scale == BF16 {
		limit = (127 + 119) << 7
	}
	for i := 0; i < len(data); i += 2 {
		if binary.LittleEndian.Uint16(data[i:])&0x7fff >= limit {
			return i / 2
		}
	}
	return -1
}

// CheckFinite checks every tensor on all cores, as [Tensor.CheckRows] does. Of several
// damaged places it reports the first: the first tensor's in the order of Tensors, there
// the lowest row's.
func (m *Model) CheckFinite() error {
	const piece = 4 << 20 // bytes: large beside the cost of handing it out
	type job struct {
		tensor      *Tensor
		first, rows int
	}
	var jobs []job
	for _, t := range m.Tensors {
		step := max(1, piece/t.RowBytes())
		for r := 0; r < t.Rows; r += step {
			jobs = append(jobs, job{t, r, min(step, t.Rows-r)})
		}
	}
	var next, failed atomic.Int64
	failed.Store(int64(len(jobs)))
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < failed.Load(); i = next.Add(1) - 1 {
				j := jobs[i]
				if errs[i] = j.tensor.Guard(func() error { return j.tensor.CheckRows(j.first, j.rows) }); errs[i] != nil {
					failed.Store(min(failed.Load(), i)) // all before i have been handed out: losing a race only costs work
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
