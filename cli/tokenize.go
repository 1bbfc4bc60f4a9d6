package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/urfave/cli/v2"

	"sealvk/tokenize"
	"sealvk/weights"
)

// tokenizeFlags are the switches of one run of tokenize.
type tokenizeFlags struct {
	model                             *modelFlags
	tokenizer                         string
	noBOS, special, jsonLines, decode bool

	chat, lossMask, generationPrompt bool
	template                         string // "" and "auto": what the model says
}

func (p *program) tokenizeCommand() *cli.Command {
	f := &tokenizeFlags{model: newModelFlags()}
	return &cli.Command{
		Name:      "tokenize",
		Usage:     "turn text into token ids, or back",
		ArgsUsage: "[TEXT | with --chat FILE...]",
		Description: "The text is the arguments joined by blanks, or standard input as it is.\n" +
			"With --jsonl every line of standard input is a JSON string and every line of\n" +
			"output an object with \"ids\" and \"text\", the ids decoded. With --chat every line\n" +
			"of the files, or of standard input, is a conversation in OpenAI's form,\n" +
			"{\"messages\":[{\"role\":\"user\",\"content\":\"…\"},…]} or the array alone, and every line\n" +
			"of output an object with \"input_ids\" and, with --loss-mask, \"token_type_ids\".",
		Flags: append([]cli.Flag{
			f.model.pathFlag(),
			fileFlag(&f.tokenizer, categoryModel, "tokenizer",
				"tokenizer.json, tokenizer.model or GGUF `FILE`, or a folder with one; of the model nothing else is needed"),
			toggleFlag(&f.noBOS, "", "no-bos", "no <bos> in front"),
			toggleFlag(&f.special, "", "parse-special", "read control tokens such as <eos> where the text spells them"),
			toggleFlag(&f.jsonLines, "", "jsonl", "JSON lines in and out"),
			toggleFlag(&f.decode, "", "decode", "turn ids into text: every line is a JSON array"),
			toggleFlag(&f.chat, categoryConversations, "chat", "conversations as JSON lines, through the model's chat template"),
			templateFlag(&f.template, categoryConversations),
			toggleFlag(&f.generationPrompt, categoryConversations, "generation-prompt", "end with the head of the assistant's next turn"),
			toggleFlag(&f.lossMask, categoryConversations, "loss-mask", "SeaLLM's format for fine-tuning, with a mask that is 1 on what the assistant says"),
		}, f.model.marksFlags()...),
		Action: func(c *cli.Context) error {
			if f.tokenizer != "" && f.model.path != "" {
				return errors.New("--model and --tokenizer exclude each other")
			}
			if f.decode && (f.noBOS || f.special) {
				return errors.New("--decode takes the ids as they are: it excludes --no-bos and --parse-special")
			}
			if err := f.checkChat(c); err != nil {
				return err
			}
			return p.tokenize(f, c.Args().Slice())
		},
	}
}

func (p *program) tokenize(f *tokenizeFlags, args []string) error {
	tok, err := p.openTokenizer(f)
	if err != nil {
		return err
	}
	if f.chat {
		return p.tokenizeChats(f, tok, args)
	}
	input := p.stdin
	if len(args) > 0 {
		input = strings.NewReader(strings.Join(args, " "))
	}
	if !f.decode && !f.jsonLines {
		return p.tokenizeText(f, tok, input)
	}
	do := func(out, line []byte) ([]byte, error) { return p.encodeLine(out, tok, line, f) }
	if f.decode {
		do = func(out, line []byte) ([]byte, error) { return decodeLine(out, tok, line, f.jsonLines) }
	}
	ctx, release := stoppable()
	defer release()
	return mapLines(ctx, input, p.stdout, do)
}

// openTokenizer reads a vocabulary: of a model, or on its own.
func (p *program) openTokenizer(f *tokenizeFlags) (*tokenize.Tokenizer, error) {
	if f.tokenizer == "" {
		file, err := p.openFile(f.model.path)
		if err != nil {
			return nil, err
		}
		tok, err := tokenizerOf(file, f.model.marks)
		return tok, errors.Join(err, file.Close())
	}
	gguf, err := isGGUF(f.tokenizer)
	if err != nil {
		return nil, err
	}
	if !gguf {
		return tokenize.LoadSized(f.tokenizer, 0, f.model.marks)
	}
	vocab, warnings, err := weights.OpenVocab(f.tokenizer)
	if err != nil {
		return nil, err
	}
	p.warn(f.tokenizer, warnings)
	return newTokenizer(f.tokenizer, vocab, f.model.marks)
}

