package reference

import "math"

// Cache is K or V of one layer in the paged KV cache, as one sequence sees it.
type Cache struct {
	Words          []uint32 // [page][Heads][PageTokens][HeadDim] f32, or f16, two a word from the low half on
	F16            bool
	Heads, HeadDim int // Heads: the KV heads
	PageTokens     int
	Pages          []uint32 // the sequence's row of the page table
}

// index is that of the first value of a head.
func (c *Cache) index(head, position int) int {
	page := int(c.Pages[position/c.PageTokens])
	return ((page*c.Heads+head)*c.PageTokens + position%c.PageTokens) * c.HeadDim
}

// At is dimension d of a head at a position.
func (c *Cache) At(head, position, d int) float64 {
	at := c.index(head, position) + d
	if !c.F16 {
		return float64(math.Float32frombits(c.Words[at]))
	}
	return Half(uint16(c.Words[at/2] >> (16 * (at % 2))))
}

// Half is the value of IEEE 754 half-precision bits that are neither Inf nor NaN.
func Half(h uint16) float64 {
	e, m := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(m+1024, e-25)
	if e == 0 {
		v = math.Ldexp(m, -24)
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return v
}

// AttentionSplit is attention of a query of one head over the positions first..end-1
// alone: log Σ exp(score), and the values' mean weighted by exp(score), where score =
// q·k/√HeadDim.
func AttentionSplit(q []float32, k, v *Cache, head, first, end int) (logSum float64, mean []float64) {
	scores, maximum := make([]float64, end-first), math.Inf(-1)
	for i := range scores {
		for d, x := range q {
			scores[i] += float64(x) * k.At(head, first+i, d)
		}
		scores[i] /= math.Sqrt(float64(len(q)))
		maximum = max(maximum, scores[i])
	}
	var total float64
	for i, s := range scores {
		scores[i] = math.Exp(s - maximum)
		total += scores[i]
	}
	mean = make([]float64, len(q))
	for i, weight := range scores {
		for d := range mean {
			mean[d] += weight / total * v.At(head, first+i, d)
		}
	}
	return maximum + math.Log(total), mean
}

// attentionTolerance is for values of size 1.
const attentionTolerance = 4e-6

// Attention is softmax(q·K/√HeadDim)·V of one head over length positions
// (https://arxiv.org/abs/1706.03762, eq. 1). head is the KV head.
func Attention(q []float32, k, v *Cache, head, length int) Expected {
	var e Expected
	_, mean := AttentionSplit(q, k, v, head, 0, length)
	for _, y := range mean {
		e.add(y, attentionTolerance)
	}
	return e
}

// AttentionPartial checks a kernel's partial result of one split, (m, s, values): that m +
// log s is logSum and values/s is mean.
func AttentionPartial(partial []float32, logSum float64, mean []float64) *Mismatch {
	var e Expected
	e.add(logSum, 1e-5*(1+math.Abs(logSum)))
	for _, y := range mean {
		e.add(y, attentionTolerance)
	}
	got := []float32{float32(float64(partial[0]) + math.Log(float64(partial[1])))}
	for _, v := range partial[2:] {
		got = append(got, v/partial[1])
	}
	return e.Check(got)
}

// AttentionMerge is Σ exp(m-M) × values / Σ exp(m-M) × s over the splits of one head, each
// (m, s, values) with headDim values; M is the greatest m
// (https://arxiv.org/abs/2205.14135, section 3.1).
func AttentionMerge(partial []float32, headDim int) Expected {
	stride := 2 + headDim
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
			v := weight * float64(partial[at+2+d])
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
// theta^(-2i/dim) (https://arxiv.org/abs/2104.09864, eq. 34). The tolerance allows for
// angles in f32, whose error grows with the position.
func RoPE(x []float32, dim, position int, theta float64) Expected {
	e := Expected{make([]float64, len(x)), make([]float64, len(x))}
	for head := 0; head < len(x); head += dim {
		for i := range dim / 2 {
			a, b := head+i, head+i+dim/2
			sin, cos := math.Sincos(float64(position) * math.Pow(theta, -2*float64(i)/float64(dim)))
			lo, hi := float64(x[a]), float64(x[b])
			e.Values[a], e.Values[b] = lo*cos-hi*sin, hi*cos+lo*sin
			tolerance := 2.5e-7 * float64(position+1) * (math.Abs(lo) + math.Abs(hi))
			e.Tolerance[a], e.Tolerance[b] = tolerance, tolerance
		}
	}
	return e
}

// Cached is e as the cache keeps it: f16 is off by half a unit of its 11 bits, or by a
// whole one where the driver truncates.
func (e Expected) Cached(f16 bool) Expected {
	if !f16 {
		return e
	}
	var c Expected
	for i, v := range e.Values {
		c.add(v, e.Tolerance[i]+math.Abs(v)/1024+0x1p-24)
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
