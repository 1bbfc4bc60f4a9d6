package engine

import (
	"cmp"
	"fmt"
	"math"
	"sort"
	"strings"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/format"
)

const (
	maxChunk       = 1024      // tokens of a prefill chunk at most, unless asked for
	leastChunk     = 256       // what it shrinks to, at least, for the sake of memory
	maxActivations = 1 << 30   // bytes of activations that larger chunks are worth
	cpuChunk       = 256       // the same on CPU devices, which gain nothing from more
	ringSlots      = 16        // sampled ids that the host may be behind; more than steps in flight
	partials       = 128 << 20 // bytes of attention's partial results in decode; longer splits keep them below
	defaultContext = 8192      // bounds the context that nobody asked for
	minContext     = 256       // the least that an automatic context shrinks to
	slack          = 1.02      // for the allocator's own rounding
)

// DecodeSplit is the positions of an attention workgroup in decode, where GPUs take more of long sequences.
const DecodeSplit = 128

// PrefillSplit is the positions of an attention workgroup in prefill: few rows at depth fill a GPU so, and the sums
// that splits leave stay few. llvmpipe ends loops after 65535 iterations in sum.
func PrefillSplit(caps *vk.Caps) int {
	if caps.Type == vk.CPU {
		return 2048
	}
	return 4096
}

// plan is what a model takes on the device, known before anything is uploaded.
type plan struct {
	context   int // positions a sequence
	sequences int
	chunk     int  // tokens of the largest prefill chunk
	rows      int  // of the largest decode step, and of logits
	exact     bool // decode steps are recorded for every number of rows
	pages     int  // of the KV pool, all sequences together; one more is the idle rows'
	tiled     bool // prefill goes through MatMulPrefill
	half      bool // which reads f16
	splits    int  // by which attn_output and ffn_down are shared at most
	qkvSplits int  // attn_qkv
	matrices  bool // products of few rows may read f16
	geglu     bool // some layer's GeGLU is a dispatch of its own

	// Of attention: decode shares a sequence among many workgroups, one row being too little work;
	// prefill, whose rows are more, in long splits. Those begin at positions that don't depend on the rows.
	decodeSplits, prefillSplits shaders.Splits

	// Bytes of what workgroups leave each other that share the columns of attn_output or ffn_down.
	productPartial, productDone int64

	weights, kv, activations int64 // bytes
}

// makePlan fits the model into the device. An automatic context is the largest that
// fits; one that was asked for and does not is an error with the numbers. A pool that nobody asked for is what all
// contexts take, or what fits, but no less than one of them takes.
func makePlan(caps *vk.Caps, m *weights.Model, o Options) (*plan, error) {
	want := o.Context
	switch {
	case want == ContextAuto:
		want = m.Config.Context
	case want == 0:
		want = min(m.Config.Context, defaultContext)
	case want < 0:
		return nil, fmt.Errorf("engine: a context of %d positions: at least 1 is needed", want)
	}
	if o.Pages < 0 || o.Pages > math.MaxInt32 { // kernels number them in 32 bits
		return nil, fmt.Errorf("engine: a KV pool of %d pages: 1 to %d are possible", o.Pages, math.MaxInt32)
	}
	p := planFor(caps, m, o, want)
	problem := p.misfit(caps, m, o)
	if problem == "" {
		return p, nil
	}
	fitting := func(context, pages int) *plan {
		less := o
		less.Pages = pages
		if p := planFor(caps, m, less, context); p.misfit(caps, m, o) == "" {
			return p
		}
		return nil
	}
	if one := pagesFor(want); o.Pages == 0 && fitting(want, one) != nil {
		more := sort.Search(p.pages-one, func(n int) bool { return fitting(want, one+n+1) == nil })
		return fitting(want, one+more), nil
	}
	largest := shaders.PageTokens * sort.Search(want/shaders.PageTokens, func(n int) bool {
		return fitting((n+1)*shaders.PageTokens, n+1) == nil
	})
	if o.Context <= 0 && o.Pages == 0 && largest >= min(want, minContext) {
		return fitting(largest, pagesFor(largest)), nil
	}
	e := &DoesNotFitError{Problem: problem, Least: min(want, minContext)}
	if e.Largest = largest; largest < e.Least {
		o.Pages = pagesFor(e.Least)
		p = planFor(caps, m, o, e.Least)
		e.Largest, e.Weights = 0, max(0, freeMemory(caps)-(p.withSlack()-p.weights))
	}
	return nil, e
}

