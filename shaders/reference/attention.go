package reference

import "math"

// KV is the number format of the KV cache, numbered as in kv.glsl.
type KV uint32

const (
	KVF16 KV = iota
	KVF32
	KVQ8
)

// unit is the number of values in 16 bytes.
func (k KV) unit() int { return [...]int{8, 4, 16}[k] }

// block is the number of values of Q8 that share a scale.
const block = 32

// Cache is K or V of one layer in the paged KV cache, as one sequence sees it.
type Cache struct {
	Words          []uint32 // as kv.glsl lays them out
	KV             KV
	IsV            bool
	Heads, HeadDim int // Heads: the KV heads
	PageTokens     int
	Pages          []uint32 // the sequence's row of the page table
}

// Word is that of dimension d of a head at a position, and the bit at which the value begins;
// scale is the word of its scale in Q8.
func (c *Cache) Word(head, position, d int) (word, shift, scale int) {
	page, token, n := int(c.Pages[position/c.PageTokens]), position%c.PageTokens, c.KV.unit()
	units, blocks := c.HeadDim/n, c.HeadDim/block
	words := 4 * units * c.PageTokens
	all := words
	if c.KV == KVQ8 {
		all += blocks * c.PageTokens
	}
	base := (page*c.Heads + head) * all
	unit, scale := d/n*c.PageTokens+token, d/block*c.PageTokens+token
	if c.IsV {
		unit, scale = token*units+d/n, token*blocks+d/block
	}
	bit := d % n * 128 / n
	return base + 4*unit + bit/32, bit % 32, base + words + scale
}

// At is dimension d of a head at a position.
func (c *Cache) At(head, position, d int) float64 {
	word, shift, scale := c.Word(head, position, d)
	switch w := c.Words[word]; c.KV {
	case KVF32:
		return float64(math.Float32frombits(w))
	case KVQ8:
		return float64(int8(w>>shift)) * float64(math.Float32frombits(c.Words[scale]))
	default:
		return Half(uint16(w >> shift))
	}
}

