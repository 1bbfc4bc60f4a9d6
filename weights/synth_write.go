package weights

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// synthTemplate is SeaLLM-7B-v2.5's chat template.
const synthTemplate = `{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// WriteSynth writes a GGUF file of the shape c and the type mix, with random weights
// under which activations and logits stay moderate, and a complete vocabulary. The
// same seed gives the same bytes on any machine. The file appears under its name only
// when it is complete. progress, if not nil, is called from one goroutine at a time
// with the bytes written so far and in all.
func WriteSynth(ctx context.Context, path string, c Config, mix FileType, seed uint64, progress func(done, total int64)) error {
	tensors, dataSize, err := planTensors(&c, mix)
	if err != nil {
		return fmt.Errorf("weights: shape %s as %s: %w", c.Name, mix, err)
	}
	header := synthHeader(&c, mix, tensors)
	total := int64(len(header)) + int64(dataSize)
	fail := func(err error) error { return fmt.Errorf("weights: writing %s: %w", path, err) }
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fail(errors.New("exists and is not a regular file"))
	}
	dir, base := filepath.Split(path)
	if free, ok := freeSpace(filepath.Clean(dir)); ok && uint64(total) > free {
		return fail(fmt.Errorf("needs %d MB, the disk has %d MB free", total>>20, free>>20))
	}
	f, err := os.CreateTemp(filepath.Clean(dir), "."+base+".*.part")
	if err != nil {
		return fail(err)
	}
	err = writeSynth(ctx, f, header, tensors, total, seed, progress)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fail(err)
	}
	return nil
}

// writeSynth writes the tensors' pieces from all cores, each at its place. A piece's
// bytes depend on its position and the seed only.
func writeSynth(ctx context.Context, f *os.File, header []byte, tensors []*Tensor, total int64, seed uint64, progress func(done, total int64)) error {
	const piece = 1 << 20 // bytes
	type job struct {
		*synth
		first, blocks int
	}
	if _, err := f.WriteAt(header, 0); err != nil {
		return err
	}
	if err := f.Truncate(total); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan job)
	var wg sync.WaitGroup
	var progressing sync.Mutex
	done := int64(len(header))
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			buffer := make([]byte, piece)
			for j := range jobs {
				size := j.tensor.Type.BlockBytes()
				b := buffer[:j.blocks*size]
				j.synth.blocks(b, j.first)
				if _, err := f.WriteAt(b, int64(len(header))+int64(j.tensor.offset)+int64(j.first)*int64(size)); err != nil {
					cancel(err)
				}
				progressing.Lock()
				if done += int64(len(b)); progress != nil {
					progress(done, total)
				}
				progressing.Unlock()
			}
		})
	}
	for _, t := range tensors {
		s := newSynth(t, seed)
		blocks, step := int(t.size)/t.Type.BlockBytes(), piece/t.Type.BlockBytes()
		for b := 0; b < blocks && ctx.Err() == nil; b += step {
			jobs <- job{s, b, min(step, blocks-b)}
		}
	}
	close(jobs)
	wg.Wait()
	if progress != nil && ctx.Err() == nil {
		progress(total, total)
	}
	return context.Cause(ctx)
}

// ggufWriter builds a GGUF header in memory.
type ggufWriter struct {
	b    []byte
	keys uint64
}

func (w *ggufWriter) u32(n uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, n) }
func (w *ggufWriter) u64(n uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, n) }
func (w *ggufWriter) str(s string) { w.u64(uint64(len(s))); w.b = append(w.b, s...) }

func (w *ggufWriter) key(name string, t valueType) {
	w.keys++
	w.str(name)
	w.u32(uint32(t))
}
func (w *ggufWriter) text(name, s string)        { w.key(name, typeString); w.str(s) }
func (w *ggufWriter) integer(name string, n int) { w.key(name, typeUint32); w.u32(uint32(n)) }
func (w *ggufWriter) float(name string, f float32) {
	w.key(name, typeFloat32)
	w.u32(math.Float32bits(f))
}
func (w *ggufWriter) boolean(name string, v bool) {
	w.key(name, typeBool)
	w.b = append(w.b, map[bool]byte{true: 1}[v])
}
func (w *ggufWriter) array(name string, t valueType, n int) {
	w.key(name, typeArray)
	w.u32(uint32(t))
	w.u64(uint64(n))
}

// synthHeader gives everything in front of the tensor data, padding included, with the
// keys that llama.cpp writes for Gemma.
func synthHeader(c *Config, mix FileType, tensors []*Tensor) []byte {
	w := &ggufWriter{}
	w.text("general.architecture", "gemma")
	w.text("general.type", "model")
	w.text("general.name", c.Name)
	w.integer("gemma.context_length", c.Context)
	w.integer("gemma.embedding_length", c.Dim)
	w.integer("gemma.block_count", c.Layers)
	w.integer("gemma.feed_forward_length", c.FFNDim)
	w.integer("gemma.attention.head_count", c.Heads)
	w.integer("gemma.attention.head_count_kv", c.KVHeads)
	w.float("gemma.attention.layer_norm_rms_epsilon", c.NormEps)
	w.integer("gemma.attention.key_length", c.HeadDim)
	w.integer("gemma.attention.value_length", c.HeadDim)
	w.float("gemma.rope.freq_base", c.RopeTheta)
	w.text("tokenizer.ggml.model", "llama")
	w.text("tokenizer.ggml.pre", "default")
	pieces := synthPieces(c.Vocab)
	w.array("tokenizer.ggml.tokens", typeString, len(pieces))
	for _, p := range pieces {
		w.str(p.Text)
	}
	w.array("tokenizer.ggml.scores", typeFloat32, len(pieces))
	for _, p := range pieces {
		w.u32(math.Float32bits(p.Score))
	}
	w.array("tokenizer.ggml.token_type", typeInt32, len(pieces))
	for _, p := range pieces {
		w.u32(uint32(p.Kind))
	}
	w.integer("tokenizer.ggml.bos_token_id", 2)
	w.integer("tokenizer.ggml.eos_token_id", 1)
	w.integer("tokenizer.ggml.unknown_token_id", 3)
	w.integer("tokenizer.ggml.padding_token_id", 0)
	w.boolean("tokenizer.ggml.add_bos_token", true)
	w.boolean("tokenizer.ggml.add_eos_token", false)
	w.boolean("tokenizer.ggml.add_space_prefix", false)
	w.text("tokenizer.chat_template", synthTemplate)
	w.integer("general.quantization_version", 2)
	w.integer("general.file_type", int(mix))

	keys, metadata := w.keys, w.b
	*w = ggufWriter{b: []byte("GGUF")}
	w.u32(3)
	w.u64(uint64(len(tensors)))
	w.u64(keys)
	w.b = append(w.b, metadata...)
	for _, t := range tensors {
		w.str(t.Name)
		if t.Rows == 1 && t.Type == F32 {
			w.u32(1)
			w.u64(uint64(t.Cols))
		} else {
			w.u32(2)
			w.u64(uint64(t.Cols))
			w.u64(uint64(t.Rows))
		}
		w.u32(uint32(t.Type))
		w.u64(t.offset)
	}
	return append(w.b, make([]byte, align(uint64(len(w.b)))-uint64(len(w.b)))...)
}
