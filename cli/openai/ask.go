package openai

import (
	"cmp"
	"fmt"
	"strings"

	"sealvk/engine"
	"sealvk/prompt"
	"sealvk/prompt/grammar"
	"sealvk/tokenize"
)

// Job is what all requests of a run share. It may be used concurrently.
type Job struct {
	Tokenizer *tokenize.Tokenizer
	Template  prompt.Template
	System    string  // the system message of a plain line's prompt; "": none
	Raw       bool    // a plain line's prompt goes without the template, as those of Completion do
	Special   bool    // control pieces that a prompt without a template spells out are read as those
	Control   bool    // control pieces that the model samples are spelled out in the answer; else they have no text
	Context   int     // tokens of a prompt and its answer
	Stops     []int32 // ends of an answer that the model's file names, beside the template's
	Model     string  // its name in results
	Created   int64   // of all results: seconds since 1970
	Seed      uint64  // of the requests that give none: see Ask

	// Grammar is followed by the answers to requests that have none; nil: none. Vocabulary is
	// Tokenizer's, made when a grammar first asks for it.
	Grammar    *grammar.Grammar
	Vocabulary func() *grammar.Vocabulary

	// Default is what the requests' own options override: its Sampling, MaxTokens and
	// StopStrings; its Speculate holds for all.
	Default engine.Request
}

// tooLong is OpenAI's code of a prompt that the context does not hold.
const tooLong = "context_length_exceeded"

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
//
// The choices of a prompt draw with the request's seed, that plus one, and so on; equal prompts of
// a list draw alike, as they would if each were sent alone. Without a seed every choice of every
// prompt of every line draws with its own, which follows from Seed, index and its number within
// the line.
func (j *Job) Ask(r *Request, index int64) (*Asked, error) {
	if err := j.checkTokens(r); err != nil {
		return nil, err
	}
	if err := j.checkTools(r); err != nil {
		return nil, err
	}
	shape, err := j.mustCall(r)
	if err != nil {
		return nil, err
	}
	shape = cmp.Or(shape, r.Grammar)
	prompts, err := j.prompts(r)
	if err != nil {
		return nil, err
	}
	a := &Asked{job: j, request: r}
	for i, ids := range prompts {
		if len(ids) > j.Context {
			return nil, &FieldError{
				Field: r.subject(i), Code: tooLong,
				Problem: fmt.Sprintf("has %d tokens; the context holds %d with the answer", len(ids), j.Context),
			}
		}
		for choice := range r.N {
			e := j.options(r)
			e.Prompt = ids
			if e.Mask, err = j.masked(r, shape, e.StopTokens); err != nil {
				return nil, err
			}
			e.Sampling.Seed = seedOf(j.Seed, index, len(a.Requests))
			if r.Seed != nil {
				e.Sampling.Seed = uint64(*r.Seed) + uint64(choice)
			}
			e.PromptLogprobs = choice == 0 && r.promptLogprobs() // they are the same for all
			e.Likeliest = r.likeliest(e.PromptLogprobs)
			a.Requests = append(a.Requests, e)
		}
	}
	return a, nil
}

// options are the engine's but for what differs between the prompts and choices.
func (j *Job) options(r *Request) engine.Request {
	e := j.Default
	e.Sampling = r.sampling(e.Sampling)
	e.LogitBias = r.LogitBias
	e.Logprobs = r.Logprobs
	if r.MaxTokens != nil {
		if e.MaxTokens = *r.MaxTokens; e.MaxTokens == 0 {
			e.MaxTokens = engine.NoTokens
		}
	}
	if r.Stop != nil {
		e.StopStrings = r.Stop
	}
	e.StopTokens = append([]int32(nil), r.StopTokens...)
	if !r.IgnoreEOS {
		ids, texts := j.stops(r)
		e.StopTokens = append(append(e.StopTokens, ids...), j.Stops...)
		e.StopStrings = append(append([]string(nil), texts...), e.StopStrings...)
	}
	stream := j.Tokenizer.NewStream()
	e.Decode, e.Flush = stream.Push, stream.Flush
	if !j.Control {
		e.Decode = func(id int32) string {
			if j.control(id) {
				return stream.Flush()
			}
			return stream.Push(id)
		}
		for _, text := range e.StopStrings { // no answer has these in its text
			if id, ok := j.Tokenizer.ID(text); ok && j.control(id) {
				e.StopTokens = append(e.StopTokens, id)
			}
		}
	}
	return e
}

