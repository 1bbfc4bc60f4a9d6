package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// jsonText reads a value that encoding/json has found to be valid JSON. It is
// for the two lists of a tokenizer.json that have hundreds of thousands of
// strings, and takes those as parts of the text, without memory for each.
type jsonText struct {
	text string
	at   int
}

// next returns the first byte of the next value or bracket.
func (j *jsonText) next() byte {
	for strings.IndexByte(" \t\r\n,:", j.text[j.at]) >= 0 {
		j.at++
	}
	return j.text[j.at]
}

// string reads a string, which comes next.
func (j *jsonText) string() (string, error) {
	start, escaped := j.at, false
	for j.at++; j.text[j.at] != '"'; j.at++ {
		if j.text[j.at] == '\\' {
			escaped = true
			j.at++
		}
	}
	j.at++
	if !escaped {
		return j.text[start+1 : j.at-1], nil
	}
	return unquote(j.text[start:j.at])
}

func unquote(text string) (s string, err error) {
	err = json.Unmarshal([]byte(text), &s)
	return s, err
}

// id reads an id.
func (j *jsonText) id() (int32, error) {
	j.next()
	start := j.at
	for strings.IndexByte("+-.0123456789Ee", j.text[j.at]) >= 0 {
		j.at++
	}
	n, err := strconv.ParseInt(j.text[start:j.at], 10, 32)
	if err != nil {
		return 0, errors.New("is not an id")
	}
	return int32(n), nil
}

// vocabList is model.vocab.
type vocabList map[string]int32

// UnmarshalJSON reads an object of texts and ids.
func (v *vocabList) UnmarshalJSON(data []byte) error {
	j := jsonText{text: string(data)}
	if j.next() != '{' {
		return errors.New("model.vocab is not an object")
	}
	*v = make(vocabList, strings.Count(j.text, ":"))
	for j.at++; j.next() != '}'; {
		text, err := j.string()
		if err != nil {
			return fmt.Errorf("model.vocab: %w", err)
		}
		id, err := j.id()
		if err != nil {
			return fmt.Errorf("model.vocab: what %q has %w", text, err)
		}
		if _, ok := (*v)[text]; ok {
			return fmt.Errorf("model.vocab has %q twice; download the file again", text)
		}
		(*v)[text] = id
	}
	return nil
}

// parts are the texts that a merge joins.
type parts struct{ left, right string }

// mergeList is model.merges: "a b" in older files, ["a","b"] in newer ones.
type mergeList []parts

// UnmarshalJSON reads a list of merges of either form.
func (l *mergeList) UnmarshalJSON(data []byte) error {
	j := jsonText{text: string(data)}
	if j.next() != '[' {
		return errors.New("model.merges is not a list")
	}
	n := strings.Count(j.text, ",") + 1
	if j.at++; j.next() == '[' {
		n /= 2
	}
	*l = make(mergeList, 0, n)
	for n = 0; j.next() != ']'; n++ {
		p, err := j.merge()
		if err != nil {
			return fmt.Errorf("model.merges[%d] %w", n, err)
		}
		if !strings.HasPrefix(p.left, "#version") || j.text[j.at-1] == ']' { // a comment of the older form
			*l = append(*l, p)
		}
	}
	return nil
}

// merge reads one merge.
func (j *jsonText) merge() (p parts, err error) {
	switch j.next() {
	case '"':
		s, err := j.string()
		if err != nil {
			return p, err
		}
		p.left, p.right, _ = strings.Cut(s, " ")
		if p.left == "" || p.right == "" || strings.Contains(p.right, " ") {
			return p, fmt.Errorf("is %.40q, not two pieces with a blank between them", s)
		}
		return p, nil
	case '[':
		var texts []string
		for j.at++; j.next() == '"'; {
			s, err := j.string()
			if err != nil {
				return p, err
			}
			if texts = append(texts, s); len(texts) > 2 {
				break
			}
		}
		if len(texts) == 2 && j.next() == ']' {
			j.at++
			return parts{texts[0], texts[1]}, nil
		}
	}
	return p, errors.New("is not a pair of pieces")
}
