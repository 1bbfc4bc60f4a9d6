package serve

import (
	"fmt"
	"net/http"
	"unicode/utf8"

	"sealvk/cli/openai"
)

// vllmTokens is vLLM's response of tokens.
type vllmTokens struct {
	Count       int       `json:"count"`
	MaxModelLen int       `json:"max_model_len,omitzero"` // left out before it is known
	Tokens      []int32   `json:"tokens"`
	Texts       *[]string `json:"token_strs"` // null unless they are wanted
}

// llamaTokens is llama-server's: of ids, or of pieces.
type llamaTokens struct {
	Tokens any `json:"tokens"`
}

// llamaPiece is a token with its text, or with its bytes where they are none.
type llamaPiece struct {
	ID    int32 `json:"id"`
	Piece any   `json:"piece"`
}

// tokenize answers POST /tokenize, which needs no model but its vocabulary and template.
func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) error {
	body, err := s.body(r)
	if err != nil {
		return err
	}
	wanted, err := openai.ParseTokenization(body)
	if err != nil {
		return err
	}
	ids, err := s.Job.Tokens(wanted)
	if err != nil {
		return err
	}
	ids = append([]int32{}, ids...) // a list, if of none
	if wanted.Content != nil {
		if !wanted.Pieces {
			return writeJSON(w, http.StatusOK, llamaTokens{ids})
		}
		pieces := make([]llamaPiece, len(ids))
		for i, id := range ids {
			pieces[i].ID = id
			if b := s.Job.Tokenizer.Bytes(id); utf8.Valid(b) {
				pieces[i].Piece = string(b)
			} else {
				numbers := make([]int, len(b))
				for k := range b {
					numbers[k] = int(b[k])
				}
				pieces[i].Piece = numbers
			}
		}
		return writeJSON(w, http.StatusOK, llamaTokens{pieces})
	}
	tokens := vllmTokens{Count: len(ids), Tokens: ids}
	if place := s.place(); place != nil {
		tokens.MaxModelLen = place.context
	}
	if wanted.Pieces {
		texts := make([]string, len(ids))
		for i, id := range ids {
			texts[i] = s.Job.Tokenizer.Piece(id).Text
		}
		tokens.Texts = &texts
	}
	return writeJSON(w, http.StatusOK, tokens)
}

// detokenize answers POST /detokenize with the text as both servers name it.
func (s *Server) detokenize(w http.ResponseWriter, r *http.Request) error {
	body, err := s.body(r)
	if err != nil {
		return err
	}
	ids, err := s.Job.ParseDetokenization(body)
	if err != nil {
		return err
	}
	text, err := s.Job.Tokenizer.Decode(ids)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return writeJSON(w, http.StatusOK, struct {
		Content string `json:"content"` // llama-server's
		Prompt  string `json:"prompt"`  // vLLM's
	}{text, text})
}
