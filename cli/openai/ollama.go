package openai

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/engine"
	"sealvk/prompt"
)

// OllamaRequest is a request to Ollama's API, read as the one to OpenAI's that says the same.
type OllamaRequest struct {
	*Request        // with messages, or with a prompt, which goes through the template unless it is raw
	System   string // in front of a prompt
	Load     bool   // nothing is to be answered: the model shall be there
	Unload   bool   // and this alone: it shall go
	raw      bool
}

// ollamaFields are those of /api/chat (messages) and /api/generate (a prompt). docs/manual.md has the same lists.
var ollamaFields = table{
	honoured: []honoured{
		{"messages", chats, "the conversation; none, or an empty one, loads the model", ollamaMessagesReader},
		{"prompt", prompts, "what is answered; none, or an empty one, loads the model", reader{"a text", func(r *reading, v value) (bool, error) {
			text, ok := v.text()
			r.Prompts = []Prompt{{Text: text}}
			return ok, nil
		}}},
		{"system", prompts, "the system message", reader{"a text", func(r *reading, v value) (ok bool, err error) {
			r.ollama.System, ok = v.text()
			return ok, nil
		}}},
		{"raw", prompts, "the prompt goes without the template", flag(func(r *reading) *bool { return &r.ollama.raw })},
		{"stream", all, "as lines of JSON; left out: true", flag(func(r *reading) *bool { return &r.Stream })},
		{"options", all, "as below", reader{"an object", func(r *reading, v value) (bool, error) {
			members, ok := v.members()
			for _, m := range members {
				if err := ollamaOptions.field(r, all, m); err != nil {
					return false, err
				}
			}
			return ok, nil
		}}},
		{"tools", chats, "functions that the model may call, if its template has a place for them", toolsReader},
		{"format", all, "the answer is JSON: any object, or a value of the schema", reader{`"json" or a JSON schema`, func(r *reading, v value) (bool, error) {
			text, ok := v.text()
			switch {
			case ok && text == "json":
				g, err := ObjectGrammar()
				return true, r.shape(v, g, err)
			case ok:
				return text == "", nil
			case v.kind() != jsontext.KindBeginObject:
				return false, nil
			}
			return true, r.schema(v)
		}}},
		{"logprobs", all, "log-probabilities of the answer's tokens", flag(func(r *reading) *bool { return &r.Logprobs })},
		{"top_logprobs", all, "so many of the likeliest tokens beside each", whole(0, engine.MaxLikeliest, func(r *reading) **int { return &r.top })},
		{"keep_alive", all, "no effect, but that 0 with nothing to answer is refused: `--idle-unload` says when the model goes", keepAliveReader},
	},
	accepted: []string{"model"},
	refused: []refused{
		{"think", []string{"false"}}, {"suffix", []string{`""`}}, {"template", []string{`""`}}, {"context", []string{"[]"}},
		{"images", []string{"[]"}}, {"truncate", []string{"false"}}, {"shift", []string{"false"}}, {"_debug_render_only", []string{"false"}},
	},
}

// ollamaOptions are the fields of its options.
var ollamaOptions = table{
	honoured: []honoured{
		{"num_predict", all, "the most tokens of an answer; 0 and less: as many as the context holds", reader{wholeNumber(-2, math.MaxInt32), func(r *reading, v value) (bool, error) {
			n, ok := v.integer(-2, math.MaxInt32)
			most := int(n)
			if most <= 0 {
				most = math.MaxInt32
			}
			r.MaxTokens = &most
			return ok, nil
		}}},
		{"temperature", all, "0: always the likeliest token", real(0, 100, func(r *reading) **float32 { return &r.Temperature })},
		{"top_k", all, "only so many of the likeliest tokens; 0 and less: all", whole(-1, math.MaxInt32, func(r *reading) **int { return &r.TopK })},
		{"top_p", all, "only the likeliest tokens that together reach it", real(0, 1, func(r *reading) **float32 { return &r.TopP })},
		{"min_p", all, "only tokens at least so many times as likely as the likeliest", real(0, 1, func(r *reading) **float32 { return &r.MinP })},
		{"seed", all, "the same seed gives the same answer; -1: none", reader{seedReader.wants, func(r *reading, v value) (bool, error) {
			n, ok := v.integer(math.MinInt64, math.MaxInt64)
			if n != -1 {
				r.Seed = &n
			}
			return ok, nil
		}}},
		{"stop", all, "texts that end an answer in front of them", stopReader},
		{"repeat_penalty", all, "on the last tokens; 1: none", real(0.01, 100, func(r *reading) **float32 { return &r.RepetitionPenalty })},
		{"presence_penalty", all, "subtracted from the logits of the last tokens", real(-2, 2, func(r *reading) **float32 { return &r.PresencePenalty })},
		{"frequency_penalty", all, "the same for each time that a token is among those", real(-2, 2, func(r *reading) **float32 { return &r.FrequencyPenalty })},
		{"repeat_last_n", all, "so many tokens are the last; -1: all, 0: none", whole(-1, math.MaxInt32, func(r *reading) **int { return &r.PenaltyWindow })},
	},
	accepted: []string{
		"num_ctx", "num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict", "use_mmap", "use_mlock", "numa",
		"low_vram", "f16_kv", "vocab_only", "mirostat_tau", "mirostat_eta",
	},
	refused: []refused{
		{"typical_p", []string{"1", "1.0"}}, {"tfs_z", []string{"1", "1.0"}}, {"mirostat", []string{"0"}}, {"penalize_newline", []string{"true"}},
	},
}

