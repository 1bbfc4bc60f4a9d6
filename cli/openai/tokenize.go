package openai

import "sealvk/prompt"

// Tokenization asks for the tokens of a text or a conversation, in llama-server's form or vLLM's.
type Tokenization struct {
	Content *string // llama-server's text; nil: vLLM's form
	Pieces  bool    // each with its text
	bos     *bool   // in front; nil: as the form has it
	special *bool   // control pieces are read where the text spells them; nil: they are
	noHead  bool    // of the answer, behind a conversation
	request *Request
}

var tokenizationFields = table{
	honoured: []honoured{
		{"content", contents, "", reader{"a text", func(r *reading, v value) (ok bool, err error) {
			text, ok := v.text()
			r.tokenization.Content = &text
			return ok, nil
		}}},
		{"add_special", contents, "", optionalFlag(func(r *reading) **bool { return &r.tokenization.bos })},
		{"parse_special", contents, "", optionalFlag(func(r *reading) **bool { return &r.tokenization.special })},
		{"with_pieces", contents, "", flag(func(r *reading) *bool { return &r.tokenization.Pieces })},
		{"prompt", prompts, "", reader{"a text", func(r *reading, v value) (bool, error) {
			text, ok := v.text()
			r.Prompts = []Prompt{{Text: text}}
			return ok, nil
		}}},
		{"messages", chats, "", messagesReader},
		{"tools", chats, "", toolsReader},
		{"add_generation_prompt", chats, "", not(func(r *reading) *bool { return &r.tokenization.noHead })},
		{"add_special_tokens", prompts, "", optionalFlag(func(r *reading) **bool { return &r.tokenization.bos })},
		{"return_token_strs", all, "", flag(func(r *reading) *bool { return &r.tokenization.Pieces })},
	},
	accepted: []string{"model"},
	refused: []refused{
		{"add_special_tokens", []string{"false"}}, // of a conversation, whose template has them
		{"continue_final_message", []string{"false"}}, {"chat_template", nil}, {"chat_template_kwargs", []string{"{}"}},
		{"mm_processor_kwargs", nil},
	},
}

func optionalFlag(into func(*reading) **bool) reader {
	return reader{"true or false", func(r *reading, v value) (bool, error) {
		is, ok := v.boolean()
		*into(r) = &is
		return ok, nil
	}}
}

// ParseTokenization reads a body sent to /tokenize.
func ParseTokenization(body []byte) (*Tokenization, error) {
	members, err := object(body)
	if err != nil {
		return nil, err
	}
	t := &Tokenization{request: &Request{}}
	whose := scope(0)
	switch {
	case has(members, "content"):
		whose = contents
	case has(members, "messages"):
		whose, t.request.Endpoint = chats, Chat
	case has(members, "prompt"):
		whose = prompts
	default:
		return nil, &FieldError{Field: "content", Problem: "is missing, and so are prompt and messages; want one of them"}
	}
	state := reading{Request: t.request, tokenization: t}
	for _, m := range members {
		if err := tokenizationFields.field(&state, whose, m); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Tokens are the ids that are asked for: of a prompt and of messages those that a request for their answer would have.
func (j *Job) Tokens(t *Tokenization) ([]int32, error) {
	is := func(b *bool, otherwise bool) bool { return b == nil && otherwise || b != nil && *b }
	bos := j.Tokenizer.BOS()
	switch {
	case t.Content != nil:
		var ids []int32
		if is(t.bos, false) && bos >= 0 {
			ids = append(ids, bos)
		}
		return j.Tokenizer.Encode(ids, *t.Content, is(t.special, true)), nil
	case t.request.Endpoint == Chat:
		if err := j.checkTools(t.request); err != nil {
			return nil, err
		}
		ids, err := j.Template.WithTools(t.request.Tools).Encode(j.Tokenizer, t.request.Messages, !t.noHead)
		if err != nil {
			return nil, &FieldError{Field: "messages", Problem: "are refused by the template: " + err.Error()}
		}
		return ids, nil
	}
	ids := prompt.Raw(j.Tokenizer, t.request.Prompts[0].Text, j.Special)
	if !is(t.bos, true) && bos >= 0 {
		ids = ids[1:]
	}
	return ids, nil
}

// ParseDetokenization reads a body sent to /detokenize: the ids of tokens.
func (j *Job) ParseDetokenization(body []byte) (ids []int32, err error) {
	members, err := object(body)
	if err != nil {
		return nil, err
	}
	if !has(members, "tokens") {
		return nil, &FieldError{Field: "tokens", Problem: "is missing; want a list of ids of tokens"}
	}
	for _, m := range members {
		switch m.name {
		case "tokens":
			list, ok := m.elements()
			if !ok {
				return nil, m.want("a list of ids of tokens")
			}
			if ids, err = tokenIDs(list); err != nil {
				return nil, err
			}
			for i, id := range ids {
				if n := j.Tokenizer.Size(); int(id) >= n {
					return nil, list[i].problem("names token %d, which is none of the %d", id, n)
				}
			}
		case "model":
		default:
			return nil, m.problem("is unknown; want tokens")
		}
	}
	return ids, nil
}
