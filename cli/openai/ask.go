package openai

import (
	"sealvk/engine"
	"sealvk/prompt"
	"sealvk/tokenize"
)

// Job is what all requests of a run share.
type Job struct {
	Tokenizer *tokenize.Tokenizer
	Template  prompt.Template
	System    string  // the system message of a plain line's prompt; "": none
	Raw       bool    // a plain line's prompt goes without the template, as those of Completion do
	Special   bool    // control pieces that a prompt without a template spells out are read as those
	Context   int     // tokens of a prompt and its answer
	Stops     []int32 // ends of an answer that the model's file names, beside the template's
	Model     string  // its name in results
	Created   int64   // of all results: seconds since 1970
	Seed      uint64  // of the requests that give none: see seedOf

	// Default is what a request's own options change, or add to: its Sampling, MaxTokens,
	// StopStrings and Speculate.
	Default engine.Request
}

// Asked is a request as the engine gets it.
type Asked struct {
	// Requests are what is to be submitted, with Emit and Done unset: of each prompt in turn
	// as many as it wants choices.
	Requests []engine.Request

	job     *Job
	request *Request
}

// Ask turns a request into the engine's; index is the line's. A prompt that is too long, or that
// the template refuses, is a FieldError.
func (j *Job) Ask(r *Request, index int64) (*Asked, error) {
	return nil, errSoon
}