// ParseOllamaChat reads a body sent to /api/chat.
func ParseOllamaChat(body []byte) (*OllamaRequest, error) { return parseOllama(body, chats) }

// ParseOllamaGenerate reads a body sent to /api/generate.
func ParseOllamaGenerate(body []byte) (*OllamaRequest, error) { return parseOllama(body, prompts) }

func parseOllama(body []byte, whose scope) (*OllamaRequest, error) {
	members, err := object(body)
	if err != nil {
		return nil, err
	}
	o := &OllamaRequest{Request: &Request{Options: Options{N: 1, Stream: true}}}
	state := reading{Request: o.Request, ollama: o}
	for _, m := range members {
		if err := ollamaFields.field(&state, whose, m); err != nil {
			return nil, err
		}
	}
	if err := state.finish(""); err != nil {
		return nil, err
	}
	switch {
	case whose == chats:
		o.Endpoint, o.Load = Chat, len(o.Messages) == 0
	case o.raw && o.System != "":
		return nil, &FieldError{Field: "system", Problem: "is there with \"raw\": true, which takes no system message"}
	case o.raw:
		o.Endpoint = Completion
		fallthrough
	default:
		o.Load = len(o.Prompts) == 0 || strings.TrimSpace(o.Prompts[0].Text) == ""
	}
	if o.Unload && o.Load {
		return nil, &FieldError{Field: "keep_alive", Problem: "is 0 without anything to answer, but the model is not unloaded by requests: --idle-unload says when"}
	}
	return o, nil
}

var ollamaMessagesReader = reader{"a list of messages", func(r *reading, v value) (bool, error) {
	list, ok := v.elements()
	for _, e := range list {
		m, err := ollamaMessage(e)
		if err != nil {
			return false, err
		}
		r.Messages = append(r.Messages, m)
	}
	return ok, nil
}}

// ollamaMessage reads one of a conversation.
func ollamaMessage(v value) (m prompt.Message, err error) {
	members, ok := v.members()
	if !ok {
		return m, v.want("an object with role and content")
	}
	for _, f := range members {
		switch f.name {
		case "role":
			text, _ := f.text()
			if m.Role, ok = roles[strings.ToLower(text)]; !ok {
				return m, f.want("system, user, assistant or tool")
			}
		case "content":
			if m.Content, ok = f.text(); !ok {
				return m, f.want("a text")
			}
		case "tool_name":
			if m.Name, ok = f.text(); !ok {
				return m, f.want("a text")
			}
		case "tool_call_id":
			if m.ToolCallID, ok = f.text(); !ok {
				return m, f.want("a text")
			}
		case "tool_calls":
			if m.ToolCalls, err = f.toolCalls(); err != nil {
				return m, err
			}
		case "images":
			if list, ok := f.elements(); !ok || len(list) > 0 {
				return m, f.problem("are not supported: the model reads text alone")
			}
		case "thinking":
			if text, ok := f.text(); !ok || text != "" {
				return m, f.problem("is not supported")
			}
		default:
			return m, f.problem("is no field of a message, which has role, content, tool_calls, tool_name and tool_call_id")
		}
	}
	return m, v.whose(m)
}

var keepAliveReader = reader{"a number of seconds, or a text such as \"5m\"", func(r *reading, v value) (bool, error) {
	if text, ok := v.text(); ok {
		d, err := time.ParseDuration(text)
		r.ollama.Unload = err == nil && d == 0
		return err == nil || text == "", nil
	}
	x, ok := v.number(-math.MaxFloat64, math.MaxFloat64)
	r.ollama.Unload = ok && x == 0
	return ok, nil
}}

// ParseOllamaShow reads a body sent to /api/show, and gives the name of the model.
func ParseOllamaShow(body []byte) (name string, err error) {
	members, err := object(body)
	if err != nil {
		return "", err
	}
	for _, m := range members {
		switch m.name {
		case "model", "name": // Ollama's own client sends both, one of them empty
			text, ok := m.text()
			if !ok {
				return "", m.want("a text")
			}
			name = cmp.Or(name, text)
		case "verbose", "system", "template", "options":
		default:
			return "", m.problem("is unknown; want model")
		}
	}
	if name == "" {
		return "", &FieldError{Field: "model", Problem: "is missing"}
	}
	return name, nil
}
