package openai

import (
	"fmt"
	"math"
	"strconv"

	"sealvk/engine"
)

// reading is a request while its fields are read.
type reading struct {
	*Request
	maxCompletion *int // max_completion_tokens
	top           *int // top_logprobs
	streamOptions bool
	functions     []Function
	toolChoice    string // "": not said; function: toolName
	toolName      string
	strict        string // path of a function's strict that is true; "": none is
	tokenization  *Tokenization
	ollama        *OllamaRequest
}

// reader reads a field's value; it is false of one that is not as wants says, where it has no
// error of its own.
type reader struct {
	wants string
	read  func(r *reading, v value) (ok bool, err error)
}

func real(lo, hi float64, into func(*reading) **float32) reader {
	return reader{fmt.Sprintf("a number from %v to %v", lo, hi), func(r *reading, v value) (bool, error) {
		x, ok := v.number(lo, hi)
		f := float32(x)
		*into(r) = &f
		return ok, nil
	}}
}

func whole(lo, hi int64, into func(*reading) **int) reader {
	return reader{wholeNumber(lo, hi), func(r *reading, v value) (bool, error) {
		n, ok := v.integer(lo, hi)
		i := int(n)
		*into(r) = &i
		return ok, nil
	}}
}

func count(lo, hi int64, into func(*reading) *int) reader {
	return reader{wholeNumber(lo, hi), func(r *reading, v value) (bool, error) {
		n, ok := v.integer(lo, hi)
		*into(r) = int(n)
		return ok, nil
	}}
}

func wholeNumber(lo, hi int64) string {
	if hi == math.MaxInt32 {
		return fmt.Sprintf("a whole number, %d or more", lo)
	}
	return fmt.Sprintf("a whole number from %d to %d", lo, hi)
}

// tokensReader takes -1 too, as llama-server does and its clients send.
var tokensReader = reader{wholeNumber(-1, math.MaxInt32), func(r *reading, v value) (bool, error) {
	n, ok := v.integer(-1, math.MaxInt32)
	most := int(n)
	if most < 0 {
		most = math.MaxInt32
	}
	r.MaxTokens = &most
	return ok, nil
}}

func flag(into func(*reading) *bool) reader {
	return reader{"true or false", func(r *reading, v value) (ok bool, err error) {
		*into(r), ok = v.boolean()
		return ok, nil
	}}
}

// not is flag of the opposite.
func not(into func(*reading) *bool) reader {
	return reader{"true or false", func(r *reading, v value) (bool, error) {
		is, ok := v.boolean()
		*into(r) = !is
		return ok, nil
	}}
}

var seedReader = reader{"a whole number of 64 bits", func(r *reading, v value) (bool, error) {
	n, ok := v.integer(math.MinInt64, math.MaxInt64)
	r.Seed = &n
	return ok, nil
}}

var biasReader = reader{
	fmt.Sprintf("an object with numbers from -%d to %d by the ids of at most %d tokens", maxBias, maxBias, engine.MaxBiases),
	func(r *reading, v value) (bool, error) {
		members, ok := v.members()
		if !ok || len(members) > engine.MaxBiases {
			return false, nil
		}
		r.LogitBias = make(map[int32]float32, len(members))
		for _, m := range members {
			id, err := strconv.ParseInt(m.name, 10, 32)
			if err != nil || id < 0 || strconv.FormatInt(id, 10) != m.name {
				return false, m.problem("has no token's id for a name; want such as \"1024\"")
			}
			bias, ok := m.number(-maxBias, maxBias)
			if !ok {
				return false, m.want(fmt.Sprintf("a number from -%d to %d", maxBias, maxBias))
			}
			r.LogitBias[int32(id)] = float32(bias)
		}
		return true, nil
	},
}

var stopReader = reader{
	fmt.Sprintf("a text, or a list of at most %d, none of them empty or longer than %d bytes", maxStops, maxStop),
	func(r *reading, v value) (bool, error) {
		list, isList := v.elements()
		if !isList {
			list = []value{v}
		}
		if len(list) > maxStops {
			return false, nil
		}
		r.Stop = []string{} // none is a list of none
		for _, e := range list {
			text, ok := e.text()
			if !ok || text == "" || len(text) > maxStop {
				return false, nil
			}
			r.Stop = append(r.Stop, text)
		}
		return true, nil
	},
}

var stopTokensReader = reader{fmt.Sprintf("a list of at most %d ids of tokens", maxStops), func(r *reading, v value) (bool, error) {
	list, ok := v.elements()
	if !ok || len(list) > maxStops {
		return false, nil
	}
	for _, e := range list {
		id, ok := e.integer(0, math.MaxInt32)
		if !ok {
			return false, nil
		}
		r.StopTokens = append(r.StopTokens, int32(id))
	}
	return true, nil
}}

