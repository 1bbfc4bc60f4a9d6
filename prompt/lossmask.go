package prompt

import (
	"errors"

	"sealvk/tokenize"
)

// LossMask prepares conversations for fine-tuning as the function
// seallm_7b_v25_tokenize_multi_turns of SeaLLM-7B-v2.5's model card does. Each
// turn
//
//	<|im_start|>role\ncontent<eos>\n
//
// is encoded by itself and one bos put in front of the first. The mask is 1 on
// what an assistant says and the rest of its turn, <eos> and the line break,
// from the position on at which the turn's head ends when it stands alone; it
// is 0 elsewhere.
//
// As in that function the literal text of control pieces in a message becomes
// those pieces: training texts are trusted.
type LossMask struct {
	tok  *tokenize.Tokenizer
	head []int32 // of an assistant's turn
}

// NewLossMask returns the LossMask of a vocabulary, which must have bos and eos.
func NewLossMask(tok *tokenize.Tokenizer) (*LossMask, error) {
	if tok.BOS() < 0 || tok.EOS() < 0 {
		return nil, errors.New("prompt: the vocabulary has no bos or no eos, which a conversation for training needs")
	}
	return &LossMask{tok, tok.Encode(nil, imStart+"assistant\n", true)}, nil
}

// Append appends the ids of a conversation to ids and as many zeros and ones
// to mask. With addAssistantHead the head of an assistant's turn, masked out,
// follows. Without messages nothing is appended.
func (l *LossMask) Append(ids []int32, mask []byte, msgs []Message, addAssistantHead bool) ([]int32, []byte) {
	if len(msgs) == 0 {
		return ids, mask
	}
	ids, mask = append(ids, l.tok.BOS()), append(mask, 0)
	eos := l.tok.Piece(l.tok.EOS()).Text
	for _, m := range msgs {
		start := len(ids)
		ids = l.tok.Encode(ids, imStart+m.Role+"\n"+m.Content+eos+"\n", true)
		at := len(mask)
		mask = append(mask, make([]byte, len(ids)-start)...)
		if m.Role == "assistant" {
			for i := at + len(l.head); i < len(mask); i++ {
				mask[i] = 1
			}
		}
	}
	if addAssistantHead {
		ids, mask = append(ids, l.head...), append(mask, make([]byte, len(l.head))...)
	}
	return ids, mask
}
