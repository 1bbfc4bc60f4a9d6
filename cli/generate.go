package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"sealvk/engine"
	"sealvk/prompt"
)

type generateFlags struct {
	model              *modelFlags
	sampling           *samplingFlags
	structure          structureFlags
	raw, special, json bool
	lines              bool  // --jsonl
	parallel           whole // sessions of --jsonl
}

func (p *program) generateCommand() *cli.Command {
	f := &generateFlags{model: newModelFlags(), sampling: newSamplingFlags(), parallel: whole{mostTogether, 1, 4096}}
	flags := append(append(f.model.all(), f.sampling.all()...), f.structure.all()...)
	return &cli.Command{
		Name:      "generate",
		Usage:     "answer one prompt, or each of many",
		ArgsUsage: "[PROMPT | with --jsonl FILE...]",
		Description: "The prompt is the arguments joined by blanks, or standard input without its\n" +
			"last line break. A prompt that begins with a dash goes after --. With --jsonl every\n" +
			"line of the files, or of standard input, is a JSON string with a prompt, and every\n" +
			"line of output, in their order, the object of --json; several are answered together.",
		Flags: append(flags,
			toggleFlag(&f.raw, "", "raw", "no chat template: <bos> and the prompt as it is"),
			toggleFlag(&f.special, "", "parse-special", "with --raw: read control tokens such as <eos> where the prompt spells them"),
			toggleFlag(&f.json, "", "json", "print one JSON object: text, tokens, prompt_tokens, finish_reason, timings"),
			toggleFlag(&f.lines, "", "jsonl", "JSON lines in and out: many prompts"),
			valueFlag(&f.parallel, "", "parallel", "with --jsonl: answer `N` prompts together, fewer if their contexts do not fit"),
		),
		Action: func(c *cli.Context) (err error) {
			if err := f.sampling.finish(c); err != nil {
				return err
			}
			if f.sampling.grammar, err = f.structure.read(); err != nil {
				return err
			}
			if f.raw && (c.IsSet("template") || c.IsSet("system")) {
				return errors.New("--raw leaves the template out: it excludes --template and --system")
			}
			if f.special && !f.raw {
				return errors.New("--parse-special needs --raw: text within a template cannot hold control tokens")
			}
			if f.lines {
				return p.generateLines(f, c.Args().Slice())
			}
			if c.IsSet("parallel") {
				return errors.New("--parallel needs --jsonl: one prompt is one sequence")
			}
			return p.generate(f, c.Args().Slice())
		},
	}
}

func (p *program) generate(f *generateFlags, args []string) (err error) {
	text, err := p.promptText(args)
	if err != nil {
		return err
	}
	named, err := namedTemplate(f.sampling.template) // it may wait for a pipe: ahead of stoppable
	if err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	o, err := p.open(ctx, f.model, named, f.raw)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	if f.model.verbose && f.sampling.temperature.value > 0 {
		p.note("seed %d", f.sampling.seed.value)
	}
	ids, err := o.encode(text, f)
	if err != nil {
		return err
	}
	emit := p.printer()
	if f.json {
		emit = func(string) error { return nil }
	}
	a, err := o.ask(ctx, func() (engine.Request, error) { return o.request(ids, f.sampling, f.raw) }, emit)
	stopped := stopCause(ctx, nil)
	if err != nil && (stopped == nil || o.gone()) {
		return cmp.Or(stopped, err)
	}
	if f.json {
		err = encodeJSON(p.stdout, "", a.generated(o))
	} else if !strings.HasSuffix(a.Text, "\n") {
		_, err = io.WriteString(p.stdout, "\n")
	}
	if f.model.verbose {
		p.note("%s", a.summary(o))
	}
	if a.Finish == engine.FinishContext {
		p.note("the answer was cut: the context of %d tokens is full; raise --ctx", o.model.Context())
	}
	if stopped != nil {
		return stopped
	}
	return err
}

