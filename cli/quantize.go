package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/tokenize"
	"sealvk/weights"
)

func (p *program) quantizeCommand() *cli.Command {
	var mix string
	return &cli.Command{
		Name:      "quantize",
		Usage:     "write a model as a GGUF file of other types",
		ArgsUsage: "IN OUT.gguf",
		Description: "IN is what -m takes elsewhere: a folder with safetensors, plain or of MLX, a GGUF file (of a sharded\n" +
			"model: one of them), or org/repo[:quant] as pulled.\n" +
			"OUT.gguf appears when it is complete. Each tensor gets the type that llama-quantize chooses without importance matrix.",
		Flags: []cli.Flag{
			textFlag(&mix, "", "type", "type `MIX` as llama-quantize makes it: "+weights.Mixes()),
		},
		Action: func(c *cli.Context) error {
			switch {
			case c.NArg() != 2 || c.Args().Get(0) == "" || c.Args().Get(1) == "":
				return errors.New("quantize takes two arguments: a model and the GGUF file to write")
			case mix == "":
				return errors.New("quantize needs --type: " + weights.Mixes())
			}
			return p.quantize(c.Args().Get(0), c.Args().Get(1), mix)
		},
	}
}

func (p *program) quantize(in, out, mix string) (err error) {
	fileType, err := weights.ParseMix(mix)
	if err != nil {
		return fmt.Errorf("--type: %w", err)
	}
	if err := checkOutput(out); err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	model, err := p.openFile(in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	if err := checkNotInput(out, model); err != nil {
		return err
	}
	var vocab *weights.Vocab
	if model.Vocab == nil {
		if vocab, err = folderVocab(model); err != nil {
			return err
		}
	}
	if types := model.Requantized(fileType); types != nil {
		p.note("%s has %s tensors: quantizing them again costs quality; better start from BF16 or F16", in, strings.Join(types, ", "))
	}
	progress, end := p.progress("quantizing")
	defer end()
	return stopCause(ctx, weights.Quantize(ctx, out, model, fileType, vocab, progress))
}

// folderVocab reads the vocabulary beside a folder's weights: from tokenizer.model, which
// has scores, if it is there.
func folderVocab(m *weights.Model) (*weights.Vocab, error) {
	path := m.Tokenizer
	if path == "" {
		return nil, fmt.Errorf("%s: has neither tokenizer.model nor tokenizer.json; fetch one of them from where the model comes from", m.Path)
	}
	if scored := filepath.Join(filepath.Dir(path), "tokenizer.model"); exists(scored) {
		path = scored
	}
	tok, err := tokenize.Load(path)
	if err != nil {
		return nil, err
	}
	v := tok.Vocab()
	out := &weights.Vocab{BOS: v.BOS, EOS: v.EOS, UNK: v.UNK, AddBOS: true}
	for _, p := range v.Pieces {
		out.Pieces = append(out.Pieces, weights.Piece{Text: p.Text, Score: p.Score, Kind: weights.Kind(p.Kind)})
	}
	out.PAD = int32(slices.IndexFunc(v.Pieces, func(p tokenize.Piece) bool { return p.Text == "<pad>" }))
	return out, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
