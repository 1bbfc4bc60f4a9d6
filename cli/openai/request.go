package openai

import (
	"sealvk/prompt"
	"sealvk/prompt/grammar"
)

// Endpoint is the path of a request to OpenAI's API.
type Endpoint string

const (
	Chat       Endpoint = "/v1/chat/completions"
	Completion Endpoint = "/v1/completions"
)

// Request is one line of a batch file, or the body of one request to a server.
type Request struct {
	Batch    bool     // one of OpenAI's batch lines, whose result has their form
	CustomID string   // of a batch line
	Endpoint Endpoint // "": a plain line's prompt, for the template unless Job.Raw

	Messages []prompt.Message // of Chat
	Prompts  []Prompt         // of the others, at least one
	List     bool             // Prompts were a list of prompts, however short
	Options
}

// Prompt is what is to be continued: a text, or the ids of one.
type Prompt struct {
	Text string
	IDs  []int32 // nil: Text
}

// Options are those of a request; nil stands for the job's.
type Options struct {
	MaxTokens         *int
	Temperature       *float32
	TopP              *float32
	TopK              *int // 0: off
	MinP              *float32
	RepetitionPenalty *float32
	PresencePenalty   *float32
	FrequencyPenalty  *float32
	PenaltyWindow     *int // tokens that the penalties look at; -1: all; 0: none
	LogitBias         map[int32]float32
	Seed              *int64
	N                 int // choices of each prompt, at least 1
	Stop              []string
	StopTokens        []int32
	IgnoreEOS         bool // only Stop and StopTokens end an answer early
	Echo              bool // the prompt is in front of the text
	Logprobs          bool
	TopLogprobs       int  // tokens named beside each
	PromptLogprobs    *int // the same beside each token of the prompt; nil: no log-probabilities of those
	Stream            bool
	IncludeUsage      bool             // in a last chunk of the stream
	Tools             *prompt.Tools    // that an answer may call; nil: none
	OneCall           bool             // at most
	MustCall          []Function       // of which an answer calls some; nil: it may call any of Tools, or none
	Grammar           *grammar.Grammar // that answers follow; nil: none
}

// Text is a plain line's request for an answer to a text, with no options of its own.
func Text(text string) *Request {
	return &Request{Prompts: []Prompt{{Text: text}}, Options: Options{N: 1}}
}

// FieldError says what is wrong with a field of a request.
type FieldError struct {
	Field   string // its path, as in body.messages[0].content; "": none alone
	Problem string // what it is and what is wanted, behind the field's name; a sentence without one
	Code    string // as OpenAI names the kind, such as context_length_exceeded; may be ""
}

func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return e.Field + " " + e.Problem
}