// DoesNotFitError is an ErrDoesNotFit with what would fit.
type DoesNotFitError struct {
	Problem string // what takes more bytes than the device has
	Largest int    // positions of a sequence that would fit; 0: not even Least would
	Least   int
	Weights int64 // bytes of weights that would fit with Least positions, where the model's do not; 0: none would
}

func (e *DoesNotFitError) Error() string {
	return fmt.Sprintf("engine: %v: %s", ErrDoesNotFit, e.Problem)
}
func (e *DoesNotFitError) Unwrap() error { return ErrDoesNotFit }

// FitSequences is how many sequences, up to o.Sequences and at least 1, the device can hold with the context that one
// would have, and decode together. They share the pool, which is no smaller than that context.
func FitSequences(caps *vk.Caps, m *weights.Model, o Options) int {
	most := o.Sequences
	o.Sequences = 1
	one, err := makePlan(caps, m, o)
	if err != nil {
		return 1 // Load says why
	}
	o.Pages = one.pages
	return max(1, sort.Search(min(most, one.rows), func(n int) bool {
		o.Sequences = n + 1
		return planFor(caps, m, o, one.context).misfit(caps, m, o) != ""
	}))
}

// misfit says what of the plan the device cannot hold, "" if it fits.
func (p *plan) misfit(caps *vk.Caps, m *weights.Model, o Options) string {
	available, limit := freeMemory(caps), caps.Limits.MaxStorageBufferRange
	layerKV := p.kv / int64(2*m.Config.Layers)
	switch {
	case layerKV > limit:
		return fmt.Sprintf("a KV cache of %d positions needs %s a layer, the device binds %s", p.pages*shaders.PageTokens, vk.SizeText(layerKV), vk.SizeText(limit))
	case p.withSlack() > available:
		return fmt.Sprintf("weights %s + KV cache (%s) for %d positions %s + activations %s = %s with slack, available %s",
			vk.SizeText(p.weights), o.KV, p.pages*shaders.PageTokens, vk.SizeText(p.kv), vk.SizeText(p.activations), vk.SizeText(p.withSlack()), vk.SizeText(available))
	}
	return ""
}

// withSlack is the plan's total with room for the allocator's own rounding.
func (p *plan) withSlack() int64 { return int64(float64(p.weights+p.kv+p.activations) * slack) }

