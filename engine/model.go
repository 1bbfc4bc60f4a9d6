package engine

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"sealvk/engine/upload"
	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// layer is the device tensors of one block, named as in GGUF. Matrices that are read
// together stand in one where their types agree.
type layer struct {
	AttnNorm   vk.Range // [Dim] f32
	AttnQKV    []stacked
	AttnOutput shaders.Matrix
	FFNNorm    vk.Range // [Dim] f32
	FFNGateUp  []stacked
	FFNDown    shaders.Matrix
	Cache      shaders.KVCache
}

// stacked is some of the matrices that stand one behind the other.
type stacked struct {
	Name   string // attn_qkv, attn_v
	Row0   int    // of all their rows
	Matrix shaders.Matrix
}

// deviceTensors are a model's weights, and what comes of its config alone.
type deviceTensors struct {
	tokenEmbd  shaders.Matrix
	output     *shaders.Matrix // tokenEmbd where the head is tied
	outputNorm vk.Range        // [Dim] f32
	layers     []layer
	angles     vk.Range // [context][HeadDim/2] (cos, sin)
}

// Model is a model on a device: weights, KV pool, buffers and recorded steps.
// Its methods may be called from several goroutines. One goroutine of its own uses the device,
// and whatever changes here after Load: others hand it requests and functions (queue.go).
type Model struct {
	queue    queue
	prompts  []*answer // whose prompt is being computed, in the order in which they started
	batch    batch
	sessions []*Session // by sequence
	pool     *pagePool
	counted  counted

	cfg      weights.Config
	heads    shaders.Heads
	kv       KVType
	numerics Numerics
	intDot   bool
	lone     bool // a single sequence's steps may be step.lone
	*plan
	deviceTensors

	dev      *vk.Device
	building *building
	loaded   Loaded
	kernels  *shaders.Kernels
	shared   bool         // the kernels, which then outlive the model
	buffers  []*vk.Buffer // all of the model's
	act      activations
	state    state

	recordings map[recording]*vk.Commands
	chunks     []recording // those of prefill, the latest asked for last
	pace       pace        // of prefill
	speeds     speeds
	computed   float64       // operations of prefill so far, as layerFLOPs counts
	spent      time.Duration // in them
	decode     decoder
	steady     atomic.Bool // both keep their submissions as they are
	tracer     *tracer     // nil: nobody watches
}

// Load puts the model's weights on the device and prepares everything that
// generation needs. Afterwards the file may be closed. progress, which may be
// nil, is called from several goroutines with the bytes of the file done.
// Errors: ErrDoesNotFit, vk's errors, selfcheck's, and the file's name with what is wrong in it.
func Load(ctx context.Context, dev *vk.Device, file *weights.Model, o Options, progress func(done, total int64)) (*Model, error) {
	if err := checkConfig(file.Config); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, file.Path)
	}
	o, err := Trusted(ctx, dev, o)
	if err != nil {
		return nil, err
	}
	p, err := makePlan(dev.Caps(), file, o)
	if err != nil {
		return nil, err
	}
	m := &Model{
		dev: dev, cfg: file.Config, heads: headsOf(file.Config), kv: o.KV, numerics: o.Numerics, plan: p, recordings: map[recording]*vk.Commands{},
		sessions: make([]*Session, p.sequences), pool: newPagePool(p.pages),
	}
	for i := range m.sessions {
		m.sessions[i] = &Session{m: m, sequence: uint32(i)}
	}
	if err := m.load(ctx, file, o, progress); err != nil {
		m.free()
		return nil, err
	}
	m.batch.m = m
	m.queue.open()
	m.tellPages()
	go m.run()
	return m, nil
}

