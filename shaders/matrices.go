package shaders

import (
	"fmt"
	"slices"

	"sealvk/vk"
)

// MatrixForm is how products of few tokens take cooperative matrices (matrices.glsl).
type MatrixForm int

// The forms.
const (
	NoMatrices     MatrixForm = iota
	MatrixLanes               // weights become elements of matrices in registers: where those stand was found
	MatrixShared              // weights go through shared memory
	MatrixEmulated            // MatrixLanes without matrices: for tests, on any device that calculates with f16
)

// MatrixTuning is the cooperative matrices of products with up to MatrixTokens tokens, which then
// read the weights once. The zero value: none.
type MatrixTuning struct {
	On       bool // they are used; else they are at hand
	Form     MatrixForm
	M, N, K  int // matrices of weights are M × K, of x K × N
	Subgroup int // lanes of one
	Places   MatrixPlaces
	// A workgroup's subgroups share the columns: Subgroups, and of a matrix with few rows up to
	// MaxSubgroups; powers of two.
	Subgroups, MaxSubgroups int
}

// MatrixTokens is the most tokens of a workgroup that multiplies by matrices: weights are read once
// for so many. Tokens are padded to a multiple of matrixPadding at most: what then is in the columns of a matrix
// beyond the last token stays there.
const MatrixTokens, matrixPadding = 32, 16

// FindMatrices is what a device has for products of few tokens: it is asked where the elements of its
// matrices stand. CPU devices have none that help.
func FindMatrices(d *vk.Device) (MatrixTuning, error) {
	c := d.Caps()
	if c.Type == vk.CPU {
		return MatrixTuning{}, nil
	}
	if HasLanes(c) {
		places, ok, err := findPlaces(d)
		if ok || err != nil {
			return lanesMatrices(MatrixLanes, places), err
		}
	}
	return SharedMatrices(c), nil
}

// SetMatrices makes m, which FindMatrices found, the matrices of products with few tokens, and if those are in lanes of
// prefill too, of what is made for matrices there.
func (t *Tuning) SetMatrices(c *vk.Caps, m MatrixTuning) {
	t.Product.Matrix = m
	switch r := &t.Prefill.Registers; {
	case r.Form == MatrixEmulated:
	case m.Form == MatrixLanes && *r != RegisterTiles{}:
		r.Form, r.Places = m.Form, m.Places
	default:
		*r = RegisterTiles{}
	}
	if a := LanesAttention(c, m); a.Form != NoMatrices && t.Attention.Matrix.Form == MatrixShared {
		t.Attention.Matrix = a
	}
}

// HasLanes tells whether a device has the matrices and subgroups that MatrixLanes is made for.
func HasLanes(c *vk.Caps) bool {
	s := &c.Subgroup
	size := s.Size == 32 || s.SizeControl && s.MinSize <= 32 && s.MaxSize >= 32
	return size && hasMatrices(c) && slices.ContainsFunc(c.CooperativeMatrices, func(m vk.CooperativeMatrix) bool {
		return isUsable(&m) && [3]int{m.M, m.N, m.K} == [3]int{16, 8, 16}
	})
}

// lanesMatrices: 4 subgroups were best on wide matrices, 16 on those of 3072 rows (H100,
// docs/performance.md).
func lanesMatrices(f MatrixForm, p MatrixPlaces) MatrixTuning {
	return MatrixTuning{On: true, Form: f, M: 16, N: 8, K: 16, Subgroup: 32, Places: p, Subgroups: 4, MaxSubgroups: 16}
}

// EmulatedMatrices is MatrixEmulated, in small workgroups.
func EmulatedMatrices() MatrixTuning {
	m := lanesMatrices(MatrixEmulated, MatrixPlaces{})
	m.Subgroups, m.MaxSubgroups = 1, 2
	return m
}