// Half is the value of IEEE 754 half-precision bits; Inf counts as NaN, for there is no way to either.
func Half(h uint16) float64 {
	e, m := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(m+1024, e-25)
	switch e {
	case 0:
		v = math.Ldexp(m, -24)
	case 31:
		v = math.NaN()
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return v
}

// attentionTolerance is for values of size 1.
const attentionTolerance = 4e-6

// Attention is softmax(scale·q·K)·V of one head over length positions
// (https://arxiv.org/abs/1706.03762, eq. 1). head is the KV head.
func Attention(q []float32, scale float64, k, v *Cache, head, length int) Expected {
	e, _ := attention(q, scale, length, func(i, d int) float64 { return k.At(head, i, d) }, func(i, d int) float64 { return v.At(head, i, d) })
	for i := range e.Tolerance {
		e.Tolerance[i] = attentionTolerance
	}
	return e
}

// AttentionHalves is Attention by matrix units: q is rounded to f16 as Halves does, and so are K and V, which
// drivers round as they like where they come of integers; that changes a score by as much as
// independent errors add up to. Weights are rounded to f16 too.
func AttentionHalves(q []float32, scale float64, k, v *Cache, head, length int) Expected {
	const lost = 0x1p-10 // of a size, by rounding it to f16 in any way
	_, q = Halves(q, len(q), 1, false)
	scores := 0.0 // by how much they may be wrong
	if k.KV == KVQ8 {
		for i := range length {
			var squares float64
			for d, x := range q {
				squares += math.Pow(float64(x)*k.At(head, i, d), 2)
			}
			scores = max(scores, 4*scale*lost*math.Sqrt(squares))
		}
	}
	e, sizes := attention(q, scale, length, func(i, d int) float64 { return k.At(head, i, d) }, func(i, d int) float64 { return v.At(head, i, d) })
	for i, size := range sizes {
		e.Tolerance[i] = 4*attentionTolerance + size*(lost+2*scores)
		if v.KV == KVQ8 {
			e.Tolerance[i] += size * lost
		}
	}
	return e
}

// attention also gives the weighted means of the sizes of the values; tolerances are 0.
func attention(q []float32, scale float64, length int, k, v func(position, d int) float64) (e Expected, sizes []float64) {
	scores, maximum := make([]float64, length), math.Inf(-1)
	for i := range scores {
		for d, x := range q {
			scores[i] += float64(x) * k(i, d)
		}
		scores[i] *= scale
		maximum = max(maximum, scores[i])
	}
	var total float64
	for i, s := range scores {
		scores[i] = math.Exp(s - maximum)
		total += scores[i]
	}
	e, sizes = Expected{make([]float64, len(q)), make([]float64, len(q))}, make([]float64, len(q))
	for i, weight := range scores {
		for d := range sizes {
			value := v(i, d)
			e.Values[d] += weight / total * value
			sizes[d] += weight / total * math.Abs(value)
		}
	}
	return e, sizes
}

// AttentionMerge is Σ exp(m-M) × values / Σ exp(m-M) × s over the splits of one head, each
// (m, s, 0, 0, values) with headDim values; M is the greatest m
// (https://arxiv.org/abs/2205.14135, section 3.1).
func AttentionMerge(partial []float32, headDim int) Expected {
	stride := 4 + headDim
	maximum := math.Inf(-1)
	for at := 0; at < len(partial); at += stride {
		maximum = max(maximum, float64(partial[at]))
	}
	var total float64
	sum, size := make([]float64, headDim), make([]float64, headDim)
	for at := 0; at < len(partial); at += stride {
		weight := math.Exp(float64(partial[at]) - maximum)
		total += weight * float64(partial[at+1])
		for d := range headDim {
			v := weight * float64(partial[at+4+d])
			sum[d] += v
			size[d] += math.Abs(v)
		}
	}
	var e Expected
	for d := range headDim {
		e.add(sum[d]/total, attentionTolerance*size[d]/total)
	}
	return e
}

// RoPE rotates the pairs (i, i + dim/2) of each head of dim values by position ×
// theta^(-2i/dim) (https://arxiv.org/abs/2104.09864, eq. 34).
func RoPE(x []float32, dim, position int, theta float64) Expected {
	return Exactly(x).RoPE(dim, position, theta)
}

// RoPE is that of values which are known with a tolerance. It allows for angles in f32,
// whose error grows with the position.
func (e Expected) RoPE(dim, position int, theta float64) Expected {
	n := len(e.Values)
	r := Expected{make([]float64, n), make([]float64, n)}
	for head := 0; head < n; head += dim {
		for i := range dim / 2 {
			a, b := head+i, head+i+dim/2
			sin, cos := math.Sincos(float64(position) * math.Pow(theta, -2*float64(i)/float64(dim)))
			lo, hi := e.Values[a], e.Values[b]
			r.Values[a], r.Values[b] = lo*cos-hi*sin, hi*cos+lo*sin
			tolerance := 2.5e-7*float64(position+1)*(math.Abs(lo)+math.Abs(hi)) + e.Tolerance[a] + e.Tolerance[b]
			r.Tolerance[a], r.Tolerance[b] = tolerance, tolerance
		}
	}
	return r
}

// Cached is e as the cache keeps it: f16 saturates and is off by half a unit of its 11 bits, or by a
// whole one where the driver truncates, Q8 by half a 127th of the greatest of its block.
func (e Expected) Cached(kv KV) Expected {
	if kv == KVF32 {
		return e
	}
	var c Expected
	for i, v := range e.Values {
		if kv == KVF16 {
			v = max(-65504, min(v, 65504))
		}
		off := math.Abs(v)/1024 + 0x1p-24
		if kv == KVQ8 {
			off = 0
			for j := range block {
				off = max(off, (math.Abs(e.Values[i-i%block+j])+e.Tolerance[i-i%block+j])*1.001/254)
			}
		}
		c.add(v, e.Tolerance[i]+off)
	}
	return c
}

// Exactly is values without tolerance.
func Exactly(values []float32) Expected {
	var e Expected
	for _, v := range values {
		e.add(float64(v), 0)
	}
	return e
}