func (m *Model) load(ctx context.Context, file *weights.Model, o Options, progress func(done, total int64)) error {
	if o.IntDot && !m.dev.Caps().Features.IntegerDotProduct {
		return fmt.Errorf("engine: %w", ErrNoIntDot)
	}
	if o.IntDot && o.Numerics == NumericsExact {
		return fmt.Errorf("engine: integer dot products are not exact: want one of Options.IntDot and NumericsExact")
	}
	tuning := tuningOf(m.dev.Caps(), o)
	m.intDot, m.lone = tuning.Product.IntDot, tuning.LoneGain && o.Numerics == NumericsAuto && m.plan.sequences == 1
	caps, arithmetic := m.dev.Caps(), m.prefillArithmetic()
	m.speeds = speedsOf(m.dev.CacheDir(), caps)
	m.pace, m.decode.layers = startPace(caps, tuning, m.cfg, m.plan, m.speeds.of(arithmetic, guessed(caps, tuning)))
	t := tensors{m: m, file: file, list: upload.NewList(file), maxRange: o.maxRange}
	if limits := &m.dev.Caps().Limits; t.maxRange == 0 {
		t.maxRange = min(limits.MaxStorageBufferRange, limits.MaxMemoryAllocationSize)
	}
	err := t.all()
	if err != nil {
		return err
	}
	if m.kernels = o.kernels; m.kernels != nil {
		m.shared = true
	} else if m.kernels, err = shaders.New(m.dev, shaders.Config{KV: o.KV, Tuning: tuning, Statistics: o.Statistics}); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if err := m.makeBuffers(t.list); err != nil {
		return err
	}
	begun := time.Now()
	m.loaded.Bytes = t.list.Bytes()
	first, later := m.needed(tuning.Product.Tokens, o.batches)
	both, ctx := errgroup.WithContext(ctx) // the driver compiles while weights are read
	both.Go(func() error {
		defer func() { m.loaded.Build = time.Since(begun) }()
		if err := m.kernels.Build(ctx, first, o.Built); err != nil {
			return fmt.Errorf("engine: %w", err)
		}
		return nil
	})
	both.Go(func() error {
		defer func() { m.loaded.Upload = time.Since(begun) }()
		return t.list.Write(ctx, m.dev, progress)
	})
	if err := both.Wait(); err != nil {
		return err
	}
	m.buildLater(later)
	s := &m.state
	if err := s.pages.record(m); err != nil {
		return err
	}
	if err := s.masks.record(m); err != nil {
		return err
	}
	s.copyRows, err = m.commands("decode rows", func(c *vk.Commands) {
		const rows = rowBytes * shaders.DecodeRows
		c.Copy(s.decodeRows, s.nextRows.Range(0, rows))
		c.Copy(s.decodeGrid, s.nextRows.Range(rows, gridBytes))
		c.Copy(s.pages.device, s.pages.host.All())
	})
	return err
}

// Close ends all requests with an error, waits for the device and gives all memory back. Sessions
// end with it. Closing again does nothing.
func (m *Model) Close() error {
	q := &m.queue
	q.end(ErrClosed)
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.tell()
	<-q.ended
	return nil
}

// free waits for what a step that failed has left, and gives the device's memory back.
func (m *Model) free() {
	m.building.end()
	_ = m.dev.Wait(max(m.state.rowsTicket, m.state.pages.newest()), stuck) // a device that is lost has nothing pending
	m.forget(func(recording) bool { return true })
	if m.state.copyRows != nil {
		m.state.copyRows.Free()
		m.state.copyRows = nil
	}
	m.state.pages.free()
	m.state.masks.free()
	if m.kernels != nil && !m.shared {
		m.kernels.Free()
	}
	m.kernels = nil
	for _, b := range m.buffers {
		b.Free()
	}
	m.buffers = nil
}

// Loaded is what Load took, of which upload and build overlap.
type Loaded struct {
	Bytes  int64         // of matrices, on the device
	Upload time.Duration // of all that a model reads: from the file, by way of the host's memory
	Build  time.Duration // of the kernels that prompts and single answers need
}

// GBPerS is the rate of the upload.
func (l Loaded) GBPerS() float64 { return float64(l.Bytes) / max(l.Upload, 1).Seconds() / 1e9 }

// Loaded tells what Load took.
func (m *Model) Loaded() Loaded { return m.loaded }

// Config is the model's architecture.
func (m *Model) Config() weights.Config { return m.cfg }

// KV is the number format of the KV cache.
func (m *Model) KV() KVType { return m.kv }

// Context is the number of positions that a session holds.
func (m *Model) Context() int { return m.context }

// Sequences is the number of sessions that there are.
func (m *Model) Sequences() int { return m.plan.sequences }

// Chunk is how many tokens of a prompt are computed at once, at most.
func (m *Model) Chunk() int { return m.plan.chunk }

// Memory is what the model takes on the device, in bytes: the weights, the KV cache of
// all sessions, and the rest.
func (m *Model) Memory() (weights, kv, activations int64) {
	return m.plan.weights, m.plan.kv, m.plan.activations
}

// BytesPerToken is what a decode step reads of the weights: every matrix once. The
// KV cache and the activations come on top.
func (m *Model) BytesPerToken() int64 {
	n := m.output.Bytes()
	for i := range m.layers {
		l := &m.layers[i]
		n += l.AttnOutput.Bytes() + l.FFNDown.Bytes()
		for _, w := range slices.Concat(l.AttnQKV, l.FFNGateUp) {
			n += w.Matrix.Bytes()
		}
	}
	return n
}

// bytesOf views 32-bit values, or structs of such, as bytes, little-endian as all Vulkan hosts are.
func bytesOf[T any](v ...T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(*new(T))))
}
