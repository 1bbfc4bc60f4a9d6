package openai

import (
	"math"

	"sealvk/engine"
)

// The fields of a request's body, in three lists and what stands between the last two: those that
// are honoured, those accepted without effect, and those refused unless their value asks for what
// is done anyway. Whatever is in none of them is refused. docs/manual.md has the same lists; a
// test compares.

// scope says whose field it is: that of a request with messages, of one with a prompt, or both.
type scope uint8

const (
	chats scope = 1 << iota
	prompts
	contents // of llama-server's text to be made tokens
	all      = chats | prompts
)

// honoured is a field that does something.
type honoured struct {
	name string
	scope
	does string // in a few words, for the manual
	reader
}

// String says which requests those are.
func (s scope) String() string {
	return map[scope]string{chats: "messages", prompts: "a prompt", contents: "content"}[s]
}

// table is what is known of a request's fields: these lists.
type table struct {
	honoured []honoured
	accepted []string
	refused  []refused
}

var openaiFields = table{honouredFields, acceptedFields, refusedFields}

var honouredFields = []honoured{
	{"messages", chats, "the conversation", messagesReader},
	{"prompt", prompts, "what is continued, or answered", promptReader},
	{"max_tokens", all, "the most tokens of an answer; 0, with `echo` or `prompt_logprobs`, none; -1: as many as the context holds", tokensReader},
	{"max_completion_tokens", all, "the same", whole(1, math.MaxInt32, func(r *reading) **int { return &r.maxCompletion })},
	{"temperature", all, "0: always the likeliest token", real(0, 100, func(r *reading) **float32 { return &r.Temperature })},
	{"top_p", all, "only the likeliest tokens that together reach it", real(0, 1, func(r *reading) **float32 { return &r.TopP })},
	{"top_k", all, "only so many of the likeliest tokens; -1 and 0: all", whole(-1, math.MaxInt32, func(r *reading) **int { return &r.TopK })},
	{"min_p", all, "only tokens at least so many times as likely as the likeliest", real(0, 1, func(r *reading) **float32 { return &r.MinP })},
	{"repetition_penalty", all, "on the last 64 tokens; 1: none", real(0.01, 100, func(r *reading) **float32 { return &r.RepetitionPenalty })},
	{"presence_penalty", all, "subtracted from the logits of the last 64 tokens", real(-2, 2, func(r *reading) **float32 { return &r.PresencePenalty })},
	{"frequency_penalty", all, "the same for each time that a token is among those", real(-2, 2, func(r *reading) **float32 { return &r.FrequencyPenalty })},
	{"logit_bias", all, "added to the logits of tokens, by their ids", biasReader},
	{"seed", all, "the same seed gives the same answer; choices count on from it", seedReader},
	{"n", all, "choices of each prompt", count(1, maxChoices, func(r *reading) *int { return &r.N })},
	{"stop", all, "texts that end an answer in front of them, instead of the job's", stopReader},
	{"stop_token_ids", all, "tokens that end an answer", stopTokensReader},
	{"ignore_eos", all, "only the request's own stops end an answer", flag(func(r *reading) *bool { return &r.IgnoreEOS })},
	{"logprobs", chats, "log-probabilities of the answer's tokens", flag(func(r *reading) *bool { return &r.Logprobs })},
	{"logprobs", prompts, "log-probabilities of the answer's tokens, and so many of the likeliest beside each", logprobsReader},
	{"top_logprobs", all, "so many of the likeliest tokens beside each", whole(0, engine.MaxLikeliest, func(r *reading) **int { return &r.top })},
	{"prompt_logprobs", all, "log-probabilities of the prompt's tokens, and so many of the likeliest beside each", whole(0, engine.MaxLikeliest, func(r *reading) **int { return &r.PromptLogprobs })},
	{"echo", prompts, "the prompt's text, and with `logprobs` its tokens, in front of the answer's", flag(func(r *reading) *bool { return &r.Echo })},
	{"stream", all, "in a file only false", flag(func(r *reading) *bool { return &r.Stream })},
	{"stream_options", all, "beside `stream`", streamReader},
	{"tools", chats, "functions that the model may call, if its template has a place for them", toolsReader},
	{"tool_choice", chats, "`none`: `tools` are not told to the model; `auto`: it may call them; else it must, or that one, with arguments that their schema allows", toolChoiceReader},
	{"parallel_tool_calls", chats, "false: of an answer's calls the first alone", not(func(r *reading) *bool { return &r.OneCall })},
	{"response_format", all, "the answer is JSON: any object, or a value of `json_schema.schema`", formatReader},
	{"json_schema", all, "the same, as llama-server has it", schemaReader},
	{"grammar", all, "the answer is a text of the grammar", grammarReader},
	{"structured_outputs", all, "a schema, an expression, texts to choose from, a grammar, or any object, as vLLM has it", structuredReader},
	{"guided_json", all, "the answer is a value of the schema, as earlier vLLM has it", schemaReader},
	{"guided_regex", all, "the answer is a text that the expression matches as a whole", patternReader},
	{"guided_choice", all, "the answer is one of these texts", choiceReader},
	{"guided_grammar", all, "the same as `grammar`", grammarReader},
}

// accepted have no effect, as nothing here has what they speak of.
var acceptedFields = []string{
	"model", "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
	"prompt_cache_options", "include_reasoning",
}

// refused is a field that is known but not supported.
type refused struct {
	name   string
	unless []string // values, as JSON, with which it is accepted, as they ask for what is done anyway
}

var refusedFields = []refused{
	{"functions", []string{`[]`}},
	{"function_call", []string{`"none"`, `"auto"`}},
	{"modalities", []string{`["text"]`}},
	{"audio", nil},
	{"prediction", nil},
	{"moderation", nil},
	{"web_search_options", nil},
	{"reasoning_effort", []string{`"none"`}},
	{"verbosity", []string{`"medium"`}},
	{"echo", []string{`false`}}, // of a chat, where vLLM means something else by it
	{"best_of", []string{`1`}},
	{"suffix", []string{`""`}},
	{"use_beam_search", []string{`false`}},
	{"length_penalty", []string{`1`, `1.0`}},
	{"min_tokens", []string{`0`}},
	{"bad_words", []string{`[]`}},
	{"allowed_token_ids", nil},
	{"logprob_token_ids", nil},
	{"skip_special_tokens", []string{`true`}},
	{"spaces_between_special_tokens", []string{`true`}},
	{"include_stop_str_in_output", []string{`false`}},
	{"truncate_prompt_tokens", nil},
	{"add_generation_prompt", []string{`true`}},
	{"continue_final_message", []string{`false`}},
	{"add_special_tokens", nil},
	{"documents", []string{`[]`}},
	{"chat_template", nil},
	{"chat_template_kwargs", []string{`{}`}},
	{"mm_processor_kwargs", nil},
	{"priority", []string{`0`}},
	{"cache_salt", nil},
	{"return_token_ids", []string{`false`}},
	{"return_tokens_as_token_ids", []string{`false`}},
	{"watermarking", []string{`false`}},
}

const (
	maxChoices = 128     // OpenAI's
	maxAnswers = 4096    // of a request: prompts times choices
	maxStops   = 64      // texts, each of which is looked for in every token's text
	maxBias    = 100     // OpenAI's
	maxStop    = 1 << 10 // bytes of a text that ends an answer
)
