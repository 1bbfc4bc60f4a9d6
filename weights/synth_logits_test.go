package weights

import (
	"fmt"
	"math"
	"testing"

	"sealvk/weights/format"
)

func TestSynthLogitsAreModerate(t *testing.T) {
	for _, mix := range mixes {
		for _, layers := range []int{1, 28} {
			if layers > 1 && mix != "Q4_K_M" && mix != "BF16" { // depth is the same for all
				continue
			}
			m := mustOpen(t, writeSynthModel(t, fmt.Sprintf("%s,layers=%d", small, layers), mix, 3))
			square, n := 0.0, 0
			for pos, logits := range referenceLogits(t, m, []int{2, 500, 501, 502, 999}) {
				for id, l := range logits {
					if !(math.Abs(float64(l)) < 30) {
						t.Fatalf("%s, %d layers: logit %d at %d is %v", mix, layers, id, pos, l)
					}
					square, n = square+float64(l)*float64(l), n+1
				}
			}
			if rms := math.Sqrt(square / float64(n)); rms < 0.1 || rms > 3 {
				t.Errorf("%s, %d layers: logits have rms %g", mix, layers, rms)
			}
		}
	}
}

// referenceLogits is the Gemma model in plain code: the logits after each id.
func referenceLogits(t *testing.T, m *Model, ids []int) [][]float32 {
	c := m.Config
	load := func(name string) []float32 {
		tensor := m.Tensor(name)
		v := make([]float32, tensor.Values())
		if err := format.Dequantize(v, tensor.Type, tensor.Data, nil, nil); err != nil {
			t.Fatal(err)
		}
		return v
	}
	matmul := func(w, x []float32) []float32 {
		out := make([]float32, len(w)/len(x))
		for r := range out {
			for i, v := range w[r*len(x):][:len(x)] {
				out[r] += v * x[i]
			}
		}
		return out
	}
	norm := func(w, x []float32) []float32 {
		mean := float64(c.NormEps)
		for _, v := range x {
			mean += float64(v) * float64(v) / float64(len(x))
		}
		out := make([]float32, len(x))
		for i, v := range x {
			out[i] = v * w[i] / float32(math.Sqrt(mean))
		}
		return out
	}
	rope := func(x []float32, pos int) {
		for h := 0; h < len(x); h += c.HeadDim {
			for i := range c.HeadDim / 2 {
				a := float64(pos) * math.Pow(float64(c.RopeTheta), -2*float64(i)/float64(c.HeadDim))
				sin, cos := float32(math.Sin(a)), float32(math.Cos(a))
				p, q := x[h+i], x[h+i+c.HeadDim/2]
				x[h+i], x[h+i+c.HeadDim/2] = p*cos-q*sin, p*sin+q*cos
			}
		}
	}
	embd := load("token_embd.weight")
	x := make([][]float32, len(ids))
	for p, id := range ids {
		for _, v := range embd[id*c.Dim:][:c.Dim] {
			x[p] = append(x[p], v*float32(math.Sqrt(float64(c.Dim))))
		}
	}
	for l := range c.Layers {
		w := func(role string) []float32 { return load(fmt.Sprintf("blk.%d.%s.weight", l, role)) }
		attnNorm, wq, wk, wv, wo := w("attn_norm"), w("attn_q"), w("attn_k"), w("attn_v"), w("attn_output")
		ffnNorm, gate, up, down := w("ffn_norm"), w("ffn_gate"), w("ffn_up"), w("ffn_down")
		keys, values := make([][]float32, len(ids)), make([][]float32, len(ids))
		for p := range ids {
			h := norm(attnNorm, x[p])
			q := matmul(wq, h)
			keys[p], values[p] = matmul(wk, h), matmul(wv, h)
			rope(q, p)
			rope(keys[p], p)
			out := make([]float32, len(q))
			for head := range c.Heads {
				at, kv := head*c.HeadDim, head/(c.Heads/c.KVHeads)*c.HeadDim
				weights, sum := make([]float64, p+1), 0.0
				for s := range weights {
					dot := 0.0
					for i := range c.HeadDim {
						dot += float64(q[at+i]) * float64(keys[s][kv+i])
					}
					weights[s] = math.Exp(dot / math.Sqrt(float64(c.HeadDim)))
					sum += weights[s]
				}
				for s, a := range weights {
					for i := range c.HeadDim {
						out[at+i] += float32(a/sum) * values[s][kv+i]
					}
				}
			}
			for i, v := range matmul(wo, out) {
				x[p][i] += v
			}
			h = norm(ffnNorm, x[p])
			g, u := matmul(gate, h), matmul(up, h)
			for i, v := range g {
				z := float64(v)
				g[i] = float32(z/2*(1+math.Tanh(math.Sqrt(2/math.Pi)*(z+0.044715*z*z*z)))) * u[i]
			}
			for i, v := range matmul(down, g) {
				x[p][i] += v
			}
		}
	}
	logits := make([][]float32, len(ids))
	for p := range ids {
		logits[p] = matmul(embd, norm(load("output_norm.weight"), x[p]))
	}
	return logits
}
