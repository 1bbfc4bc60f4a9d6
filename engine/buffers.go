package engine

import (
	"fmt"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// activations are the values that flow through a step, f32, for up to
// plan.chunk or plan.rows rows.
type activations struct {
	x       shaders.Residual // [row][Dim]
	q       vk.Range         // [row][Heads][HeadDim]
	scratch shaders.AttentionScratch
	attn    vk.Range            // [row][Heads][HeadDim]
	gateUp  vk.Range            // [row][2][FFNDim], where they are no one matrix; in prefill on GPUs q, k and v too
	normed  vk.Range            // [row][Dim], in prefill on GPUs
	half    vk.Range            // what cooperative matrices read, f16
	splits  vk.Range            // of products in prefill
	ffn     shaders.Activations // [row][FFNDim]
	logits  vk.Range            // [plan.rows][Vocab]
}

func activationSizes(c weights.Config, p *plan) map[string]int64 {
	h, rows := headsOf(c), int64(max(p.chunk, p.rows))
	sizes := map[string]int64{
		"x":           4 * rows * int64(c.Dim),
		"weighted":    4 * rows * int64(c.Dim),
		"squares":     4 * rows * int64((c.Dim+shaders.TileRows-1)/shaders.TileRows),
		"q":           4 * rows * int64(c.Heads*c.HeadDim),
		"partial":     max(p.prefillSplits().PartialBytes(h, p.chunk), p.decodeSplits().PartialBytes(h, max(p.rows, min(p.chunk, shaders.DecodeRows)))),
		"weighted_q8": shaders.QuantizedBytes(c.Dim),
		"ffn_q8":      shaders.QuantizedBytes(c.FFNDim),
		"done":        4 * rows * int64(c.Heads),
		"attn":        4 * rows * int64(c.Heads*c.HeadDim),
		"normed":      4, "half": 4, "splits": 4, // of prefill on GPUs
		"gate_up": 4,
		"ffn":     4 * rows * int64(c.FFNDim),
		"logits":  4 * int64(p.rows) * int64(c.Vocab),
	}
	if p.unpaired || p.tiled {
		sizes["gate_up"] = 4 * rows * int64(max(gateUpRows(c.FFNDim), 2*c.FFNDim, h.Rows()))
	}
	if p.tiled {
		sizes["normed"] = 4 * rows * int64(c.Dim)
		sizes["half"] = rows * int64(2*max(c.Dim, c.FFNDim, c.Heads*c.HeadDim)+32)
		sizes["splits"] = splitRows * 4 * int64(max(c.Dim, h.Rows())) * 8
	}
	return sizes
}

// splitRows is the rows of a prefill up to which products may be split by columns.
const splitRows = 64

// state is what the host tells the kernels and they tell each other from step to step.
type state struct {
	chunkRows  [2]*vk.Buffer // [plan.chunk]shaders.Row, written by the host for each prefill chunk, in turn
	chunkGrid  [2]*vk.Buffer // attention's grid of that chunk
	decodeRows vk.Range      // [DecodeRows]shaders.Row, advanced by the kernels
	decodeGrid vk.Range
	nextRows   *vk.Buffer // both of them, written by the host
	copyRows   *vk.Commands
	rowsTicket vk.Ticket     // of copyRows
	current    []shaders.Row // what decodeRows holds, empty where the host does not know
	pages      vk.Range      // [sequence][max pages] u32
	sampling   vk.Range      // [sequence]shaders.Sampling
	history    vk.Range      // [sequence][context] u32: the ids of each position
	thresholds vk.Range
	best       vk.Range
	ring       *vk.Buffer // [plan.rows][ringSlots] u32, read by the host
}

const rowBytes, gridBytes, samplingBytes = 16, 12, 32

// buffer makes a buffer that Close gives back.
func (m *Model) buffer(name string, bytes int64, memory vk.Memory) (*vk.Buffer, error) {
	b, err := m.dev.NewBuffer(name, bytes, memory)
	if err != nil {
		return nil, fmt.Errorf("engine: %s: %w", name, err)
	}
	m.buffers = append(m.buffers, b)
	return b, nil
}

func (m *Model) makeBuffers() (err error) {
	local := func(name string, bytes int64) (r vk.Range) {
		if err != nil {
			return r
		}
		var b *vk.Buffer
		if b, err = m.buffer(name, bytes, vk.DeviceLocal); err == nil {
			r = b.All()
		}
		return r
	}
	host := func(name string, bytes int64, memory vk.Memory) *vk.Buffer {
		if err != nil {
			return nil
		}
		var b *vk.Buffer
		b, err = m.buffer(name, bytes, memory)
		return b
	}

	sizes := activationSizes(m.cfg, m.plan)
	a := &m.act
	for name, r := range map[string]*vk.Range{
		"x": &a.x.X, "weighted": &a.x.Weighted.F32, "weighted_q8": &a.x.Weighted.Quantized, "squares": &a.x.Squares, "q": &a.q,
		"partial": &a.scratch.Partial, "done": &a.scratch.Done,
		"attn": &a.attn, "gate_up": &a.gateUp, "normed": &a.normed, "half": &a.half, "splits": &a.splits, "ffn": &a.ffn.F32, "ffn_q8": &a.ffn.Quantized, "logits": &a.logits,
	} {
		*r = local(name, sizes[name])
	}

	maxPages, sequences := int64(pagesFor(m.context)), int64(m.plan.sequences)
	s := &m.state
	for i := range s.chunkRows {
		s.chunkRows[i] = host("chunk_rows", int64(m.plan.chunk)*rowBytes, vk.Upload)
		s.chunkGrid[i] = host("chunk_grid", gridBytes, vk.Upload)
	}
	s.decodeRows = local("decode_rows", rowBytes*shaders.DecodeRows)
	s.decodeGrid = local("decode_grid", gridBytes)
	s.nextRows = host("next_rows", rowBytes*shaders.DecodeRows+gridBytes, vk.Upload)
	s.pages = local("pages", sequences*maxPages*4)
	s.sampling = local("sampling", sequences*samplingBytes)
	s.history = local("history", sequences*int64(m.context)*4)
	s.thresholds = local("thresholds", 4*int64(m.plan.rows))
	s.best = local("best", m.kernels.BestBytes(m.cfg.Vocab, m.plan.rows))
	s.ring = host("ring", int64(m.plan.rows)*ringSlots*4, vk.Readback)

	layerKV := int64(m.plan.pages) * shaders.KVBytes(m.heads, m.kv)
	for i := range m.layers {
		m.layers[i].Cache = shaders.KVCache{
			K: local(fmt.Sprintf("blk.%d.k_cache", i), layerKV), V: local(fmt.Sprintf("blk.%d.v_cache", i), layerKV),
			Pages: s.pages, MaxPages: int(maxPages),
		}
	}

	if err == nil {
		err = m.dev.Write(a.scratch.Done, make([]byte, a.scratch.Done.Size))
	}
	m.angles = local("rope_angles", int64(m.context)*int64(m.cfg.HeadDim)*4)
	if err != nil {
		return err
	}
	return m.dev.Write(m.angles, float32Bytes(shaders.RoPETable(m.context, m.cfg.HeadDim, m.cfg.RopeTheta)))
}

func (m *Model) sampleBuffers() *shaders.SampleBuffers {
	s := &m.state
	return &shaders.SampleBuffers{
		Rows: s.decodeRows, Params: s.sampling, History: s.history, Logits: m.act.logits,
		Thresholds: s.thresholds, Best: s.best, Ring: s.ring.All(), Grid: s.decodeGrid,
		Vocab: m.cfg.Vocab, Context: m.context, Slots: ringSlots,
	}
}