// control is whether a token is one that says something about the text, and is no part of it.
func (j *Job) control(id int32) bool {
	if id < 0 || int(id) >= j.Tokenizer.Size() {
		return false
	}
	kind := j.Tokenizer.Piece(id).Kind
	return kind == tokenize.Control || kind == tokenize.Unknown
}

// stops are the ends of an answer that the request's form has.
func (j *Job) stops(r *Request) ([]int32, []string) {
	if !j.bare(r) {
		return j.Template.Stops(j.Tokenizer)
	}
	if eos := j.Tokenizer.EOS(); eos >= 0 {
		return []int32{eos}, nil
	}
	return nil, nil
}

// bare is whether a request's prompts go without the template.
func (j *Job) bare(r *Request) bool { return r.Endpoint == Completion || r.Endpoint == "" && j.Raw }

// prompts are the ids of a request's.
func (j *Job) prompts(r *Request) ([][]int32, error) {
	if r.Endpoint == Chat {
		ids, err := j.Template.WithTools(r.Tools).Encode(j.Tokenizer, r.Messages, true)
		if err != nil {
			return nil, &FieldError{Field: r.path("messages"), Problem: "are refused by the template: " + err.Error()}
		}
		return [][]int32{ids}, nil
	}
	all := make([][]int32, len(r.Prompts))
	for i, p := range r.Prompts {
		switch {
		case p.IDs != nil:
			all[i] = p.IDs
		case r.Endpoint == "" && strings.TrimSpace(p.Text) == "":
			return nil, &FieldError{Field: r.promptPath(i), Problem: "is empty"}
		case j.bare(r):
			all[i] = prompt.Raw(j.Tokenizer, p.Text, j.Special)
		default:
			turns := []prompt.Message{{Role: "user", Content: p.Text}}
			if j.System != "" {
				turns = append([]prompt.Message{{Role: "system", Content: j.System}}, turns...)
			}
			ids, err := j.Template.Encode(j.Tokenizer, turns, true)
			if err != nil {
				return nil, &FieldError{Field: r.promptPath(i), Problem: "is refused by the template: " + err.Error()}
			}
			all[i] = ids
		}
		if len(all[i]) == 0 { // a vocabulary without bos
			return nil, &FieldError{Field: r.promptPath(i), Problem: "is empty"}
		}
	}
	return all, nil
}

// checkTokens refuses ids that the vocabulary doesn't have.
func (j *Job) checkTokens(r *Request) error {
	check := func(id int32, path string) error {
		if n := j.Tokenizer.Size(); int(id) >= n {
			return &FieldError{Field: path, Problem: fmt.Sprintf("names token %d, which is none of the %d", id, n)}
		}
		return nil
	}
	for i, p := range r.Prompts {
		for k, id := range p.IDs {
			if err := check(id, fmt.Sprintf("%s[%d]", r.promptPath(i), k)); err != nil {
				return err
			}
		}
	}
	for i, id := range r.StopTokens {
		if err := check(id, fmt.Sprintf("%s[%d]", r.path("stop_token_ids"), i)); err != nil {
			return err
		}
	}
	for id := range r.LogitBias {
		if err := check(id, r.path("logit_bias")); err != nil {
			return err
		}
	}
	return nil
}

// seedOf is the seed of a line's choice, by two rounds of splitmix64's finalizer, each of which
// maps different numbers to different ones. It has 53 bits, so that whatever reads JSON keeps it
// whole and it can be given again as a line's seed.
func seedOf(job uint64, index int64, choice int) uint64 {
	return mix(mix(mix(job)+uint64(index))+uint64(choice)) >> 11
}

// mix is splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// path is that of a field of the body.
func (r *Request) path(field string) string {
	if r.Batch {
		return "body." + field
	}
	return field
}

// subject is the field of what is to be answered, the prompt of that number.
func (r *Request) subject(i int) string {
	if r.Endpoint == Chat {
		return r.path("messages")
	}
	return r.promptPath(i)
}

func (r *Request) promptPath(i int) string {
	if r.List {
		return fmt.Sprintf("%s[%d]", r.path("prompt"), i)
	}
	return r.path("prompt")
}
