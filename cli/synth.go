package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/urfave/cli/v2"

	"sealvk/weights"
)

type synthFlags struct {
	mix, output string
	seed        whole
}

func (p *program) synthCommand() *cli.Command {
	f := &synthFlags{seed: whole{1, 0, math.MaxUint64}}
	return &cli.Command{
		Name:      "synth",
		Usage:     "write a GGUF file of a model's exact shape with random weights",
		ArgsUsage: "MODEL_SHAPE",
		Description: "MODEL_SHAPE is seallm-7b-v2.5 or seallm-nano, possibly with other dimensions:\n" +
			"seallm-7b-v2.5:layers=2,vocab=1000. Keys: layers dim ffn heads kv_heads head_dim vocab context theta eps.",
		Flags: []cli.Flag{
			textFlag(&f.mix, "", "type", "type `MIX` as llama-quantize makes it: "+weights.Mixes()),
			fileFlag(&f.output, "", "output, o", "`FILE.gguf` to write; it appears when it is complete"),
			valueFlag(&f.seed, "", "seed", "the same seed gives the same file"),
		},
		Action: func(c *cli.Context) error {
			switch {
			case c.NArg() != 1:
				return errors.New("synth takes one model shape, such as seallm-7b-v2.5")
			case f.mix == "":
				return errors.New("synth needs --type: " + weights.Mixes())
			case f.output == "":
				return errors.New("synth needs -o FILE.gguf")
			}
			return p.synth(c.Args().First(), f)
		},
	}
}

func (p *program) synth(name string, f *synthFlags) error {
	shape, err := weights.ParseShape(name)
	if err != nil {
		return err
	}
	mix, err := weights.ParseMix(f.mix)
	if err != nil {
		return fmt.Errorf("--type: %w", err)
	}
	if err := checkOutput(f.output); err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	step, end := p.progress("writing")
	defer end()
	return stopCause(ctx, weights.WriteSynth(ctx, f.output, shape, mix, f.seed.value, step))
}
