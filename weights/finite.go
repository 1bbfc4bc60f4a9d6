package weights

import (
	"cmp"
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"sealvk/weights/format"
)

// checkBlocks looks for NaN and Inf in data: whole blocks of t, the first of which is
// block firstBlock of the tensor; see [format.Type.NonFinite]. MLX types are an error, see
// [Tensor.CheckRows].
func checkBlocks(t *Tensor, data []byte, firstBlock int) error {
	if !t.Type.Known() || t.Type.IsMLX() || len(data)%t.Type.BlockBytes() != 0 {
		return fmt.Errorf("weights: %s: tensor %q: %d bytes are not whole blocks of %s", t.path, t.Name, len(data), t.Type)
	}
	block, found := t.Type.NonFinite(data)
	if block < 0 {
		return nil
	}
	what := "scale"
	if t.Type.IsFloat() {
		what = "value"
	}
	block += firstBlock
	values := t.Type.BlockValues()
	perRow := t.Cols / values
	return fmt.Errorf("weights: %s: tensor %q (%s): the %s of block %d (row %d, from column %d) is %v; the file is damaged",
		t.path, t.Name, t.Type, what, block, block/perRow, block%perRow*values, found)
}

// checkFinite looks at whole rows, the first of which is row first.
func (t *Tensor) checkFinite(data, scales, biases []byte, first int) error {
	if !t.Type.IsMLX() {
		return checkBlocks(t, data, first*(t.Cols/t.Type.BlockValues()))
	}
	_, group, scale, _ := t.Type.MLX()
	for _, part := range []struct {
		name string
		data []byte
	}{{"scale", scales}, {"bias", biases}} {
		if i, found := format.NonFiniteMLX(part.data, scale); i >= 0 {
			perRow := t.Cols / group
			return fmt.Errorf("weights: %s: tensor %q (%s): the %s of row %d, columns %d to %d, is %v; the file is damaged",
				t.path, t.Name, t.Type, part.name, first+i/perRow, i%perRow*group, (i%perRow+1)*group-1, found)
		}
	}
	return nil
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
		rows := max(1, piece/t.RowBytes())
		for r := 0; r < t.Rows; r += rows {
			jobs = append(jobs, job{t, r, min(rows, t.Rows-r)})
		}
	}
	errs := make([]error, len(jobs))
	all, ctx := errgroup.WithContext(context.Background())
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		if ctx.Err() != nil {
			break // what stands in front of the damage is being checked already
		}
		all.Go(func() error {
			errs[i] = j.tensor.Guard(func() error { return j.tensor.CheckRows(j.first, j.rows) })
			return errs[i]
		})
	}
	_ = all.Wait() // it has the error that came first, not that of the first place
	return cmp.Or(errs...)
}
