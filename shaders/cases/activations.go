package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
)

// eps is that of the model's norms.
const eps = 1e-6

// operand is the activations that a product reads: f32, and with int_dot integers too.
type operand struct {
	*array[float32]
	quantized *array[uint32] // nil: none
	found     []float32      // values as the kernel finds them
	first     int            // token of the product
	cols      int
}

func (b *Bench) operand(first, cols int) *operand {
	tokens := first + b.Size("tokens")
	o := &operand{cols: cols, first: first}
	fill := b.perToken(cols, 1)
	o.array = input(b, "x", func(v []float32) {
		fill(v)
		o.found = v
	}, tokens, cols)
	if b.integers() && cols%16 == 0 {
		o.quantized = input(b, "x as integers", func(v []uint32) {
			words, values := reference.Quantize(o.values, cols)
			if copy(v, words); !b.Type.IsFloat() { // floats are multiplied as floats
				o.found = values
			}
		}, int(shaders.QuantizedBytes(cols)/4))
	}
	return o
}

// integers tells whether they are read and written beside the floats.
func (b *Bench) integers() bool {
	return b.Variant.Product.IntDot && b.Size("tokens") <= shaders.DecodeRows
}

func (o *operand) activations() shaders.Activations {
	if o.quantized == nil {
		return shaders.Activations{F32: o.Bound()}
	}
	return shaders.Activations{F32: o.Bound(), Quantized: o.quantized.Bound()}
}

// times is the product of rows of a matrix with a token.
func (o *operand) times(w []float32, t int) reference.Expected {
	return reference.MatMul(w, o.found[(o.first+t)*o.cols:], len(w)/o.cols, o.cols, 1)
}

// normed is an operand's RMSNorm.
type normed struct {
	*operand
	squares *array[float32]
}

func (b *Bench) normed(first, cols int) *normed {
	n := &normed{operand: b.operand(first, cols)}
	fill, size := b.perToken(tiles(cols), 4), choose[float32](b, 1, 1, 1e-6) // beside which eps counts
	n.squares = input(b, "sums of squares", func(v []float32) {
		fill(v)
		for i := range v {
			v[i] = size * (16 + v[i]*v[i])
		}
	}, first+b.Size("tokens"), tiles(cols))
	return n
}

func (n *normed) normed() shaders.Normed {
	return shaders.Normed{Weighted: n.activations(), Squares: n.squares.Bound(), Eps: eps}
}

// times is rows of a matrix times a token's norm.
func (n *normed) times(w []float32, t int) reference.Expected {
	squares := n.squares.values[n.squares.offset(n.first+t):][:tiles(n.cols)]
	return n.operand.times(w, t).Scaled(reference.NormScale(squares, n.cols, eps))
}

// written is activations that a kernel writes.
type written struct {
	floats    *buffer // [tokens][cols]
	quantized *buffer // nil: none
}

func (b *Bench) activations(name string, cols int) *written {
	r := &written{floats: b.output(name, b.Size("tokens"), cols)}
	if b.integers() {
		r.quantized = b.output(name+"_q16", shaders.DecodeRows, int(shaders.QuantizedBytes(cols)/4/shaders.DecodeRows))
	}
	return r
}

func (r *written) activations() shaders.Activations {
	if r.quantized == nil {
		return shaders.Activations{F32: r.floats.Bound()}
	}
	return shaders.Activations{F32: r.floats.Bound(), Quantized: r.quantized.Bound()}
}

// expectIntegers compares the integers with the floats, which are right.
func (k *checker) expectIntegers(r *written) {
	tokens, cols := r.floats.dims[0], r.floats.dims[1]
	if r.quantized == nil || cols%16 != 0 {
		return
	}
	want := reference.Exactly(guarded.Floats(k.words(r.floats)))
	k.see(r.quantized, 0, r.quantized.offset(tokens))
	if problem := reference.CheckQuantized(k.words(r.quantized), want, cols); problem != "" {
		k.wrong("%s[0]: %s", r.quantized.name, problem)
	}
}

// residual is what a writer of the residual leaves to the next RMSNorm.
type residual struct {
	x        *buffer // [tokens][dim]
	norm     *array[float32]
	weighted *written
	squares  *buffer
}

func (b *Bench) residual(x *buffer, dim int) *residual {
	tokens := b.Size("tokens")
	return &residual{x, input(b, "norm", b.normal(1), dim), b.activations("weighted", dim), b.output("squares", tokens, tiles(dim))}
}

func (r *residual) residual() shaders.Residual {
	return shaders.Residual{X: r.x.Bound(), Weighted: r.weighted.activations(), Squares: r.squares.Bound()}
}

// expectResidual compares whole tiles of x of a token.
func (k *checker) expectResidual(r *residual, want reference.Expected, t, tile int) {
	first := tile * shaders.TileRows
	k.expect(r.x, want, t, first)
	k.expect(r.weighted.floats, want.Times(r.norm.values[first:][:len(want.Values)]), t, first)
	k.expect(r.squares, want.Squares(shaders.TileRows), t, tile)
}
