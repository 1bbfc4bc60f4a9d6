package tokenize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxSize bounds what Load reads of a file. Gemma's tokenizer.model has 4 MiB,
// its tokenizer.json 17.
const maxSize = 256 << 20

// Load reads a SentencePiece tokenizer.model, a tokenizer.json or, of a folder,
// the tokenizer.json in it, else its tokenizer.model. Beside a tokenizer.json
// the tokenizer_config.json, if there is one, names the pieces that begin and
// end a sequence; else they are <bos> and <eos>.
func Load(path string) (*Tokenizer, error) { return LoadSized(path, 0, Marks{}) }

// LoadSized is Load for a model whose embedding has so many rows: control
// pieces stand for those without a piece (see Vocab.Pad). Fewer rows than
// pieces are an error; 0 is as many as there are pieces. marks go before what
// the files say.
func LoadSized(path string, rows int, marks Marks) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tokenize: %w", err)
	}
	if info.IsDir() {
		if path, err = inFolder(path); err != nil {
			return nil, fmt.Errorf("tokenize: %w", err)
		}
	}
	t, err := read(path, rows, marks)
	if err != nil {
		return nil, fmt.Errorf("tokenize: %s: %w", path, err)
	}
	return t, nil
}

// inFolder returns the path of the tokenizer in a folder.
func inFolder(dir string) (string, error) {
	for _, name := range []string{"tokenizer.json", "tokenizer.model"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%s: the folder has neither tokenizer.json nor tokenizer.model; get one of them from where the model comes from", dir)
}

func read(path string, rows int, marks Marks) (*Tokenizer, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark)) // no .model begins so
	if filepath.Ext(path) != ".json" && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		v, err := parseModel(data)
		if err != nil {
			return nil, err
		}
		if err := v.resize(rows); err != nil {
			return nil, err
		}
		if err := v.Mark(marks); err != nil {
			return nil, err
		}
		t, err := build(v)
		if err != nil {
			err = fmt.Errorf("%w; download the file again", err)
		}
		return t, err
	}
	names, err := readNames(filepath.Join(filepath.Dir(path), "tokenizer_config.json"))
	if err != nil {
		return nil, err
	}
	return parseTokenizerJSON(data, names, rows, marks)
}

// byteOrderMark may stand in front of a text and is no part of it.
const byteOrderMark = "\ufeff"

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errors.Unwrap(err) // the caller names the path
	}
	if info.Size() > maxSize {
		return nil, fmt.Errorf("not a tokenizer: it has %d bytes, more than %d", info.Size(), maxSize)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a file")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	return data, nil
}

// readNames reads a tokenizer_config.json, which need not be there.
func readNames(path string) (specialNames, error) {
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return specialNames{}, nil
	}
	var config struct {
		BOS tokenName `json:"bos_token"`
		EOS tokenName `json:"eos_token"`
	}
	if err == nil {
		err = json.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &config)
	}
	if err != nil {
		return specialNames{}, fmt.Errorf("%s beside it: %w; download that file again", filepath.Base(path), err)
	}
	return specialNames{string(config.BOS), string(config.EOS)}, nil
}

// tokenName is a token's text: null, the text, or an object with it.
type tokenName string

func (n *tokenName) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		var token struct {
			Content string `json:"content"`
		}
		err := json.Unmarshal(data, &token)
		*n = tokenName(token.Content)
		return err
	}
	return json.Unmarshal(data, (*string)(n))
}
