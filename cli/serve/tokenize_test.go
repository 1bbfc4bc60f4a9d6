package serve

import (
	"slices"
	"strings"
	"testing"

	"sealvk/cli/openai"
	"sealvk/prompt"
)

func TestTokenize(t *testing.T) {
	s, url := serving(t)
	tok := s.Job.Tokenizer
	chat, err := prompt.SeaLLM.Encode(tok, []prompt.Message{{Role: "user", Content: "สวัสดี"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	headless, err := prompt.SeaLLM.Encode(tok, []prompt.Message{{Role: "user", Content: "สวัสดี"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	plain := tok.Encode(nil, "Hi <eos>", false)
	parsed := tok.Encode(nil, "Hi <eos>", true)
	with := append([]int32{tok.BOS()}, plain...)
	for body, want := range map[string][]int32{
		`{"content":"Hi <eos>"}`:                                          parsed,
		`{"content":"Hi <eos>","parse_special":false}`:                    plain,
		`{"content":"Hi <eos>","parse_special":false,"add_special":true}`: with,
		`{"content":""}`:                                    {},
		`{"model":"m","prompt":"Hi <eos>"}`:                 with, // as a completion has it
		`{"prompt":"Hi <eos>","add_special_tokens":false}`:  plain,
		`{"prompt":"","add_special_tokens":false}`:          {},
		`{"messages":[{"role":"user","content":"สวัสดี"}]}`: chat,
		`{"messages":[{"role":"user","content":"สวัสดี"}],"add_generation_prompt":false,"add_special_tokens":false}`: headless,
	} {
		got := answers[struct {
			Count       *int     `json:"count"`
			MaxModelLen int      `json:"max_model_len"`
			Tokens      []int32  `json:"tokens"`
			Texts       []string `json:"token_strs"`
		}](t, url+"/tokenize", body)
		if !slices.Equal(got.Tokens, want) || got.Tokens == nil || got.Texts != nil {
			t.Errorf("%s: %+v, want %v", body, got, want)
		}
		if vllm := !strings.Contains(body, "content\":\"H") && !strings.Contains(body, `"content":""`); vllm != (got.Count != nil) || vllm && (*got.Count != len(want) || got.MaxModelLen != s.Model.Loaded().Context()) {
			t.Errorf("%s: %+v", body, got)
		}
	}
	texts := answers[vllmTokens](t, url+"/tokenize", `{"prompt":"Hi you","return_token_strs":true}`)
	for i, id := range texts.Tokens {
		if (*texts.Texts)[i] != tok.Piece(id).Text {
			t.Errorf("token %d has the text %q", id, (*texts.Texts)[i])
		}
	}
	// A byte of a character is a number.
	var joined []byte
	_, body := post(t, url+"/tokenize", `{"content":"a ☃ 𝄞","with_pieces":true}`)
	for _, p := range read[struct {
		Tokens []struct {
			ID    int32 `json:"id"`
			Piece any   `json:"piece"`
		} `json:"tokens"`
	}](t, body).Tokens {
		switch piece := p.Piece.(type) {
		case string:
			joined = append(joined, piece...)
		case []any:
			for _, b := range piece {
				joined = append(joined, byte(b.(float64)))
			}
		}
	}
	if string(joined) != "a ☃ 𝄞" || !strings.Contains(body, `"piece":[`) {
		t.Errorf("pieces: %s", body)
	}
	if _, body := post(t, url+"/detokenize", `{"model":"m","tokens":`+encoded(t, plain)+`}`); body != `{"content":"Hi <eos>","prompt":"Hi <eos>"}`+"\n" {
		t.Errorf("detokenized: %s", body)
	}
	if _, body := post(t, url+"/detokenize", `{"tokens":[]}`); body != `{"content":"","prompt":""}`+"\n" {
		t.Errorf("nothing detokenized: %s", body)
	}
}

func TestTokenizeRefuses(t *testing.T) {
	_, url := serving(t)
	for request, want := range map[string]string{
		`/tokenize {}`:            "content is missing, and so are prompt and messages",
		`/tokenize []`:            "the request is a list; want an object",
		`/tokenize {"content":1}`: "content is 1; want a text",
		`/tokenize {"content":"x","add_special_tokens":true}`:                                        "add_special_tokens is true; want it left out or false",
		`/tokenize {"prompt":"x","parse_special":true}`:                                              "parse_special is no field of a request with a prompt",
		`/tokenize {"prompt":["x"]}`:                                                                 "prompt is a list; want a text",
		`/tokenize {"prompt":"x","with_piece":true}`:                                                 "with_piece is unknown",
		`/tokenize {"messages":[]}`:                                                                  "messages is a list; want a list of messages, at least one",
		`/tokenize {"messages":[{"role":"user","content":"x"}],"chat_template":"x"}`:                 "chat_template is not supported",
		`/tokenize {"messages":[{"role":"user","content":"x"}],"add_special_tokens":true}`:           "add_special_tokens is true; want it left out or false",
		`/tokenize {"messages":[{"role":"user","content":"x"}],"tools":[{"function":{"name":"f"}}]}`: "tools can't be told to the model",
		`/detokenize {}`:                  "tokens is missing",
		`/detokenize {"tokens":["x"]}`:    `tokens[0] is "x"; want a token's id`,
		`/detokenize {"tokens":[3,-1]}`:   `tokens[1] is -1; want a token's id`,
		`/detokenize {"tokens":[99999]}`:  `tokens[0] names token 99999, which is none of the 2048`,
		`/detokenize {"tokens":[],"x":1}`: `x is unknown`,
	} {
		at, body, _ := strings.Cut(request, " ")
		r, text := post(t, url+at, body)
		if e := read[openai.ErrorBody](t, text).Error; r.StatusCode != 400 || !strings.HasPrefix(e.Message, want) || e.Type != invalidRequest {
			t.Errorf("%s: %d %s, want %s", request, r.StatusCode, text, want)
		}
	}
}
