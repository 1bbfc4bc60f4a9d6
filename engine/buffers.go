package engine

import (
	"fmt"

	"sealvk/engine/upload"
	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// activations are the values that flow through a step, f32 where nothing else is said, of up to
// plan.chunk or plan.rows rows.
type activations struct {
	x       shaders.Residual // [row][Dim]
	q       vk.Range         // [row][Heads][HeadDim]
	scratch shaders.AttentionScratch
	attn    shaders.Activations // [row][Heads][HeadDim]
	gateUp  vk.Range            // [row][2][FFNDim], where GeGLU is a dispatch of its own
	half    vk.Range            // what cooperative matrices read, f16

	// In prefill on GPUs.
	qkv    vk.Range // [split][row][q, k, v]
	normed vk.Range // [row][Dim], or as f16
	splits vk.Range // [split][row][Dim], of attn_output and ffn_down

	product shaders.SplitScratch
	ffn     shaders.Activations // [row][FFNDim]
	logits  vk.Range            // [plan.rows][Vocab]
	raw     vk.Range            // the same before penalties and biases, for log-probabilities
	counts  vk.Range            // [plan.rows][Vocab] u32, of tokens in the penalties' windows
}

// lifetime is how long an activation is needed.
type lifetime int

const (
	ofLayer lifetime = iota // from its writer to its readers in the same layer
	ofEnd                   // the same behind the layers
	ofStep                  // through all layers, or from them to sampling
	ofModel                 // from step to step: zeros, at first and between steps
)

// room is memory that activations share, of which no two are needed at once.
type room string

const (
	ownRoom     room = ""
	productRoom room = "products" // what a product leaves to what is behind it, or reads
	splitRoom   room = "partials" // sums of splits
	queryRoom   room = "queries"  // before attn_output, or behind it
)

// activation is a buffer of the activations, or a part of its room. Where the table differs between models, bytes is 4
// for what there is no use for.
type activation struct {
	name  string
	to    *vk.Range
	lives lifetime
	bytes int64
	room  room
}

// table is all activations, in the order in which they are allocated.
func (a *activations) table(c weights.Config, p *plan) []activation {
	h, rows := headsOf(c), int64(max(p.chunk, p.rows))
	floats := func(perRow int) int64 { return 4 * rows * int64(perRow) }
	qkv, gateUp, normed, half, splits := int64(4), int64(4), int64(4), int64(4), int64(4)
	ffn := floats(c.FFNDim)
	if p.geglu {
		gateUp = floats(max(gateUpRows(c.FFNDim), 2*c.FFNDim))
	}
	if p.tiled {
		qkv, normed, splits = floats(p.qkvSplits*h.Rows()), floats(c.Dim), floats(p.splits*c.Dim)
	}
	if p.half {
		halves := func(cols, block int) int64 {
			o := shaders.Operand{Tokens: int(rows), Cols: cols, Half: true, Octets: true, Block: block}
			return o.Bytes()
		}
		normed, half, ffn = max(normed, halves(c.Dim, 0)), halves(c.Heads*c.HeadDim, c.HeadDim), max(ffn, halves(c.FFNDim, shaders.GeGLUBlock))
		if p.geglu {
			half = max(half, halves(c.FFNDim, 0))
		}
	}
	if p.matrices {
		half = max(half, shaders.ActivationHalves(max(c.Dim, c.FFNDim, c.Heads*c.HeadDim)))
	}
	partial := max(p.prefillSplits.PartialBytes(h, p.chunk), p.decodeSplits.PartialBytes(h, p.rows))
	return []activation{
		{"x", &a.x.X, ofStep, floats(c.Dim), ownRoom},
		{"weighted", &a.x.Weighted.F32, ofStep, floats(c.Dim), ownRoom},
		{"weighted_q16", &a.x.Weighted.Quantized, ofStep, shaders.QuantizedBytes(c.Dim), ownRoom},
		{"squares", &a.x.Squares, ofStep, floats((c.Dim + shaders.TileRows - 1) / shaders.TileRows), ownRoom},
		{"normed", &a.normed, ofStep, normed, ownRoom},
		{"qkv", &a.qkv, ofLayer, qkv, productRoom},
		{"q", &a.q, ofLayer, floats(c.Heads * c.HeadDim), queryRoom},
		{"partial", &a.scratch.Partial, ofLayer, partial, splitRoom},
		{"done", &a.scratch.Done, ofModel, floats(c.Heads), ownRoom},
		{"attn", &a.attn.F32, ofLayer, floats(c.Heads * c.HeadDim), productRoom},
		{"attn_q16", &a.attn.Quantized, ofLayer, shaders.QuantizedBytes(c.Heads * c.HeadDim), ownRoom},
		{"half", &a.half, ofLayer, half, ownRoom},
		{"splits", &a.splits, ofLayer, splits, splitRoom},
		{"product_partial", &a.product.Partial, ofLayer, max(4, p.productPartial), ownRoom},
		{"product_done", &a.product.Done, ofModel, max(4, p.productDone), ownRoom},
		{"gate_up", &a.gateUp, ofLayer, gateUp, queryRoom},
		{"ffn", &a.ffn.F32, ofLayer, ffn, productRoom},
		{"ffn_q16", &a.ffn.Quantized, ofLayer, shaders.QuantizedBytes(c.FFNDim), ownRoom},
		{"logits", &a.logits, ofStep, 4 * int64(p.rows) * int64(c.Vocab), ownRoom},
		{"raw_logits", &a.raw, ofEnd, 4 * int64(p.rows) * int64(c.Vocab), productRoom},
		{"counts", &a.counts, ofModel, 4 * int64(p.rows) * int64(c.Vocab), ownRoom},
	}
}

// bytesOfRooms is what the activations of each room take, the largest of them, and with those that have their own all together.
func bytesOfRooms(table []activation) (rooms map[room]int64, all int64) {
	rooms = map[room]int64{}
	for _, t := range table {
		if t.room == ownRoom {
			all += t.bytes
		} else if more := t.bytes - rooms[t.room]; more > 0 {
			rooms[t.room] += more
			all += more
		}
	}
	return rooms, all
}

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
	pages      pageTable
	sampling   vk.Range // [sequence]shaders.Sampling
	history    vk.Range // [sequence][context] u32: the ids of each position
	biases     vk.Range // [sequence][MaxBiases]shaders.Bias
	masks      maskState
	thresholds vk.Range
	best       vk.Range
	bins       vk.Range
	picked     vk.Range
	ring       *vk.Buffer // [plan.rows][ringSlots] u32, read by the host
	logprobs   logprobState
}