func (o *opened) encode(text string, f *generateFlags) ([]int32, error) {
	if f.raw {
		return prompt.Raw(o.tokenizer, text, f.special), nil
	}
	if err := o.checkSystem(f.sampling.system); err != nil {
		return nil, fmt.Errorf("--system: %w", err)
	}
	turns := messages(f.sampling.system, prompt.Message{Role: "user", Content: text})
	return o.template.Encode(o.tokenizer, turns, true)
}

// maxPromptBytes is far more than any context holds.
const maxPromptBytes = 64 << 20

// promptText takes the prompt from the arguments or from standard input.
func (p *program) promptText(args []string) (string, error) {
	text := strings.Join(args, " ")
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		if isTerminal(p.stdin) {
			return "", errors.New("no prompt: give it as an argument or through standard input (sealvk chat talks)")
		}
		b, err := io.ReadAll(io.LimitReader(p.stdin, maxPromptBytes+1))
		if err != nil {
			return "", fmt.Errorf("reading the prompt from standard input: %w", err)
		}
		if len(b) > maxPromptBytes {
			return "", fmt.Errorf("the prompt on standard input is longer than %d MiB", maxPromptBytes>>20)
		}
		text = strings.TrimPrefix(string(b), byteOrderMark)
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	}
	if strings.TrimSpace(text) == "" {
		return "", errors.New("the prompt is empty")
	}
	return text, checkUTF8("the prompt", text)
}

// checkUTF8 names the first byte that is not UTF-8.
func checkUTF8(what, text string) error {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return fmt.Errorf("%s is not UTF-8 text: byte %d is %#02x", what, i, text[i])
			}
		}
	}
	return nil
}

// printer writes text to standard output as it comes, made harmless for a
// terminal if that is one.
func (p *program) printer() func(string) error {
	terminal := isTerminal(p.stdout.w)
	return func(text string) error {
		if terminal {
			text = visible(text)
		}
		_, err := io.WriteString(p.stdout, text)
		return err
	}
}

// generated is the object of --json. Others script against its fields.
type generated struct {
	Text         string  `json:"text"`
	Tokens       []int32 `json:"tokens"`
	PromptTokens int     `json:"prompt_tokens"`
	FinishReason string  `json:"finish_reason"` // stop, length or context; cancelled after Ctrl-C
	Numerics     string  `json:"numerics"`      // that of --numerics
	Timings      timings `json:"timings"`
	Error        string  `json:"error,omitempty"` // of --jsonl: why there is no answer, or no more of it
}

type timings struct {
	LoadMS       float64 `json:"load_ms"`
	LoadGBPerS   float64 `json:"load_gb_per_s"` // of the weights, onto the device
	PromptMS     float64 `json:"prompt_ms"`
	PromptTPS    float64 `json:"prompt_tps"`
	FirstTokenMS float64 `json:"first_token_ms"`
	DecodeMS     float64 `json:"decode_ms"`
	DecodeTPS    float64 `json:"decode_tps"`
	Drafted      int     `json:"drafted"`
	Accepted     int     `json:"accepted"`
}

func (a *answer) generated(o *opened) generated {
	tokens := a.Tokens
	if tokens == nil {
		tokens = []int32{}
	}
	return generated{
		Text: a.Text, Tokens: tokens, PromptTokens: a.PromptTokens, FinishReason: fmt.Sprint(a.Finish), Numerics: o.numerics.String(),
		Timings: timings{
			LoadMS:       milliseconds(o.load),
			LoadGBPerS:   o.loaded.GBPerS(),
			PromptMS:     milliseconds(a.Prefill),
			PromptTPS:    perSecond(a.computed(), a.Prefill),
			FirstTokenMS: milliseconds(a.firstToken),
			DecodeMS:     milliseconds(a.Decode),
			DecodeTPS:    perSecond(a.decoded(), a.Decode),
			Drafted:      a.Drafted,
			Accepted:     a.Accepted,
		},
	}
}

// encodeJSON writes v and a line break, texts as they are (no \u003c).
func encodeJSON(w io.Writer, indent string, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}
