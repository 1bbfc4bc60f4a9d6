package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sealvk/cli/score"
	"sealvk/engine"
)

type perplexityFlags struct {
	model   *modelFlags
	method  choice
	stride  whole // 0: usualStride, or half the window where that is less
	chunks  whole // 0: all
	special bool
	json    bool
}

// What the programs that the methods are from take by themselves.
const usualChunk, usualStride = 512, 512

func (p *program) perplexityCommand() *cli.Command {
	f := &perplexityFlags{model: newModelFlags(), method: choice{"llama", []string{"llama", "stride"}},
		stride: whole{0, 1, 1 << 20}, chunks: whole{0, 1, 1 << 40}}
	f.model.kv.value, f.model.numerics.value = engine.KVF32.String(), engine.NumericsExact.String()
	return &cli.Command{
		Name:      "perplexity",
		Usage:     "measure how well a model predicts a text",
		ArgsUsage: "FILE|-",
		Description: "The last line is the perplexity and its standard error; in front of it, on standard\n" +
			"error, the perplexity up to each chunk. --method llama is what llama-perplexity\n" +
			"does: chunks of --ctx tokens (512), each with <bos> in front, of which the second\n" +
			"half counts. --method stride is the sliding window of transformers' documentation:\n" +
			"--ctx tokens (the model's context) that move on by --stride.",
		Flags: append(f.model.all(),
			valueFlag(&f.method, "", "method", "`NAME`: llama or stride"),
			&cli.GenericFlag{Name: "stride", Value: &f.stride, DefaultText: "512, or half of --ctx",
				Usage: "with --method stride: tokens `N` from one window to the next"},
			&cli.GenericFlag{Name: "chunks", Value: &f.chunks, DefaultText: "all", Usage: "only the first `N` chunks or windows"},
			toggleFlag(&f.special, "", "parse-special", "read control tokens such as <eos> where the text spells them, as transformers does"),
			toggleFlag(&f.json, "", "json", "print one JSON object: the perplexity by token, byte and word, and what it was made of"),
		),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return fmt.Errorf("perplexity wants one text file, or - for standard input, got %d arguments", c.NArg())
			}
			if c.IsSet("stride") && f.method.value != "stride" {
				return errors.New("--stride needs --method stride: llama's chunks don't overlap")
			}
			return p.perplexity(f, c.Args().First())
		},
	}
}

