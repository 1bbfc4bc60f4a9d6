package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

type logitsFlags struct {
	model       *modelFlags
	ids, output string
	all         bool
}

func (p *program) logitsCommand() *cli.Command {
	f := &logitsFlags{model: newModelFlags()}
	f.model.kv.value = "f32" // exact numbers are what the command is for
	return &cli.Command{
		Name:        "logits",
		Usage:       "write the logits that follow a sequence of token ids",
		Description: "The file holds little-endian float32: the vocabulary's size, or that times the number of ids.",
		Flags: append(f.model.all(),
			textFlag(&f.ids, "", "ids", "token `IDS`, separated by commas: 2,10,7 (no <bos> is added)"),
			toggleFlag(&f.all, "", "all", "of every position, not only the last"),
			fileFlag(&f.output, "", "output, o", "`FILE` to write; it appears when it is complete"),
		),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if f.ids == "" || f.output == "" {
				return errors.New("logits needs --ids 2,10,7 and -o FILE")
			}
			return p.logits(f)
		},
	}
}

func (p *program) logits(f *logitsFlags) (err error) {
	ids, err := parseIDs(f.ids)
	if err != nil {
		return err
	}
	if err := checkOutput(f.output); err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	o, err := p.open(ctx, f.model, nil, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	for i, id := range ids {
		if int(id) >= o.tokenizer.Size() {
			return fmt.Errorf("--ids: id %d at position %d is past the vocabulary of %d pieces", id, i, o.tokenizer.Size())
		}
	}
	if n := o.model.Context(); len(ids) > n {
		return fmt.Errorf("--ids: %d ids, the context holds %d: raise --ctx", len(ids), n)
	}
	if err := checkNotInput(f.output, o.file); err != nil {
		return err
	}
	return writeFile(f.output, func(w io.Writer) error {
		return stopCause(ctx, o.writeLogits(ctx, w, ids, f.all))
	})
}

func (o *opened) writeLogits(ctx context.Context, w io.Writer, ids []int32, all bool) error {
	var row []byte
	return o.session.Logits(ctx, ids, all, func(_ int, logits []float32) error {
		row = row[:0]
		for _, v := range logits {
			row = binary.LittleEndian.AppendUint32(row, math.Float32bits(v))
		}
		_, err := w.Write(row)
		return err
	})
}

// parseIDs reads ids separated by commas.
func parseIDs(list string) ([]int32, error) {
	var ids []int32
	for i, s := range strings.Split(list, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		if err != nil || id < 0 {
			return nil, fmt.Errorf("--ids: %q at position %d is no token id: want whole numbers from 0, separated by commas", s, i)
		}
		ids = append(ids, int32(id))
	}
	return ids, nil
}