const rowBytes, gridBytes, samplingBytes, biasesBytes = 16, 12, 48, 8 * shaders.MaxBiases

// buffer makes a buffer that Close gives back.
func (m *Model) buffer(name string, bytes int64, memory vk.Memory) (*vk.Buffer, error) {
	b, err := m.dev.NewBuffer(name, bytes, memory)
	if err != nil {
		return nil, fmt.Errorf("engine: %s: %w", name, err)
	}
	m.buffers = append(m.buffers, b)
	return b, nil
}

// makeBuffers makes them and lists what they hold at first.
func (m *Model) makeBuffers(list *upload.List) (err error) {
	buffer := func(name string, bytes int64, memory vk.Memory) (b *vk.Buffer) {
		if err == nil {
			b, err = m.buffer(name, bytes, memory)
		}
		return b
	}
	local := func(name string, bytes int64) (r vk.Range) {
		if b := buffer(name, bytes, vk.DeviceLocal); err == nil {
			r = b.All()
		}
		return r
	}
	table := m.act.table(m.cfg, m.plan)
	sizes, _ := bytesOfRooms(table)
	rooms := map[room]vk.Range{}
	for name, bytes := range sizes {
		rooms[name] = local(string(name), bytes)
	}
	for _, t := range table {
		if err != nil {
			break
		}
		if t.room != ownRoom {
			*t.to = rooms[t.room].Part(0, t.bytes)
		} else if *t.to = local(t.name, t.bytes); err == nil && t.lives == ofModel {
			list.Values(*t.to, 4, func(_ int64, dst []byte) { clear(dst) })
		}
	}

	maxPages, sequences := int64(pagesFor(m.context)), int64(m.plan.sequences+m.idleSequences())
	s := &m.state
	for i := range s.chunkRows {
		s.chunkRows[i] = buffer("chunk_rows", int64(m.plan.chunk)*rowBytes, vk.Upload)
		s.chunkGrid[i] = buffer("chunk_grid", gridBytes, vk.Upload)
	}
	s.decodeRows = local("decode_rows", rowBytes*shaders.DecodeRows)
	s.decodeGrid = local("decode_grid", gridBytes)
	s.nextRows = buffer("next_rows", rowBytes*shaders.DecodeRows+gridBytes, vk.Upload)
	s.pages = pageTable{host: buffer("page_table", sequences*maxPages*4, vk.Upload), device: local("pages", sequences*maxPages*4), column: int(maxPages)}
	s.sampling = local("sampling", sequences*samplingBytes)
	s.history = local("history", sequences*int64(m.context)*4)
	s.biases = local("biases", sequences*biasesBytes)
	masks := shaders.MaskBytes(m.cfg.Vocab)
	s.masks = maskState{host: buffer("next_masks", int64(m.plan.sequences)*masks, vk.Upload), device: local("masks", int64(m.plan.sequences)*masks), bytes: masks}
	s.thresholds = local("thresholds", 4*int64(m.plan.rows))
	s.best = local("best", shaders.BestBytes(m.cfg.Vocab, m.plan.rows))
	s.bins = local("bins", shaders.BinBytes(m.plan.rows))
	s.picked = local("picked", m.kernels.PickedBytes(m.cfg.Vocab, m.plan.rows))
	s.ring = buffer("ring", int64(m.plan.rows)*ringSlots*4, vk.Readback)
	s.logprobs = logprobState{
		shares: local("logprob_shares", shaders.ShareBytes(m.cfg.Vocab, m.plan.rows)), ring: buffer("logprob_ring", int64(m.plan.rows)*ringSlots*logprobsBytes, vk.Readback),
		targets: buffer("logprob_targets", int64(m.plan.rows)*rowBytes, vk.Upload), ofPrompt: buffer("prompt_logprobs", int64(m.plan.rows)*logprobsBytes, vk.Readback),
	}

	layerKV := int64(m.plan.pages+m.idleSequences()) * shaders.KVBytes(m.heads, m.kv)
	for i := range m.layers {
		m.layers[i].Cache = shaders.KVCache{
			K: local(fmt.Sprintf("blk.%d.k_cache", i), layerKV), V: local(fmt.Sprintf("blk.%d.v_cache", i), layerKV),
			Pages: s.pages.device, MaxPages: int(maxPages),
		}
	}
	m.angles = local("rope_angles", int64(m.context)*int64(m.cfg.HeadDim)*4)
	if err != nil {
		return err
	}
	if err := m.prepareIdle(); err != nil {
		return err
	}
	angles := 4 * int64(m.cfg.HeadDim) // of a position
	list.Values(m.angles, angles, func(at int64, dst []byte) {
		copy(dst, bytesOf(shaders.RoPETable(int(at/angles), len(dst)/int(angles), m.cfg.HeadDim, m.cfg.RopeTheta)...))
	})
	return nil
}

func (m *Model) sampleBuffers() *shaders.SampleBuffers {
	s := &m.state
	return &shaders.SampleBuffers{
		Rows: s.decodeRows, Params: s.sampling, History: s.history, Biases: s.biases, Mask: s.masks.device,
		Logits: m.act.logits, Best: s.best, Counts: m.act.counts, Bins: s.bins, Thresholds: s.thresholds, Picked: s.picked,
		Ring: s.ring.All(), Grid: s.decodeGrid,
		Vocab: m.cfg.Vocab, Context: m.context, Slots: ringSlots,
	}
}
