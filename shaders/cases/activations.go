package cases

import (
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
)

// eps is that of the model's norms.
const eps = 1e-6

// operand is the activations that a product reads: f32, and with int_dot integers too; or f16.
type operand struct {
	*array[float32]
	quantized *array[uint32] // nil: none
	half      *array[uint32] // of the product's tokens; nil: none
	found     []float32      // values as the kernel finds them; of half from the product's first token on
	first     int            // token of the product
	cols      int
}

func (b *Bench) operand(first, cols int) *operand {
	o := b.unhalved(first, cols)
	b.halve(o, func(int) float64 { return 1 })
	return o
}

// halve plans o's f16, of x times a factor of each token.
func (b *Bench) halve(o *operand, factor func(t int) float64) {
	m := &b.Variant.Product.Matrix
	if !m.Takes(b.Type, o.cols, b.Size("tokens")) {
		return
	}
	o.half = input(b, "x as f16", func(v []uint32) {
		x := slices.Clone(o.values[o.first*o.cols:])
		for i := range x {
			t := i / o.cols
			size := math.Ldexp(1, (b.from+t)%5-2) // so that tokens have different factors
			x[i] = float32(float64(x[i]) * factor(t) * size)
		}
		var words []uint32
		words, o.found = reference.Halves(x, o.cols, shaders.MatrixTokens, m.Octets())
		copy(v, words)
	}, int(shaders.ActivationHalves(o.cols)/4))
}

func (b *Bench) unhalved(first, cols int) *operand {
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

// integers tells whether they are read and written beside the floats: matmul, which no model's steps take, has
// no such form.
func (b *Bench) integers() bool {
	return b.Variant.Product.IntDot && b.Kernel != "matmul" && b.Size("tokens") <= shaders.DecodeRows
}

func (o *operand) activations() shaders.Activations {
	a := shaders.Activations{F32: o.Bound()}
	if o.quantized != nil {
		a.Quantized = o.quantized.Bound()
	}
	if o.half != nil {
		a.Half = o.half.Bound()
	}
	return a
}

// times is the product of rows of a matrix with a token.
func (o *operand) times(w []float32, t int) reference.Expected {
	if o.half != nil {
		return reference.MatMulMatrices(w, o.found[t*o.cols:], len(w)/o.cols, o.cols, 1)
	}
	return reference.MatMul(w, o.found[(o.first+t)*o.cols:], len(w)/o.cols, o.cols, 1)
}

// normed is an operand's RMSNorm.
type normed struct {
	*operand
	squares *array[float32]
	plain   bool // the product is not of the norm
}

func (b *Bench) normed(first, cols int) *normed {
	n := &normed{operand: b.unhalved(first, cols)}
	fill, size := b.perToken(tiles(cols), 4), choose[float32](b, 1, 1, 1e-6) // beside which eps counts
	n.squares = input(b, "sums of squares", func(v []float32) {
		fill(v)
		for i := range v {
			v[i] = size * (16 + v[i]*v[i])
		}
	}, first+b.Size("tokens"), tiles(cols))
	b.halve(n.operand, n.scale)
	return n
}

func (n *normed) normed() shaders.Normed {
	return shaders.Normed{Weighted: n.activations(), Squares: n.squares.Bound(), Eps: eps}
}

// times is rows of a matrix times a token's norm, which is in the f16.
func (n *normed) times(w []float32, t int) reference.Expected {
	if n.half != nil {
		return n.operand.times(w, t)
	}
	return n.operand.times(w, t).Scaled(n.scale(t))
}

func (n *normed) scale(t int) float64 {
	if n.plain {
		return 1
	}
	return reference.NormScale(n.squares.values[n.squares.offset(n.first+t):][:tiles(n.cols)], n.cols, eps)
}

// written is activations that a kernel writes.
type written struct {
	floats    *buffer // [tokens][cols]
	quantized *buffer // nil: none
}

func (b *Bench) activations(name string, cols int) *written {
	r := &written{floats: b.output(name, b.Size("tokens"), cols)}
	b.integersOf(r)
	return r
}

func (b *Bench) integersOf(r *written) {
	if b.integers() {
		r.quantized = b.output(r.floats.name+"_q16", shaders.DecodeRows, int(shaders.QuantizedBytes(r.floats.dims[1])/4/shaders.DecodeRows))
	}
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
