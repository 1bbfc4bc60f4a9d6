package weights

import (
	"encoding/binary"
	"hash/fnv"
	"math"

	"sealvk/weights/format"
)

// random is the SplitMix64 generator (Steele, Lea, Flood: Fast Splittable Pseudorandom
// Number Generators, 2014): each number depends on the state only by an addition.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// fill overwrites dst with random bytes.
func (r *random) fill(dst []byte) {
	for ; len(dst) >= 8; dst = dst[8:] {
		binary.LittleEndian.PutUint64(dst, r.next())
	}
	if len(dst) > 0 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], r.next())
		copy(dst, word[:])
	}
}

// synth makes random blocks of one tensor.
type synth struct {
	tensor *Tensor
	seed   uint64
	halves [64]uint16   // float16 scales around the one that gives the wanted spread
	values [4096]uint16 // BF16 and F16: values to draw from
}

// newSynth prepares a tensor's generator. Values have mean zero and standard deviation
// 1/√Cols, so that a row times activations of mean square 1 is again about 1. Token
// embeddings have half of that: else a shallow model's residual stream would stay so
// close to its input that the logit of the input token exceeds all bounds.
func newSynth(t *Tensor, seed uint64) *synth {
	h := fnv.New64a()
	h.Write([]byte(t.Name))
	s := &synth{tensor: t, seed: seed ^ h.Sum64()}
	spread := 1 / math.Sqrt(float64(t.Cols))
	if t.Name == "token_embd.weight" {
		spread /= 2
	}
	unit := spread // the scale for which the spread comes out: spread / (rms of quant × rms of factor)
	switch t.Type {
	case format.Q4_0:
		unit /= 4.637 // uniform -8..7
	case format.Q8_0:
		unit /= 73.9 // uniform -128..127
	case format.Q4_K:
		unit /= 4.610 * 48.4 // uniform -7.5..7.5; factors 32..63
	case format.Q5_K:
		unit /= 9.233 * 48.4 // uniform -15.5..15.5; factors 32..63
	case format.Q6_K:
		unit /= 18.48 * 97.8 // uniform -32..31; factors -128..-65 and 64..127
	}
	for i := range s.halves {
		s.halves[i] = toFloat16(unit * (0.75 + 0.5*float64(i)/63))
	}
	for i := range s.values {
		v := float32(spread * math.Sqrt(3) * (float64(2*i+1)/float64(len(s.values)) - 1))
		s.values[i] = uint16(math.Float32bits(v) >> 16)
		if t.Type == format.F16 {
			s.values[i] = float16Bits(v)
		}
	}
	return s
}

// blocks fills dst with whole blocks; the same first block and length give the same bytes.
func (s *synth) blocks(dst []byte, firstBlock int) {
	r := random(s.seed)
	r = random(r.next() + uint64(firstBlock))
	r = random(r.next())
	switch s.tensor.Type {
	case format.F32: // a norm's weights: 0.8 to 1.2
		for ; len(dst) > 0; dst = dst[4:] {
			w := 0.8 + 0.4*float32(r.next()>>40)/(1<<24)
			binary.LittleEndian.PutUint32(dst, math.Float32bits(w))
		}
	case format.BF16, format.F16:
		const index = uint64(len(s.values) - 1)
		for {
			z := r.next()
			word := uint64(s.values[z&index]) | uint64(s.values[z>>12&index])<<16 | uint64(s.values[z>>24&index])<<32 | uint64(s.values[z>>36&index])<<48
			if len(dst) < 8 {
				copy(dst, binary.LittleEndian.AppendUint64(nil, word))
				break
			}
			binary.LittleEndian.PutUint64(dst, word)
			dst = dst[8:]
		}
	case format.Q4_0, format.Q8_0: // quants have mean -1/2: the scales' random signs even it out
		size := s.tensor.Type.BlockBytes()
		for ; len(dst) > 0; dst = dst[size:] {
			z := r.next()
			binary.LittleEndian.PutUint16(dst, s.halves[z%64]|uint16(z>>63)<<15)
			r.fill(dst[2:size])
		}
	case format.Q4_K:
		for ; len(dst) > 0; dst = dst[144:] {
			s.affine(dst[:144], &r, 7.5)
		}
	case format.Q5_K:
		for ; len(dst) > 0; dst = dst[176:] {
			s.affine(dst[:176], &r, 15.5)
		}
	case format.Q6_K:
		for ; len(dst) > 0; dst = dst[210:] {
			r.fill(dst[:192])
			for i := 192; i < 208; i += 8 { // factors: upper bits 01 or 10
				z := r.next()
				binary.LittleEndian.PutUint64(dst[i:], z&^0x4040_4040_4040_4040|^z>>1&0x4040_4040_4040_4040)
			}
			binary.LittleEndian.PutUint16(dst[208:], s.halves[r.next()%64])
		}
	}
}

// affine makes one block of Q4_K or Q5_K with the same factor for scale and min and
// dmin = middle * d, hence w = d * factor * (q - middle).
func (s *synth) affine(b []byte, r *random, middle float64) {
	z := r.next()
	d := s.halves[z%64]
	binary.LittleEndian.PutUint16(b, d)
	binary.LittleEndian.PutUint16(b[2:], toFloat16(middle*float64(format.Float16(d))))
	for g := range 4 { // layout: see factorsQ4_K
		low, high := byte(z>>(6+10*g))&31|32, byte(z>>(11+10*g))&31|32
		b[4+g] = low | high>>4<<6
		b[8+g] = low | high>>4<<6
		b[12+g] = high&15 | high<<4
	}
	r.fill(b[16:])
}

// toFloat16 rounds a number between 0 and 65504 to half precision.
func toFloat16(f float64) uint16 {
	if f < 0x1p-14 { // subnormal; rounding up to 1024 gives the smallest normal number
		return uint16(math.RoundToEven(f * 0x1p24))
	}
	fraction, exponent := math.Frexp(f) // f = fraction × 2^exponent, 0.5 <= fraction < 1
	return uint16(exponent+13)<<10 + uint16(math.RoundToEven(fraction*2048))
}
