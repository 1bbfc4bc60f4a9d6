package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"sealvk/cli/openai"
	"sealvk/prompt"
	"sealvk/tokenize"
)

const categoryConversations = "Conversations:"

// checkChat is an error if flags of --chat stand without it, or with what
// they exclude.
func (f *tokenizeFlags) checkChat(c *cli.Context) error {
	if !f.chat {
		for _, name := range []string{"loss-mask", "template", "generation-prompt"} {
			if c.IsSet(name) {
				return fmt.Errorf("--%s needs --chat", name)
			}
		}
		return nil
	}
	switch {
	case f.decode || f.jsonLines:
		return errors.New("--chat reads and writes its own JSON lines: it excludes --jsonl and --decode")
	case f.noBOS:
		return errors.New("--chat excludes --no-bos: a conversation begins with <bos>")
	case f.lossMask && (c.IsSet("template") || f.special):
		return errors.New("--loss-mask is SeaLLM's own format and reads control tokens in it: it excludes --template and --parse-special")
	}
	return nil
}

// tokenizeChats turns conversations, one a line, into ids: from files, or
// from standard input. Files are one after the other as if they were one.
func (p *program) tokenizeChats(f *tokenizeFlags, tok *tokenize.Tokenizer, files []string) error {
	do, err := p.chatLine(f, tok)
	if err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	if len(files) == 0 {
		return mapLines(ctx, p.stdin, p.stdout, do)
	}
	for _, path := range files {
		file, err := openInput(path, "a file with one conversation a line")
		if err != nil {
			return err
		}
		err = mapLines(ctx, file, p.stdout, do)
		if stopped := stopCause(ctx, nil); stopped != nil {
			return stopped // the reader may still use the file
		}
		if err = errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// chatLine returns what makes ids of a conversation's line.
func (p *program) chatLine(f *tokenizeFlags, tok *tokenize.Tokenizer) (lineFunc, error) {
	if f.lossMask {
		masker, err := prompt.NewLossMask(tok)
		if err != nil {
			return nil, err
		}
		return p.maskedConversations(masker, f.generationPrompt), nil
	}
	template, err := p.tokenizerTemplate(f, tok)
	if err != nil {
		return nil, err
	}
	encode := prompt.Template.Encode
	if f.special {
		encode = prompt.Template.EncodeSpecial
	}
	return func(out, line []byte) ([]byte, error) {
		msgs, tools, err := p.conversation(line)
		if err != nil {
			return nil, err
		}
		if err := placeForTools(template, tok, msgs, tools); err != nil {
			return nil, err
		}
		ids, err := encode(template.WithTools(tools), tok, msgs, f.generationPrompt)
		if err != nil {
			return nil, err
		}
		return append(appendInts(append(out, `{"input_ids":`...), ids), "}\n"...), nil
	}, nil
}

// conversation reads a line.
func (p *program) conversation(line []byte) ([]prompt.Message, *prompt.Tools, error) {
	msgs, tools, err := openai.ParseConversation(line)
	for _, m := range msgs {
		p.noteDecomposed(m.Content)
	}
	return msgs, tools, err
}

// placeForTools is an error if a conversation has tools, or calls of some, that its template would leave out.
func placeForTools(t prompt.Template, tok *tokenize.Tokenizer, msgs []prompt.Message, tools *prompt.Tools) error {
	if usesTools(msgs, tools) && t.CallForm(tok) == prompt.NoTools {
		return fmt.Errorf("the conversation has tools, but the template (%v) has no place for them", t)
	}
	return nil
}

// usesTools is whether a conversation has tools, or calls of some.
func usesTools(msgs []prompt.Message, tools *prompt.Tools) bool {
	return tools != nil || slices.ContainsFunc(msgs, func(m prompt.Message) bool { return m.ToolCalls != nil })
}

// maskedConversations makes ids and their loss mask.
func (p *program) maskedConversations(masker *prompt.LossMask, head bool) lineFunc {
	return func(out, line []byte) ([]byte, error) {
		msgs, tools, err := p.conversation(line)
		if err != nil {
			return nil, err
		}
		if usesTools(msgs, tools) {
			return nil, errors.New("the conversation has tools, for which the format of --loss-mask has no place")
		}
		ids, mask := masker.Append(nil, nil, msgs, head)
		out = appendInts(append(out, `{"input_ids":`...), ids)
		out = append(out, `,"token_type_ids":`...)
		return append(appendInts(out, mask), "}\n"...), nil
	}
}

// appendInts writes a JSON array.
func appendInts[T int32 | byte](out []byte, list []T) []byte {
	out = append(out, '[')
	for i, n := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, int64(n), 10)
	}
	return append(out, ']')
}

// tokenizerTemplate is the chat template of where the tokenizer is from.
func (p *program) tokenizerTemplate(f *tokenizeFlags, tok *tokenize.Tokenizer) (prompt.Template, error) {
	named, err := namedTemplate(f.template)
	if err != nil {
		return prompt.Template{}, err
	}
	if named != nil {
		return *named, nil
	}
	path := f.model.path
	if f.tokenizer != "" {
		if gguf, err := isGGUF(f.tokenizer); err != nil || !gguf {
			return besideTokenizer(f.tokenizer, tok)
		}
		path = f.tokenizer
	}
	file, err := openQuietly(path) // what is odd was told
	if err != nil {
		return prompt.Template{}, err
	}
	t, err := chooseTemplate(nil, file, tok)
	return t, errors.Join(err, file.Close())
}

// besideTokenizer looks for a tokenizer_config.json in the folder of a
// tokenizer; without one, or without a template in it, the vocabulary decides.
func besideTokenizer(path string, tok *tokenize.Tokenizer) (prompt.Template, error) {
	folder := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		folder = filepath.Dir(path)
	}
	for _, name := range []string{"chat_template.jinja", "tokenizer_config.json"} {
		file, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			continue
		}
		defer file.Close()
		content, err := io.ReadAll(io.LimitReader(file, maxTemplateBytes))
		if err != nil {
			return prompt.Template{}, err
		}
		t, err := prompt.CompileFile(file.Name(), content)
		if !errors.Is(err, prompt.ErrNoTemplate) {
			return t, err
		}
	}
	return prompt.Auto(folder, "", tok)
}