// SharedMatrices is MatrixShared with the device's matrices: those for the fewest tokens, and of these
// the largest. None fit: none.
func SharedMatrices(c *vk.Caps) (best MatrixTuning) {
	if !hasMatrices(c) {
		return best
	}
	size := matrixSubgroup(c)
	for _, m := range c.CooperativeMatrices {
		better := !best.On || m.N < best.N || m.N == best.N && m.M*m.K > best.M*best.K
		if isUsable(&m) && matrixPadding%m.N == 0 && 16%m.K == 0 && better {
			best = MatrixTuning{On: true, Form: MatrixShared, M: m.M, N: m.N, K: m.K, Subgroup: size, Subgroups: 4, MaxSubgroups: 4}
		}
	}
	for best.On && best.shared(best.MaxSubgroups, MatrixTokens) > c.Limits.MaxComputeSharedMemorySize {
		if best.MaxSubgroups /= 2; best.MaxSubgroups == 0 {
			return MatrixTuning{}
		}
		best.Subgroups = best.MaxSubgroups
	}
	return best
}

// sharedAtHand is SharedMatrices, of which a device's default makes no use: FindMatrices tells whether it
// has better ones.
func sharedAtHand(c *vk.Caps) MatrixTuning {
	m := SharedMatrices(c)
	m.On = false
	return m
}

// rows of a workgroup, of which each lane of a subgroup has some: whole tiles.
func (m *MatrixTuning) rows() int { return max(TileRows, m.Subgroup) }

// shared is the bytes of shared memory of a workgroup, with what kernels take beyond matrices.glsl.
func (m *MatrixTuning) shared(subgroups, tokens int) int {
	const others = 4 << 10
	n := 4*m.rows()*(tokens+subgroups*m.N) + others
	switch m.Form {
	case MatrixShared:
		n += subgroups * m.rows() * 80
	case MatrixEmulated:
		n += subgroups * 4 * (m.M*m.K + m.N*m.K)
	}
	return n
}

// subgroups of a workgroup of a matrix: they depend on its shape alone, so that the order of
// summation does.
func (m *MatrixTuning) subgroups(l *vk.Limits, t Type, rows, cols int) int {
	const enough = 1 << 15 // invocations
	n := m.Subgroups
	for 2*n <= m.MaxSubgroups && ceilDiv(rows, m.rows())*n*m.Subgroup < enough && 2*n*m.turn(t) <= cols {
		n *= 2
	}
	for n > 1 && (m.shared(n, MatrixTokens) > l.MaxComputeSharedMemorySize || n*m.Subgroup > l.MaxComputeWorkGroupInvocations) {
		n /= 2
	}
	return n
}

// span is the steps that a lane takes together: two of formats of at most 6 bits, which share a head.
func (m *MatrixTuning) span(t Type) int {
	if m.Form == MatrixShared || t.BlockBytes() >= t.BlockValues() {
		return 1
	}
	return 2
}

// turn is the columns that a subgroup takes together; all are a multiple of them.
func (m *MatrixTuning) turn(t Type) int {
	if m.Form == MatrixShared {
		return TileRows
	}
	return 4 * TileRows * m.span(t)
}

// Takes tells whether products of so many tokens with weights of a type and so many columns are
// computed so.
func (m *MatrixTuning) Takes(t Type, cols, tokens int) bool {
	return m.On && tokens <= MatrixTokens && cols%m.turn(t) == 0
}

// Octets tells the order of x: octets, or [token][cols] (half_rows.glsl).
func (m *MatrixTuning) Octets() bool { return m.Form != MatrixShared }

// TakesHalves tells whether products of so many tokens with w read [Activations].Half.
func (s *Kernels) TakesHalves(w *Matrix, tokens int) bool {
	return s.tuning.Product.Matrix.Takes(w.Type, w.Cols, tokens)
}

// ActivationHalves is the size of Activations.Half.
func ActivationHalves(cols int) int64 { return HalfBytes(MatrixTokens, cols) }