// isGGUF looks at a file's first bytes; folders and what is no file are not GGUF.
func isGGUF(path string) (bool, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() { // opening a pipe would wait
		return false, err
	}
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	var magic [4]byte
	n, err := io.ReadFull(file, magic[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return string(magic[:n]) == "GGUF", nil
}

func (p *program) encode(dst []int32, tok *tokenize.Tokenizer, text string, f *tokenizeFlags) []int32 {
	p.noteDecomposed(text)
	if !f.noBOS && tok.BOS() >= 0 {
		dst = append(dst, tok.BOS())
	}
	return tok.Encode(dst, text, f.special)
}

// tokenizedLine is what --jsonl writes. Others script against its fields.
type tokenizedLine struct {
	IDs  []int32 `json:"ids"`
	Text string  `json:"text"`
}

func (p *program) encodeLine(out []byte, tok *tokenize.Tokenizer, line []byte, f *tokenizeFlags) ([]byte, error) {
	var text string
	if err := parseJSON(line, '"', &text); err != nil {
		return nil, fmt.Errorf("want a JSON string: %w", err)
	}
	ids := p.encode([]int32{}, tok, text, f)
	decoded, err := tok.Decode(ids)
	if err != nil {
		return nil, err
	}
	return appendLine(out, tokenizedLine{ids, decoded})
}

func decodeLine(out []byte, tok *tokenize.Tokenizer, line []byte, asJSON bool) ([]byte, error) {
	var ids []int32
	if err := parseJSON(line, '[', &ids); err != nil {
		return nil, fmt.Errorf("want a JSON array of ids: %w", err)
	}
	text, err := tok.Decode(ids)
	if err != nil {
		return nil, err
	}
	if asJSON {
		return appendLine(out, tokenizedLine{ids, text})
	}
	return append(append(out, text...), '\n'), nil
}

func appendLine(out []byte, line tokenizedLine) ([]byte, error) {
	b := bytes.NewBuffer(out)
	err := encodeJSON(b, "", line)
	return b.Bytes(), err
}

// parseJSON reads one value that begins with the byte first (null would pass
// for any type otherwise). What is not text, such as half of a surrogate pair, is
// an error, where encoding/json writes U+FFFD for it.
func parseJSON(line []byte, first byte, v any) error {
	trimmed := bytes.TrimSpace(line)
	switch {
	case len(trimmed) == 0:
		return errors.New("the line is empty")
	case trimmed[0] != first:
		return fmt.Errorf("got %.20q", trimmed)
	case !utf8.Valid(trimmed):
		return errors.New("not UTF-8")
	}
	err := json.Unmarshal(trimmed, v)
	var wrong *json.SemanticError // it speaks of Go's types
	var broken *jsontext.SyntacticError
	switch {
	case errors.As(err, &broken) && errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("unexpected end of the line in the JSON")
	case errors.As(err, &broken):
		return fmt.Errorf("%w behind byte %d", broken.Err, broken.ByteOffset)
	case errors.As(err, &wrong):
		return fmt.Errorf("unexpected %s behind byte %d", strings.TrimSpace(wrong.JSONKind.String()+" "+string(wrong.JSONValue)), wrong.ByteOffset)
	}
	return err
}

// maxTextBytes bounds the text that is tokenized as a whole.
const maxTextBytes = 1 << 30

// tokenizeText prints one token a line: its id and its piece, quoted.
func (p *program) tokenizeText(f *tokenizeFlags, tok *tokenize.Tokenizer, r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, maxTextBytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the text: %w", err)
	case len(text) > maxTextBytes:
		return fmt.Errorf("the text is longer than %d MiB", maxTextBytes>>20)
	}
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	if err := checkUTF8("the text", string(text)); err != nil {
		return err
	}
	w := bufio.NewWriterSize(p.stdout, 1<<16)
	for _, id := range p.encode(nil, tok, string(text), f) {
		fmt.Fprintf(w, "%7d  %q\n", id, tok.Piece(id).Text) // an error stays for Flush
	}
	return w.Flush()
}
