package weights

import (
	"context"
	"fmt"
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
	vocab := &Vocab{Pieces: synthPieces(c.Vocab), BOS: 2, EOS: 1, UNK: 3, PAD: 0, AddBOS: true}
	header := newHeader(&c, vocab, synthTemplate, mix, tensors)
	o := &output{path, header, tensors, int64(len(header)) + int64(dataSize), progress}
	return o.write(ctx, func(int) int { return 1 }, func() filler {
		var s *synth
		return func(dst []byte, i, first int) error { // the bytes depend on the piece's position and the seed only
			if s == nil || s.tensor != tensors[i] {
				s = newSynth(tensors[i], seed)
			}
			s.blocks(dst, first)
			return nil
		}
	})
}