var logprobsReader = reader{fmt.Sprintf("true, false or a whole number from 0 to %d", engine.MaxLikeliest), func(r *reading, v value) (bool, error) {
	if is, ok := v.boolean(); ok {
		r.Logprobs = is
		return true, nil
	}
	n, ok := v.integer(0, engine.MaxLikeliest)
	r.Logprobs, r.TopLogprobs = true, int(n)
	return ok, nil
}}

var streamReader = reader{"an object with include_usage", func(r *reading, v value) (bool, error) {
	members, ok := v.members()
	for _, m := range members {
		var is bool
		switch is, ok = m.boolean(); {
		case !ok:
			return false, m.want("true or false")
		case m.name == "include_usage":
			r.IncludeUsage = is
		case m.name != "include_obfuscation" && (m.name != "continuous_usage_stats" || is):
			return false, m.problem("is not supported; want include_usage")
		}
	}
	r.streamOptions = true
	return ok, nil
}}

// finish checks what no field can alone; path is in front of names.
func (r *reading) finish(path string) error {
	problem := func(field, format string, args ...any) error {
		return &FieldError{Field: path + field, Problem: fmt.Sprintf(format, args...)}
	}
	if r.maxCompletion != nil {
		if r.MaxTokens != nil && *r.MaxTokens != *r.maxCompletion {
			return problem("max_completion_tokens", "is %d, but max_tokens is %d; want one of them", *r.maxCompletion, *r.MaxTokens)
		}
		r.MaxTokens = r.maxCompletion
	}
	if r.MaxTokens != nil && *r.MaxTokens == 0 && !r.Echo && r.PromptLogprobs == nil {
		return problem("max_tokens", "is 0, which leaves nothing to answer; want more, or with it echo or prompt_logprobs")
	}
	if r.top != nil {
		if *r.top > 0 && !r.Logprobs {
			return problem("top_logprobs", "is %d without log-probabilities; want \"logprobs\": true beside it", *r.top)
		}
		if r.TopLogprobs > 0 && r.TopLogprobs != *r.top {
			return problem("top_logprobs", "is %d, but logprobs is %d; want one of them", *r.top, r.TopLogprobs)
		}
		r.TopLogprobs = *r.top
	}
	if err := r.finishTools(problem); err != nil {
		return err
	}
	if r.Grammar != nil && r.IgnoreEOS {
		return problem("ignore_eos", "is true, but an answer that follows a schema or a grammar ends when it is whole")
	}
	if r.streamOptions && !r.Stream {
		return problem("stream_options", "is there without \"stream\": true")
	}
	if r.Stream && r.PromptLogprobs != nil {
		return problem("prompt_logprobs", "is not in a stream; want \"stream\": false beside it")
	}
	if n := max(1, len(r.Prompts)) * r.N; n > maxAnswers {
		return problem("prompt", "and n ask for %d answers; want at most %d", n, maxAnswers)
	}
	return nil
}

// sampling is the job's with what the request says of it; the seed is another matter.
func (o *Options) sampling(s engine.Sampling) engine.Sampling {
	set := func(into *float32, from *float32) {
		if from != nil {
			*into = *from
		}
	}
	set(&s.Temperature, o.Temperature)
	set(&s.TopP, o.TopP)
	set(&s.MinP, o.MinP)
	set(&s.RepeatPenalty, o.RepetitionPenalty)
	set(&s.PresencePenalty, o.PresencePenalty)
	set(&s.FrequencyPenalty, o.FrequencyPenalty)
	if o.PenaltyWindow != nil {
		switch n := *o.PenaltyWindow; {
		case n > 0:
			s.RepeatLastN = n
		case n < 0:
			s.RepeatLastN = math.MaxInt32
		default:
			s.RepeatPenalty, s.PresencePenalty, s.FrequencyPenalty = 1, 0, 0
		}
	}
	if o.TopP != nil {
		s.TopP = max(s.TopP, leastTopP)
	}
	if o.TopK != nil {
		s.TopK = max(0, *o.TopK)
	}
	return s
}

// leastTopP keeps the likeliest token alone, as OpenAI's 0 does; the engine's 0 keeps all.
const leastTopP = 1e-9

// likeliest is how many tokens the engine shall name: as many as are wanted beside the answer's
// tokens or, with the prompt's log-probabilities, beside those of the prompt.
func (o *Options) likeliest(prompt bool) (n int) {
	if o.Logprobs {
		n = o.TopLogprobs
	}
	if prompt && o.PromptLogprobs != nil {
		n = max(n, *o.PromptLogprobs)
	}
	return n
}

// promptLogprobs is whether log-probabilities of the prompt are wanted.
func (o *Options) promptLogprobs() bool { return o.PromptLogprobs != nil || o.Echo && o.Logprobs }
