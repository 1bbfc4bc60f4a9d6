package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sealvk/cli/openai"
	"sealvk/cli/score"
	"sealvk/prompt"
)

// scoreLine is what a line of score holds.
type scoreLine struct {
	ID           jsontext.Value `json:"id"` // goes through to the output
	Prompt       *textOrIDs     `json:"prompt"`
	Messages     jsontext.Value `json:"messages"` // in place of the prompt, through the chat template
	Continuation *textOrIDs     `json:"continuation"`
	Choices      []textOrIDs    `json:"choices"` // in place of one continuation
	Gold         *int           `json:"gold"`    // which of Choices is right
}

// textOrIDs is a text, or token ids.
type textOrIDs struct {
	text string
	ids  []int32 // nil: text
}

func (t *textOrIDs) UnmarshalJSON(b []byte) error {
	switch jsontext.Value(b).Kind() {
	case '"':
		return json.Unmarshal(b, &t.text)
	case '[':
		t.ids = []int32{}
		if json.Unmarshal(b, &t.ids) == nil {
			return nil
		}
	}
	return errors.New("want a text, or an array of token ids")
}

func parseScoreLine(text []byte) (*scoreLine, error) {
	var l scoreLine
	err := json.Unmarshal(text, &l, json.RejectUnknownMembers(true))
	switch {
	case err != nil:
		return nil, jsonProblem(err)
	case (l.Prompt == nil) == (l.Messages == nil):
		return nil, errors.New(`want one of "prompt" and "messages"`)
	case (l.Continuation == nil) == (l.Choices == nil):
		return nil, errors.New(`want one of "continuation" and "choices"`)
	case l.Choices != nil && len(l.Choices) == 0:
		return nil, errors.New(`"choices" is empty`)
	case l.Gold != nil && l.Choices == nil:
		return nil, errors.New(`"gold" tells which of "choices" is right: there are none`)
	case l.Gold != nil && (*l.Gold < 0 || *l.Gold >= len(l.Choices)):
		return nil, fmt.Errorf(`"gold" is %d: want the place of one of the %d choices, the first is 0`, *l.Gold, len(l.Choices))
	}
	return &l, nil
}

// jsonProblem says what is wrong with a line without the words of Go's types.
func jsonProblem(err error) error {
	var syntax *jsontext.SyntacticError
	var wrong *json.SemanticError
	switch {
	case errors.As(err, &syntax):
		return errors.New(strings.TrimPrefix(err.Error(), "jsontext: "))
	case !errors.As(err, &wrong):
		return err
	case errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("%q is no field of a line: there are id, prompt or messages, continuation or choices, and gold", wrong.JSONPointer.LastToken())
	case wrong.JSONPointer == "":
		return errors.New("want an object with a prompt and a continuation")
	case wrong.Err != nil:
		return fmt.Errorf("%s: %w", wrong.JSONPointer[1:], wrong.Err)
	}
	return fmt.Errorf("%s: unexpected %v", wrong.JSONPointer[1:], wrong.JSONKind)
}

// pairs makes ids of the prompt and each continuation.
func (s *scoring) pairs(l *scoreLine) ([]score.Pair, error) {
	continuations := l.Choices
	if l.Continuation != nil {
		continuations = []textOrIDs{*l.Continuation}
	}
	var err error
	if l.Messages != nil {
		l.Prompt = &textOrIDs{}
		if l.Prompt.ids, err = s.conversation(l.Messages); err != nil {
			return nil, err
		}
	}
	pairs := make([]score.Pair, len(continuations))
	for i, c := range continuations {
		if pairs[i], err = s.pair(*l.Prompt, c); err != nil {
			if l.Choices != nil {
				err = fmt.Errorf("choice %d: %w", i, err)
			}
			return nil, err
		}
	}
	return pairs, nil
}

func (s *scoring) pair(text, continuation textOrIDs) (pair score.Pair, err error) {
	tok, special := s.o.tokenizer, s.f.special
	if err := errors.Join(s.known(text.ids), s.known(continuation.ids)); err != nil {
		return pair, err
	}
	switch {
	case continuation.ids != nil:
		if text.ids == nil {
			text.ids = prompt.Raw(tok, text.text, special)
		}
		pair, err = score.Join(tok, text.ids, continuation.ids)
	case text.ids != nil:
		pair, err = score.Append(tok, text.ids, continuation.text, special)
	default:
		pair, err = score.Split(tok, text.text, continuation.text, special)
	}
	if n := s.o.model.Context(); err == nil && len(pair.IDs) > n {
		err = fmt.Errorf("prompt and continuation have %d tokens, the context holds %d: shorten them or raise --ctx", len(pair.IDs), n)
	}
	return pair, err
}

// known is an error if one of ids is none of the vocabulary's.
func (s *scoring) known(ids []int32) error {
	for i, id := range ids {
		if n := s.o.tokenizer.Size(); id < 0 || int(id) >= n {
			return fmt.Errorf("id %d at position %d: the vocabulary has 0 to %d", id, i, n-1)
		}
	}
	return nil
}

// conversation makes ids of a list of messages, up to the head of the assistant's next turn.
func (s *scoring) conversation(messages jsontext.Value) ([]int32, error) {
	template, err := s.template()
	if err != nil {
		return nil, err
	}
	turns, _, err := openai.ParseConversation(messages)
	if err == nil {
		err = placeForTools(template, s.o.tokenizer, turns, nil)
	}
	if err != nil {
		return nil, err
	}
	return template.Encode(s.o.tokenizer, turns, true)
}
