package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
)

const (
	digestSamples = 4    // of each tensor's data
	digestBytes   = 4096 // of each sample
)

// Digest tells the model from others, in 16 hexadecimal digits: of what it is and can write, and of
// samples of each tensor's values, so that it takes no longer for large files than a look at them. Files of another
// name or in another folder have the same digest. It is an error if a file can no longer be read.
func (m *Model) Digest() (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %d %+v %v %q\n", m.Format, m.Size, m.Config, m.Stops, m.ChatTemplate)
	if m.Vocab != nil {
		fmt.Fprintf(sum, "%v\n", *m.Vocab)
	} else if m.Tokenizer != "" {
		text, err := os.ReadFile(m.Tokenizer)
		if err != nil {
			return "", fmt.Errorf("weights: %w", err)
		}
		sum.Write(text)
	}
	for _, t := range m.Tensors {
		fmt.Fprintf(sum, "\n%s %v %d %d ", t.Name, t.Type, t.Rows, t.Cols)
		if err := t.Guard(func() error {
			for _, data := range [][]byte{t.Data, t.Scales, t.Biases} {
				for i := range digestSamples {
					from := max(0, len(data)-digestBytes) * i / (digestSamples - 1)
					sum.Write(data[from:min(len(data), from+digestBytes)])
				}
			}
			return nil
		}); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