func (p *program) perplexity(f *perplexityFlags, path string) (err error) {
	text, err := p.wholeText(path)
	if err != nil {
		return err
	}
	if f.method.value == "llama" {
		text = strings.TrimSuffix(text, "\n") // as llama-perplexity reads a file
		if f.model.context.value == 0 {
			f.model.context.value = usualChunk
		}
	}
	ctx, release := stoppable()
	defer release()
	o, err := p.open(ctx, f.model, nil, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	r := &perplexityRun{p: p, o: o, f: f, text: text, size: o.model.Context()}
	if err := r.cut(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := r.compute(ctx); err != nil {
		return stopCause(ctx, err)
	}
	if f.json {
		return encodeJSON(p.stdout, "", r.result())
	}
	_, err = fmt.Fprintf(p.stdout, "PPL = %.4f ± %.5f\n", r.sum.Value(), r.sum.StdErr())
	return err
}

// wholeText reads a file, or standard input, that must be UTF-8; a byte order mark is no part of it.
func (p *program) wholeText(path string) (string, error) {
	name, r := "standard input", p.stdin
	if path != "-" {
		file, err := openInput(path, "a text file")
		if err != nil {
			return "", err
		}
		defer file.Close()
		name, r = path, file
	}
	b, err := io.ReadAll(io.LimitReader(r, maxTextBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", name, bare(err))
	case len(b) > maxTextBytes:
		return "", fmt.Errorf("%s is longer than %d MiB", name, maxTextBytes>>20)
	}
	text := string(bytes.TrimPrefix(b, []byte("\ufeff")))
	return text, checkUTF8(name, text)
}

// perplexityRun is one run of the command.
type perplexityRun struct {
	p    *program
	o    *opened
	f    *perplexityFlags
	text string
	size int // of a chunk or window, in tokens; the model's context is at least that

	ids     []int32
	stride  int
	windows []score.Window
	bytes   int // of the text of the tokens that count
	sum     score.Perplexity
	running []float64 // perplexities up to each window
}

// cut makes windows of the text.
func (r *perplexityRun) cut() (err error) {
	size, tok := r.size, r.o.tokenizer
	if tok.BOS() >= 0 {
		r.ids = append(r.ids, tok.BOS())
	}
	r.ids = tok.Encode(r.ids, r.text, r.f.special)
	var short *score.TooShortError
	if r.f.method.value == "llama" {
		r.windows, err = score.Chunks(r.ids, size, tok.BOS())
		if errors.As(err, &short) {
			return fmt.Errorf("the text has %d tokens, two chunks of %d are the least: take a longer text or a lesser --ctx", short.Tokens, size)
		}
	} else {
		r.stride = int(r.f.stride.value)
		switch {
		case r.stride == 0:
			r.stride = min(usualStride, max(1, size/2))
		case r.stride > size:
			return fmt.Errorf("--stride %d is more than a window's %d tokens and would leave some out: want at most that, or a greater --ctx", r.stride, size)
		}
		r.windows, err = score.Strides(r.ids, size, r.stride)
		if errors.As(err, &short) {
			return errors.New("the text is empty")
		}
	}
	if n := r.f.chunks.value; n > 0 && n < uint64(len(r.windows)) {
		r.windows = r.windows[:n]
	}
	return err
}

// compute has the windows computed, one behind the other, and shows the perplexity as it goes.
func (r *perplexityRun) compute(ctx context.Context) error {
	if r.stride > 0 {
		r.p.note("%d tokens: windows of %d, %d from one to the next: %d", len(r.ids), r.size, r.stride, len(r.windows))
	} else {
		r.p.note("%d tokens: %d chunks of %d, of which the last %d count", len(r.ids), len(r.windows), r.size, r.windows[0].Weight)
	}
	begun := time.Now()
	for i, w := range r.windows {
		tell := func(what string) {
			if i > 0 {
				fmt.Fprintln(r.p.stderr) // its line is open
			}
			r.p.note("%s", what)
		}
		result, err := r.o.generate(ctx, tell, func() (engine.Request, error) {
			return engine.Request{Prompt: w.IDs, MaxTokens: engine.NoTokens, PromptLogprobs: true, PromptLogprobsFrom: w.First}, nil
		})
		if err == nil {
			err = stopCause(ctx, nil)
		}
		if err == nil {
			err = r.sum.Add(w, result.PromptLogprobs)
		}
		if err != nil {
			if i > 0 {
				fmt.Fprintln(r.p.stderr)
			}
			return fmt.Errorf("chunk %d: %w", i+1, err)
		}
		text, err := r.o.tokenizer.Decode(w.IDs[w.First:])
		if err != nil {
			return err
		}
		r.bytes += len(text)
		r.running = append(r.running, r.sum.Value())
		if i == 0 && len(r.windows) > 1 {
			r.p.note("%s", remaining(time.Since(begun), len(r.windows)))
		}
		fmt.Fprintf(r.p.stderr, "[%d]%.4f,", i+1, r.sum.Value())
	}
	fmt.Fprintln(r.p.stderr)
	return nil
}

// remaining says how long n take, of which one took a while.
func remaining(one time.Duration, n int) string {
	return fmt.Sprintf("%.2f s a chunk, about %v in all", one.Seconds(), (one * time.Duration(n)).Round(time.Second))
}

// perplexityResult is what --json prints. Others script against its fields.
type perplexityResult struct {
	Method         string    `json:"method"`
	Context        int       `json:"ctx"`
	Stride         int       `json:"stride,omitempty"`
	Chunks         int       `json:"chunks"`
	TextTokens     int       `json:"text_tokens"` // with <bos>
	Tokens         int       `json:"tokens"`      // that count
	Bytes          int       `json:"bytes"`       // of their text
	Sum            float64   `json:"nll_sum"`
	NLL            float64   `json:"nll"`
	Perplexity     float64   `json:"perplexity"`
	StdErr         float64   `json:"stderr"`
	BitsPerByte    float64   `json:"bits_per_byte"`
	BytePerplexity float64   `json:"byte_perplexity"`
	WordPerplexity float64   `json:"word_perplexity"` // words are what blanks part
	Running        []float64 `json:"running"`
	Numerics       string    `json:"numerics"`
	KV             string    `json:"kv"`
}

func (r *perplexityRun) result() perplexityResult {
	perByte := r.sum.Sum() / float64(r.bytes)
	return perplexityResult{
		Method: r.f.method.value, Context: r.size, Stride: r.stride, Chunks: len(r.windows),
		TextTokens: len(r.ids), Tokens: r.sum.Tokens(), Bytes: r.bytes,
		Sum: r.sum.Sum(), NLL: r.sum.NLL(), Perplexity: r.sum.Value(), StdErr: r.sum.StdErr(),
		BitsPerByte: perByte / math.Ln2, BytePerplexity: math.Exp(perByte),
		WordPerplexity: math.Exp(perByte * float64(len(r.text)) / float64(max(1, len(strings.Fields(r.text))))),
		Running:        r.running, Numerics: r.o.numerics.String(), KV: r.o.kv.String(),
	}
}
