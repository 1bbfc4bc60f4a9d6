package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/cli/batch"
)

type batchFlags struct {
	model        *modelFlags
	sampling     *samplingFlags
	raw, special bool
	parallel     whole

	input        choice // form of the inputs
	column       string
	templateFile string

	output         string
	form, order    choice
	resume, retry  bool
	skip, limit    whole
	dry            bool
	statisticsFile string
}

// autoForm is a form that follows from names of files.
const autoForm = "auto"

const (
	categoryInput  = "Input:"
	categoryOutput = "Output:"
)

func (p *program) batchCommand() *cli.Command {
	f := &batchFlags{
		model: newModelFlags(), sampling: newSamplingFlags(), parallel: whole{mostTogether, 1, 4096},
		input: choice{autoForm, []string{autoForm, string(batch.JSONL), string(batch.CSV), string(batch.TSV)}},
		form:  choice{autoForm, []string{autoForm, string(batch.JSONL), string(batch.CSV)}},
		order: choice{string(batch.InputOrder), []string{string(batch.InputOrder), string(batch.CompletionOrder)}},
		skip:  whole{0, 0, 1 << 40}, limit: whole{0, 0, 1 << 40},
	}
	f.model.numerics.value = numericsModes[1] // invariant
	f.sampling.speculate.value = 0            // other answers fill a step
	return &cli.Command{
		Name:      "batch",
		Usage:     "answer files of prompts, and go on where it was stopped",
		ArgsUsage: "[FILE...]",
		Description: "Each line of the files, or of standard input, is a line of OpenAI's batch format,\n" +
			"an object with \"messages\" or \"prompt\" and options, or a string; files may also be\n" +
			"CSV or TSV, and compressed by gzip or zstd. Each gets a line of output. With -o\n" +
			"OUT a run that was stopped goes on with --resume.",
		Flags: append(append(f.model.all(), f.sampling.all()...),
			toggleFlag(&f.raw, "", "raw", "no chat template for plain prompts: <bos> and the prompt as it is"),
			toggleFlag(&f.special, "", "parse-special", "with --raw: read control tokens such as <eos> where the prompt spells them"),
			valueFlag(&f.parallel, "", "parallel", "answer `N` prompts together, fewer if they do not fit"),

			valueFlag(&f.input, categoryInput, "input-format", "`FORM` of the inputs: auto, by their names; jsonl, csv or tsv"),
			textFlag(&f.column, categoryInput, "prompt-column", "`COLUMN` of CSV with the prompt: its name, or its number from 1 (default: the one called prompt)"),
			fileFlag(&f.templateFile, categoryInput, "template-file", "`FILE` in Jinja that makes a line's prompt of its fields"),
			valueFlag(&f.skip, categoryInput, "skip", "leave the first `N` lines alone"),
			valueFlag(&f.limit, categoryInput, "limit", "look at `N` lines; 0: at all"),
			toggleFlag(&f.dry, categoryInput, "dry-run", "check every line and count its tokens, without the model's weights or a device"),

			fileFlag(&f.output, categoryOutput, "output, o", "`OUT`, the file to write; OUT.job beside it holds what --resume compares"),
			toggleFlag(&f.resume, categoryOutput, "resume", "go on with OUT where an earlier run ended"),
			toggleFlag(&f.retry, categoryOutput, "retry-errors", "with --resume: compute lines that got an error again"),
			valueFlag(&f.order, categoryOutput, "order", "`ORDER` of the output: input, or completion, each line as soon as it is there"),
			valueFlag(&f.form, categoryOutput, "format", "`FORM` of the output: auto, csv if OUT ends so, or if an input is CSV and OUT is not given; jsonl or csv"),
			fileFlag(&f.statisticsFile, categoryOutput, "stats", "write counts and times as JSON into `FILE`"),
		),
		Action: func(c *cli.Context) error {
			if err := f.finish(c); err != nil {
				return err
			}
			if f.dry {
				return p.batchCheck(f, c.Args().Slice())
			}
			return p.batch(f, c.Args().Slice(), c.IsSet)
		},
	}
}

// finish checks what no single flag can.
func (f *batchFlags) finish(c *cli.Context) error {
	if err := f.sampling.finish(c); err != nil {
		return err
	}
	if f.model.numerics.value == numericsModes[0] { // auto would have a lone answer's bits depend on being alone
		f.model.numerics.value = numericsModes[1]
	}
	if f.output == "-" || f.output == "/dev/stdout" { // beside which no file has a place
		f.output = ""
	}
	switch {
	case f.special && !f.raw:
		return errors.New("--parse-special needs --raw: text within a template cannot hold control tokens")
	case f.raw && c.IsSet("system"):
		return errors.New("--raw leaves the template out: it excludes --system")
	case f.resume && f.output == "":
		return errors.New("--resume goes on with a file: name it with -o OUT")
	case f.retry && !f.resume:
		return errors.New("--retry-errors needs --resume: it computes lines of OUT again")
	case f.column != "" && f.templateFile != "":
		return errors.New("--prompt-column and --template-file: want one of them, the template sees all columns")
	case f.dry && (f.output != "" || f.statisticsFile != ""):
		return errors.New("--dry-run writes no file: it excludes -o and --stats")
	}
	for _, path := range []string{f.output, f.statisticsFile} {
		if path == "" {
			continue
		}
		if err := checkOutput(path); err != nil {
			return err
		}
		if err := checkNotRead(path, c.Args().Slice()); err != nil {
			return err
		}
	}
	return nil
}

// inputs says what to read.
func (f *batchFlags) inputs(p *program, names []string) (batch.Input, error) {
	in := batch.Input{Names: names, Stdin: p.stdin, Column: f.column, Template: f.templateFile != ""}
	if f.input.value != autoForm {
		in.Format = batch.Format(f.input.value)
	}
	if (len(names) == 0 || len(names) == 1 && names[0] == "-") && isTerminal(p.stdin) {
		return in, errors.New("no input: name files, or give lines through standard input")
	}
	if f.column != "" && !in.HasColumns() {
		return in, errors.New("--prompt-column: no input is CSV or TSV (--input-format says so where its name doesn't)")
	}
	return in, nil
}

// records is the form of the output.
func (f *batchFlags) records(in *batch.Input) *batch.Records {
	form := batch.Format(f.form.value)
	if f.form.value == autoForm {
		form = batch.JSONL
		if named := strings.ToLower(f.output); strings.HasSuffix(named, ".csv") || named == "" && in.HasColumns() {
			form = batch.CSV
		}
	}
	return &batch.Records{Format: form}
}

// fieldsTemplate is that of --template-file, nil if there is none.
func (f *batchFlags) fieldsTemplate() (*batch.Template, []byte, error) {
	if f.templateFile == "" {
		return nil, nil, nil
	}
	content, err := readText(f.templateFile)
	if err != nil {
		return nil, nil, fmt.Errorf("--template-file: %w", err)
	}
	t, err := batch.ParseTemplate(f.templateFile, content)
	return t, content, err
}
