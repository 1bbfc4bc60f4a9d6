package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"sealvk/weights"
	"sealvk/weights/format"
)

// isMatrix tells what has a type of its own from the norms.
func isMatrix(t *weights.Tensor) bool { return !strings.HasSuffix(t.Name, "norm.weight") }

// oneLayer is the demo model without its other layers, in memory.
func oneLayer(t *testing.T) *weights.Model { return firstLayers(t, 1) }

func firstLayers(t *testing.T, n int) *weights.Model {
	t.Helper()
	data, err := os.ReadFile(nano)
	if err != nil {
		t.Fatal(err)
	}
	file, err := weights.Parse("some layers", data)
	if err != nil {
		t.Fatal(err)
	}
	file.Config.Layers = n
	file.Tensors = slices.DeleteFunc(file.Tensors, func(t *weights.Tensor) bool {
		var layer int
		_, err := fmt.Sscanf(t.Name, "blk.%d.", &layer)
		return err == nil && layer >= n
	})
	return file
}

// randomize gives a matrix another type and random values, of scales from 2^-8 to 2^-6.
func randomize(t *weights.Tensor, typ format.Type, rng *rand.Rand) {
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	half := func(at []byte) { binary.LittleEndian.PutUint16(at, uint16(7<<10|rng.IntN(2<<10))) }
	t.Type = typ
	t.Data = random(t.Rows * t.RowBytes())
	for _, offset := range typ.Scales() {
		for at := offset; at < len(t.Data); at += typ.BlockBytes() {
			half(t.Data[at:])
		}
	}
	if _, group, scale, ok := typ.MLX(); ok {
		n := t.Rows * t.Cols / group
		t.Scales, t.Biases = make([]byte, 2*n), make([]byte, 2*n)
		for i := range n {
			half(t.Scales[2*i:])
			half(t.Biases[2*i:])
			if scale == format.BF16 {
				binary.LittleEndian.PutUint16(t.Scales[2*i:], uint16(0x3b80+rng.IntN(0x100)))
				binary.LittleEndian.PutUint16(t.Biases[2*i:], uint16(0x3c80+rng.IntN(0x100)|0x8000))
			}
		}
	}
}

// asF32 turns every matrix into the values that it stands for.
func asF32(t *testing.T, file *weights.Model) {
	t.Helper()
	for _, m := range file.Tensors {
		if !isMatrix(m) {
			continue
		}
		values := make([]float32, m.Rows*m.Cols)
		if err := m.DequantizeRows(values, 0, m.Rows); err != nil {
			t.Fatal(err)
		}
		m.Type, m.Data, m.Scales, m.Biases = format.F32, bytesOf(values...), nil, nil
	}
}

// someLogits are those of every position of a short prompt.
func someLogits(t *testing.T, m *Model) (rows [][]float32) {
	t.Helper()
	ids := []int32{2, 316, 289, 149, 318, 317, 51, 4, 143}
	err := session(t, m).Logits(context.Background(), ids, true, func(_ int, logits []float32) error {
		rows = append(rows, slices.Clone(logits))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// agree compares the logits of two models, position by position.
func agree(t *testing.T, what string, got, want [][]float32, allowed float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d positions, want %d", what, len(got), len(want))
	}
	for i := range got {
		exact := make([]float64, len(want[i]))
		for j, v := range want[i] {
			exact[j] = float64(v)
		}
		if d := distance(got[i], exact); !(d <= allowed) {
			t.Errorf("%s: position %d: off by %.2g", what, i, d)
		}
	}
}

// checkBytesPerToken: a token reads every matrix once, in no more bytes than the file has,
// but that a row's f16 scales, where they stand apart, fill words.
func checkBytesPerToken(t *testing.T, m *Model, file *weights.Model) {
	t.Helper()
	var want int64
	for _, tensor := range file.Tensors {
		if isMatrix(tensor) {
			want += tensor.Bytes()
			if odd := tensor.Cols / tensor.Type.BlockValues() % 2; tensor.Type.Layout().Half >= 0 {
				want += 2 * int64(odd*tensor.Rows)
			}
		}
	}
	if got := m.BytesPerToken(); got != want {
		t.Errorf("%d bytes a token, the file's matrices have %d", got, want)
	}
}

// The types that no file of seallm-nano has, whole and in parts of 40 KiB, against their
// values in f32.
func TestTypesAgreeWithTheirValues(t *testing.T) {
	files := []format.Type{format.F32, format.F16, format.BF16, format.Q4_0, format.Q4_1, format.Q8_0, format.Q4_K, format.Q5_K, format.Q6_K}
	types := slices.DeleteFunc(format.Types(), func(t format.Type) bool { return t.IsMLX() || slices.Contains(files, t) })
	types = append(types, format.MLX(4, 32, format.F16), format.MLX(4, 128, format.BF16), format.MLX(8, 64, format.F16), format.MLX(8, 128, format.BF16))
	if testing.Short() {
		types = types[len(types)-5:] // of each kind one
	}
	for _, typ := range types {
		t.Run(strings.ReplaceAll(typ.String(), " ", "-"), func(t *testing.T) {
			file, rng := oneLayer(t), rand.New(rand.NewPCG(uint64(typ), 1))
			for _, m := range file.Tensors {
				if isMatrix(m) {
					randomize(m, typ, rng)
				}
			}
			options := Options{KV: KVF32, Context: 64}
			m := loadFile(t, file, options)
			checkBytesPerToken(t, m, file)
			whole := someLogits(t, m)

			options.maxRange = 40 << 10
			m = loadFile(t, file, options)
			if n := len(m.tokenEmbd.Parts); n < 2 {
				t.Errorf("token_embd is in %d parts", n)
			}
			tokenByToken(m)
			parts := someLogits(t, m)

			asF32(t, file)
			want := someLogits(t, loadFile(t, file, Options{KV: KVF32, Context: 64}))
			agree(t, "whole", whole, want, tolerance)
			agree(t, "parts", parts, want, tolerance)
		})
	}
}