func planFor(caps *vk.Caps, m *weights.Model, o Options, context int) *plan {
	cfg := m.Config
	tuning := tuningOf(caps, o)
	p := &plan{sequences: max(1, o.Sequences), exact: tuning.Product.Exact}
	p.pages = p.sequences * pagesFor(context)
	if o.Pages > 0 {
		p.pages = o.Pages
		context = min(context, p.pages*shaders.PageTokens)
	}
	p.context = context
	p.kv = 2 * int64(cfg.Layers) * int64(p.pages+p.idleSequences()) * shaders.KVBytes(headsOf(cfg), o.KV)

	for size := DecodeSplit; ; size *= 2 {
		p.decodeSplits = shaders.DecodeSplits(caps, headsOf(cfg), size, context)
		if p.decodeSplits.Max == 1 || p.decodeSplits.PartialBytes(headsOf(cfg), shaders.DecodeRows) <= min(partials, caps.Limits.MaxStorageBufferRange) {
			break
		}
	}
	chunk := maxChunk
	if caps.Type == vk.CPU {
		chunk = cpuChunk
	}
	p.chunk = min(cmp.Or(max(0, o.Chunk), chunk), context)
	p.prefillSplits = prefillSplitsOf(PrefillSplit(caps), context, func(s shaders.Splits) bool {
		return caps.Type == vk.CPU || s.PartialBytes(headsOf(cfg), maxChunk) <= min(partials, caps.Limits.MaxStorageBufferRange)
	})
	widest := int64(max(cfg.FFNDim, cfg.Dim, cfg.Heads*(cfg.HeadDim+4)*p.prefillSplits.Max))
	for i := range cfg.Layers {
		tensor := func(name string) *weights.Tensor { return m.Tensor(fmt.Sprintf("blk.%d.%s.weight", i, name)) }
		if gegluAlone(&tuning.Prefill, tensor("ffn_gate"), tensor("ffn_up"), tensor("ffn_down")) {
			p.geglu = true
			widest = max(widest, int64(gateUpRows(cfg.FFNDim)), 2*int64(cfg.FFNDim))
		}
	}
	for _, cols := range []int{cfg.Heads * cfg.HeadDim, cfg.FFNDim} {
		partial, done := tuning.Product.SplitBytes(cfg.Dim, cols)
		p.productPartial, p.productDone = max(p.productPartial, partial), max(p.productDone, done)
	}
	prefill := tuning.Prefill
	p.tiled, p.half = prefill != (shaders.Prefill{}), prefill.Half()
	p.matrices = tuning.Product.Matrix.On
	if p.tiled {
		rows := headsOf(cfg).Rows()
		p.qkvSplits = prefill.SplitsOf(rows, cfg.Dim)
		p.splits = max(prefill.SplitsOf(cfg.Dim, cfg.Heads*cfg.HeadDim), prefill.SplitsOf(cfg.Dim, cfg.FFNDim))
		widest = max(widest, int64(rows*p.qkvSplits), int64(cfg.Dim*p.splits))
	}
	for p.chunk > 1 && 4*widest*int64(p.chunk) > caps.Limits.MaxStorageBufferRange {
		p.chunk /= 2
	}
	for p.rows = shaders.DecodeRows; p.rows > 1 && 4*max(widest, int64(cfg.Vocab))*int64(p.rows) > caps.Limits.MaxStorageBufferRange; {
		p.rows /= 2
	}
	for _, t := range m.Tensors {
		typ := t.Type
		if strings.HasSuffix(t.Name, "norm.weight") {
			typ = format.F32 // uploadNorm
		}
		p.weights += shaders.DeviceBytes(typ, t.Rows, t.Cols)
	}
	tables := int64(context)*int64(cfg.HeadDim)*4 + int64(p.sequences+p.idleSequences())*int64(context)*4 + int64(p.sequences)*shaders.MaskBytes(cfg.Vocab)
	for {
		_, chunks := bytesOfRooms(new(activations).table(cfg, p))
		p.activations = chunks + tables
		if o.Chunk > 0 || p.chunk <= leastChunk || chunks <= maxActivations && p.withSlack() <= freeMemory(caps) {
			return p
		}
		p.chunk = max(leastChunk, p.chunk/2)
	}
}

// gegluAlone tells whether no product of a layer goes on to GeGLU: ffn_gate and ffn_up are of different types,
// or in prefill ffn_down reads another form of x than they do.
func gegluAlone(p *shaders.Prefill, gate, up, down *weights.Tensor) bool {
	if gate == nil || up == nil || down == nil {
		return false // Load says what is missing
	}
	from, _ := p.Reads(&shaders.Matrix{Type: gate.Type, Cols: gate.Cols})
	to, _ := p.Reads(&shaders.Matrix{Type: down.Type, Cols: down.Cols})
	return gate.Type != up.Type || from != to
}

// prefillSplitsOf is splits of so many positions, doubled until what they leave fits. It does not depend on the
// rows of a chunk: the order of summation does not.
func prefillSplitsOf(positions, context int, fits func(shaders.Splits) bool) shaders.Splits {
	for {
		s := shaders.SplitsOf(min(context, positions), context)
		if s.Max == 1 || fits(s) {
			return s
		}
		positions *= 2
	}
}

// tuningOf is the workgroup sizes that were asked for, or the device's default, without what
// Trusted found wrong.
func tuningOf(caps *vk.Caps, o Options) shaders.Tuning {
	if o.trusted != nil {
		return *o.trusted
	}
	t := shaders.DefaultTuning(caps)
	if o.Tuning != nil {
		t = *o.Tuning
	}
	t.Product.IntDot = t.Product.IntDot || o.IntDot
	if o.Numerics == NumericsExact {
		t = t.InF32(caps)
	}
	return t
}

func headsOf(c weights.Config) shaders.Heads {
	return shaders.Heads{Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim}
}

// freeMemory is what is left of the largest device-local heap.
func freeMemory(c *vk.Caps) (free int64) {
	for _, h := range c.Memory.Heaps {
		if h.DeviceLocal {
			free = max(free, h.Budget-h.Usage)
		}
	}
	return free
}
