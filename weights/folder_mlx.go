package weights

import (
	"fmt"
	"slices"
	"strconv"

	"sealvk/weights/format"
)

// mlxConfig is the quantization that mlx-lm notes in config.json.
type mlxConfig struct {
	bits, group int
	modules     map[string]mlxModule // those with parameters of their own
}

// mlxModule is one module's quantization; bits is 0 where it has none.
type mlxModule struct{ bits, group int }

// readMLXConfig reads the object "quantization"; nil if the model has none. Other
// programs use "quantization_config" alone, with a quant_method.
func readMLXConfig(o *jsonObject) *mlxConfig {
	key := "quantization"
	v := o.get(key, "object", false)
	if v == nil {
		key = "quantization_config"
		v = o.get(key, "object", false)
	}
	if v == nil || o.err != nil {
		return nil
	}
	q := &jsonObject{jsonValue: v}
	if method := q.text("quant_method"); method != "" {
		o.failf("%q at byte %d has quant_method %.40q; only MLX's affine quantization can be run, take the unquantized model or a GGUF file", key, v.at, method)
		return nil
	}
	global := q.mlxModule()
	c := &mlxConfig{global.bits, global.group, map[string]mlxModule{}}
	for _, name := range q.keys {
		switch m := q.fields[name]; {
		case m.kind == "object":
			own := &jsonObject{jsonValue: m}
			c.modules[name] = own.mlxModule()
			if own.err != nil {
				q.failf("%.80q: %w", name, own.err)
			}
		case m.kind == "bool" && m.text == "false":
			c.modules[name] = mlxModule{}
		}
	}
	if q.err != nil {
		o.failf("%q at byte %d: %w", key, v.at, q.err)
	}
	return c
}

// mlxModule reads group_size and bits.
func (o *jsonObject) mlxModule() mlxModule {
	m := mlxModule{bits: o.integer("bits", -1), group: o.integer("group_size", -1)}
	if mode := o.text("mode"); mode != "" && mode != "affine" {
		o.failf("mode is %.40q; only \"affine\" can be run", mode)
	}
	if o.err == nil && !slices.Contains([]int{4, 8}, m.bits) {
		o.failf("bits is %d; only 4 and 8 can be run, convert the model again with one of them (mlx_lm.convert --q-bits)", m.bits)
	}
	if o.err == nil && !slices.Contains([]int{32, 64, 128}, m.group) {
		o.failf("group_size is %d; only 32, 64 and 128 can be run, convert the model again with one of them (mlx_lm.convert --q-group-size)", m.group)
	}
	return m
}

// module gives the parameters of a module, bits 0 where it is not to be quantized.
func (c *mlxConfig) module(path string) mlxModule {
	if m, ok := c.modules[path]; ok {
		return m
	}
	return mlxModule{c.bits, c.group}
}

// attachMLX makes a tensor of a quantized module: its weight is of rows × cols × bits/32
// words, its scales and biases of rows × cols/group values each.
func attachMLX(t *Tensor, c *mlxConfig, module string, weight, scales, biases *stEntry) error {
	if c == nil {
		return fmt.Errorf("tensor %q is quantized, but config.json has no \"quantization\"", scales.name)
	}
	m := c.module(module)
	if m.bits == 0 {
		return fmt.Errorf("tensor %q is there, but config.json says that the module is not quantized", scales.name)
	}
	if biases == nil {
		return fmt.Errorf("tensor %q is missing", module+".biases")
	}
	if t.Cols%m.group != 0 {
		return fmt.Errorf("tensor %q: rows of %d values are not a multiple of group_size %d", weight.name, t.Cols, m.group)
	}
	words, groups := t.Cols*m.bits/32, t.Cols/m.group
	for _, part := range []struct {
		e    *stEntry
		cols int
	}{{weight, words}, {scales, groups}, {biases, groups}} {
		if err := part.e.checkShape(t.Rows, part.cols); err != nil {
			return fmt.Errorf("%w and %d bits in groups of %d", err, m.bits, m.group)
		}
	}
	if weight.dtype != "U32" {
		return fmt.Errorf("tensor %q has dtype %s, want U32", weight.name, weight.dtype)
	}
	if scales.dtype != biases.dtype || scales.dtype != "F16" && scales.dtype != "BF16" {
		return fmt.Errorf("tensor %q has dtype %s, its biases %s; both must be F16 or BF16, convert the model again (mlx_lm.convert --dtype bfloat16)",
			scales.name, scales.dtype, biases.dtype)
	}
	t.Type = format.MLX(m.bits, m.group, floatTypes[scales.dtype])
	t.Data, t.Scales, t.Biases = weight.data, scales.data, biases.data
	weight.used, scales.used, biases.used = true, true, true
	return nil
}

// checkShape compares a matrix's or, with one row, a vector's shape.
func (e *stEntry) checkShape(rows, cols int) error {
	want := []uint64{uint64(rows), uint64(cols)}
	if slices.Equal(e.shape, want) || rows == 1 && slices.Equal(e.shape, want[1:]) {
		return nil
	}
	shape := "no dimensions"
	for i, d := range e.shape {
		if i == 0 {
			shape = strconv.FormatUint(d, 10)
			continue
		}
		shape += " × " + strconv.FormatUint(d, 10)
	}
	return fmt.Errorf("tensor %q has shape %s, want %d × %d by config.json", e.name, shape, rows, cols)
}