// MatrixOperand is x as products of few tokens read it by cooperative matrices: half is of ActivationHalves.
func (s *Kernels) MatrixOperand(half vk.Range, tokens, cols int) Operand {
	return Operand{X: half, Tokens: tokens, Cols: cols, Half: true, Octets: s.tuning.Product.Matrix.Octets()}
}

// matrixPipeline is a kernel for weights of a type and shape, in workgroups of so many tokens.
func (s *Kernels) matrixPipeline(k *Kernel, of productForm, t Type, rows, cols, tokens int) *Pipeline {
	m := &s.tuning.Product.Matrix
	variant := map[MatrixForm]string{MatrixLanes: "lanes", MatrixShared: "shared", MatrixEmulated: "emulated"}[m.Form]
	f := form{weights: t, variant: variant, name: fmt.Sprintf("%d tokens, matrices by %s", tokens, variant), subgroup: m.Subgroup}
	p := productConstants{
		Type: uint32(t), RowLanes: uint32(m.Subgroup), Groups: uint32(m.rows() / m.Subgroup), Tokens: uint32(tokens), Span: uint32(m.span(t)),
		MatrixA: uint32(m.M), MatrixB: uint32(m.N), MatrixSum: uint32(m.K),
	}
	if m.Octets() {
		p.MatrixA, p.MatrixB, p.MatrixSum = m.Places.A, m.Places.B, m.Places.Sum
	}
	if m.Form == MatrixEmulated {
		f.subgroup = 0
	}
	subgroups := m.subgroups(&s.d.Caps().Limits, t, rows, cols)
	if subgroups != m.Subgroups {
		f.name += fmt.Sprintf(", %d subgroups", subgroups)
	}
	p.Lanes = uint32(subgroups * m.Subgroup)
	var own string
	f.constants, own = of(s, p, &ProductTuning{GridSplits: 1})
	f.name += own
	return s.pipeline(k, f)
}

// matrixPipelines is those of the fewest tokens and of the most, of matrices with many rows and with few.
func (s *Kernels) matrixPipelines(k *Kernel, t Type) (pipelines []*Pipeline) {
	for _, tokens := range []int{s.tuning.Product.Matrix.N, MatrixTokens} {
		for _, rows := range []int{1 << 20, 1} {
			pipelines = append(pipelines, s.matrixPipeline(k, k.form, t, rows, 1<<15, tokens))
		}
	}
	return pipelines
}

// tokens is the tokens of a workgroup.
func (m *MatrixTuning) tokens(tokens int) int { return ceilDiv(tokens, m.N) * m.N }

// matrixProduct records r, whose x is Half.
func (s *Kernels) matrixProduct(c *vk.Commands, label string, r product) {
	m := &s.tuning.Product.Matrix
	pipeline := s.matrixPipeline(r.kernel, r.form, r.w.Type, r.w.Rows, r.w.Cols, m.tokens(r.tokens))
	for i := range r.w.Parts {
		p := &r.w.Parts[i]
		gx, gy := s.fold(ceilDiv(p.Rows, m.rows()))
		share := func(n int64) int64 { return n * int64(p.Rows) / int64(r.w.Rows) }
		push := productPush{matrixPush: r.w.push(p), Row0: uint32(r.base + p.First), Tokens: uint32(r.tokens)}
		s.dispatch(c, label, call{
			pipeline: pipeline, arguments: r.with(push, p.Data, r.x.Half), shape: []int{p.Rows, r.w.Cols, r.tokens}, grid: [3]int{gx, gy, 1},
			work: Work{
				Read:    p.Data.Size + HalfBytes(r.tokens, r.w.Cols) + share(r.epilogue.Read),
				Written: share(r.epilogue.Written),
				FLOPs:   2*int64(p.Rows)*int64(r.w.Cols)*int64(r.tokens) + share(r.epilogue.FLOPs),
			},
		})
	}
}
