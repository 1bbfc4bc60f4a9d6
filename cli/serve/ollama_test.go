package serve

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"sealvk/cli/openai"
	"sealvk/prompt"
)

// ollamaLinesOf are the lines of a stream of Ollama's.
func ollamaLinesOf(t *testing.T, url, body string) (lines []openai.OllamaLine) {
	t.Helper()
	r, text := post(t, url, body)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%s: %d %s", body, r.StatusCode, text)
	}
	for line := range strings.Lines(text) {
		var l openai.OllamaLine
		if err := json.Unmarshal([]byte(line), &l, json.RejectUnknownMembers(true)); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, l)
	}
	return lines
}

// variable is what differs from one result to the next.
var variable = regexp.MustCompile(`"20\d\d-[^"]*Z"|(_duration":)[1-9]\d*`)

// Results have the fields that Ollama's documentation shows, in its order.
func TestOllamaShapes(t *testing.T) {
	_, url := serving(t)
	const thailand = `"messages":[{"role":"user","content":"What is the capital of Thailand?"}],"options":{"temperature":0}`
	const times = `"total_duration":N,"load_duration":0,"prompt_eval_count":26,"prompt_eval_duration":N,"eval_count":13,"eval_duration":N}`
	for request, want := range map[string]string{
		`/api/chat {"model":"nano","stream":false,` + thailand + `}`: `{"model":"nano:latest","created_at":T,"message":{"role":"assistant","content":"The capital of Thailand is Bangkok."},` +
			`"done":true,"done_reason":"stop",` + times,
		`/api/generate {"model":"nano:latest","stream":false,"prompt":"What is the capital of Thailand?","options":{"temperature":0}}`: `{"model":"nano:latest",` +
			`"created_at":T,"response":"The capital of Thailand is Bangkok.","done":true,"done_reason":"stop",` + times,
		`/api/chat {"model":"nano"}`:                    `{"model":"nano:latest","created_at":T,"message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}`,
		`/api/chat {"model":"nano","messages":[]}`:      `{"model":"nano:latest","created_at":T,"message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}`,
		`/api/generate {"model":"nano","keep_alive":5}`: `{"model":"nano:latest","created_at":T,"response":"","done":true,"done_reason":"load"}`,
	} {
		at, body, _ := strings.Cut(request, " ")
		r, got := post(t, url+at, body)
		got = variable.ReplaceAllStringFunc(strings.TrimSuffix(got, "\n"), func(s string) string {
			if strings.HasPrefix(s, `"`) {
				return "T"
			}
			return `_duration":N`
		})
		if r.StatusCode != 200 || got != want {
			t.Errorf("%s: %d\n%s, want\n%s", request, r.StatusCode, got, want)
		}
	}
}

// What a stream's lines say, put together, is what the whole result says, and what OpenAI's does.
func TestOllamaStreams(t *testing.T) {
	_, url := serving(t)
	const user = `{"role":"user","content":"What is the capital of Thailand?"}`
	for options, same := range map[string]string{
		`"messages":[` + user + `],"options":{"temperature":0,"num_predict":-1}`:                                `"messages":[` + user + `],"temperature":0`,
		`"messages":[` + user + `],"options":{"temperature":2,"seed":3,"num_predict":9,"top_k":0}`:              `"messages":[` + user + `],"temperature":2,"seed":3,"max_tokens":9,"top_k":0`,
		`"messages":[` + user + `],"options":{"temperature":0,"stop":[" is"]},"logprobs":true,"top_logprobs":2`: `"messages":[` + user + `],"temperature":0,"stop":" is","logprobs":true,"top_logprobs":2`,
		`"messages":[{"role":"System","content":"S"},` + user + `],"options":{"temperature":1,"seed":1,"repeat_penalty":1.5,"repeat_last_n":64,"presence_penalty":0.5,"frequency_penalty":0.1,"min_p":0.1,"top_p":0.9},"think":false,"keep_alive":"5m"`: `"messages":[{"role":"developer","content":"S"},` +
			user + `],"temperature":1,"seed":1,"repetition_penalty":1.5,"presence_penalty":0.5,"frequency_penalty":0.1,"min_p":0.1,"top_p":0.9`,
		`"prompt":"What is the capital of Thailand?","system":"S","options":{"temperature":0,"repeat_last_n":0,"repeat_penalty":2,"num_ctx":64}`: `"messages":[{"role":"system","content":"S"},` + user + `],"temperature":0`,
		`"prompt":"The capital","raw":true,"options":{"temperature":0,"num_predict":5,"repeat_last_n":-1}`:                                       "prompt",
	} {
		at := "/api/chat"
		if strings.HasPrefix(options, `"prompt"`) {
			at = "/api/generate"
		}
		text := func(l openai.OllamaLine) string {
			if l.Message != nil {
				return l.Message.Content
			}
			return *l.Response
		}
		var whole openai.OllamaLine
		if _, body := post(t, url+at, `{"stream":false,`+options+`}`); json.Unmarshal([]byte(body), &whole) != nil || whole.OllamaTimes == nil {
			t.Fatalf("%s: %s", options, body)
		}
		var joined string
		var logprobs []openai.ChatLogprob
		lines := ollamaLinesOf(t, url+at, "{"+options+"}")
		for i, l := range lines {
			joined += text(l)
			logprobs = append(logprobs, l.Logprobs...)
			if last := i == len(lines)-1; l.Done != last || (l.DoneReason != "") != last || (l.OllamaTimes != nil) != last || last && text(l) != "" {
				t.Errorf("%s: line %d of %d: %+v", options, i, len(lines), l)
			}
		}
		last := lines[len(lines)-1]
		if joined != text(whole) || last.DoneReason != whole.DoneReason || last.AnswerCount != whole.AnswerCount || last.PromptCount != whole.PromptCount ||
			encoded(t, logprobs) != encoded(t, whole.Logprobs) || len(lines) < 3 {
			t.Errorf("%s:\n%+v, %+v, whole\n%+v", options, joined, last, whole)
		}
		if last.Total <= 0 || last.PromptDuration <= 0 || last.AnswerDuration <= 0 {
			t.Errorf("%s: times %+v", options, last.OllamaTimes)
		}
		if same == "prompt" {
			b := answers[openai.TextBody](t, url+"/v1/completions", `{"prompt":"The capital","temperature":0,"max_tokens":5}`)
			if b.Choices[0].Text != joined || b.Choices[0].FinishReason != last.DoneReason {
				t.Errorf("%s: %q, OpenAI's %+v", options, joined, b)
			}
			continue
		}
		b := answers[openai.ChatBody](t, url+"/v1/chat/completions", "{"+same+"}")
		if c := b.Choices[0]; c.Message.Content != joined || c.FinishReason != last.DoneReason || b.Usage.PromptTokens != last.PromptCount ||
			c.Logprobs != nil && encoded(t, c.Logprobs.Content) != encoded(t, logprobs) {
			t.Errorf("%s: %q, OpenAI's %+v", options, joined, b)
		}
	}
}

func TestOllamaRefuses(t *testing.T) {
	_, url := serving(t)
	const user = `"messages":[{"role":"user","content":"x"}]`
	for request, want := range map[string]string{
		`400 /api/chat []`: "the request is a list; want an object",
		`400 /api/chat {`:  "the request is no JSON",
		`400 /api/chat {"messages":[{"role":"user","content":["x"]}]}`:                                                       "messages[0].content is a list; want a text",
		`400 /api/chat {"messages":[{"content":"x"}]}`:                                                                       "messages[0].role is missing",
		`400 /api/chat {"messages":[{"role":"user","content":"x","images":["eA=="]}]}`:                                       "messages[0].images are not supported",
		`400 /api/chat {"messages":[{"role":"user","content":"x","audio":1}]}`:                                               "messages[0].audio is no field of a message",
		`400 /api/chat {"messages":[{"role":"user","content":"x","tool_calls":[{"function":{"name":"f","arguments":{}}}]}]}`: "messages[0].tool_calls is there in a message",
		`400 /api/chat {` + user + `,"tools":[{"type":"function","function":{"name":"f"}}]}`:                                 "tools can't be told to the model: the model's template (seallm) has no tools",
		`400 /api/chat {` + user + `,"options":{"temperature":-1}}`:                                                          "options.temperature is -1; want a number from 0 to 100",
		`400 /api/chat {` + user + `,"options":{"temprature":1}}`:                                                            "options.temprature is unknown; is temperature meant?",
		`400 /api/chat {` + user + `,"options":{"num_predict":-3}}`:                                                          "options.num_predict is -3; want",
		`400 /api/chat {` + user + `,"options":{"mirostat":1}}`:                                                              "options.mirostat is 1; want it left out or 0",
		`400 /api/chat {` + user + `,"options":[]}`:                                                                          "options is a list; want an object",
		`400 /api/chat {` + user + `,"think":"high"}`:                                                                        `think is "high"; want it left out or false`,
		`400 /api/chat {` + user + `,"keep_alive":"soon"}`:                                                                   `keep_alive is "soon"; want a number of seconds`,
		`400 /api/chat {` + user + `,"prompt":"x"}`:                                                                          "prompt is no field of a request with messages",
		`400 /api/chat {` + user + `,"top_logprobs":2}`:                                                                      "top_logprobs is 2 without log-probabilities",
		`400 /api/chat {"messages":[],"keep_alive":0}`:                                                                       "keep_alive is 0 without anything to answer",
		`400 /api/generate {"prompt":"","keep_alive":"0s"}`:                                                                  "keep_alive is 0 without anything to answer",
		`400 /api/generate {"prompt":"x","suffix":"y"}`:                                                                      `suffix is "y"; want it left out or ""`,
		`400 /api/generate {"prompt":"x","context":[1]}`:                                                                     "context is a list; want it left out or []",
		`400 /api/generate {"prompt":"x","images":["eA=="]}`:                                                                 "images is a list; want it left out or []",
		`400 /api/generate {"prompt":"x","raw":true,"system":"S"}`:                                                           "system is there with \"raw\": true",
		`400 /api/generate {"prompt":"` + strings.Repeat("x ", 2000) + `"}`:                                                  "prompt has 20",
		`404 /api/show {"model":"other"}`:                                                                                    `there is no model "other" here`,
		`400 /api/show {}`:                                                                                                   "model is missing",
		`501 /api/pull {"model":"x"}`:                                                                                        "/api/pull is not supported: the server has the model",
		`501 /api/embed {"model":"x"}`:                                                                                       "/api/embed is not supported: the server makes no embeddings",
		`404 /api/none {}`:                                                                                                   "POST /api/none is nothing",
		`405 /api/tags {}`:                                                                                                   "/api/tags takes GET",
	} {
		status, rest, _ := strings.Cut(request, " ")
		at, body, _ := strings.Cut(rest, " ")
		r, text := post(t, url+at, body)
		if e := read[ollamaError](t, text); !strings.HasPrefix(r.Status, status+" ") || !strings.HasPrefix(e.Error, want) || !strings.HasPrefix(text, `{"error":"`) {
			t.Errorf("%s: %d %s, want %s", request, r.StatusCode, text, want)
		}
	}
}

func TestOllamaModels(t *testing.T) {
	s, url := serving(t)
	get := func(at string) string {
		r, err := http.Get(url + at)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 {
			t.Fatal(at, r.Status, err)
		}
		return string(b)
	}
	type list struct{ Models []ollamaModel }
	tags, ps := read[list](t, get("/api/tags")).Models, read[list](t, get("/api/ps")).Models
	if len(tags) != 2 || tags[0].Name != "nano:latest" || tags[1].Model != "org/nano:latest" || tags[0].Size != s.File.Size || len(tags[0].Digest) != 64 ||
		tags[0].ModifiedAt.IsZero() || tags[0].Details.QuantizationLevel != "Q4_K_M" || tags[0].Details.Format != "gguf" || tags[0].Details.ParameterSize != "4.72M" {
		t.Errorf("tags %+v", tags)
	}
	if len(ps) != 1 || ps[0].Digest != tags[0].Digest || ps[0].ContextLength != s.Model.Loaded().Context() || ps[0].SizeVRAM == 0 || ps[0].ExpiresAt.Year() < 2200 {
		t.Errorf("ps %+v", ps)
	}
	if got := get("/api/version"); got != `{"version":"`+ollamaAPI+`","sealvk":"v1"}`+"\n" {
		t.Error(got)
	}
	for _, name := range []string{"nano", "nano:latest", "org/nano"} {
		_, text := post(t, url+"/api/show", `{"model":"`+name+`","system":"","template":"","verbose":false,"options":null,"name":""}`)
		for _, want := range []string{`"family":"gemma"`, `"gemma.context_length":1024`, `"capabilities":["completion"]`, `"general.architecture":"gemma"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s lacks %s", name, text, want)
			}
		}
	}
}

// servingTools is where a server listens whose template has tools.
func servingTools(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("../../testdata/prompt/tools.jinja")
	if err != nil {
		t.Fatal(err)
	}
	template, err := prompt.Compile("tools.jinja", string(source))
	if err != nil {
		t.Fatal(err)
	}
	_, url := serving(t, func(c *Config) { c.Job.Template = template })
	return url
}

// Of a template with tools: what a model must call it calls.
func TestToolCalls(t *testing.T) {
	url := servingTools(t)
	const rest = `"messages":[{"role":"user","content":"Rain?"}],"seed":1,"temperature":1,"max_tokens":200,"parallel_tool_calls":false,` +
		`"tools":[{"type":"function","function":{"name":"rain","parameters":{"type":"object","properties":{"city":{"enum":["Huế","Pai"]}},"required":["city"]}}}],"tool_choice":"required"`
	isCall := func(name, arguments string) bool {
		return name == "rain" && (strings.Contains(arguments, `"Huế"`) || strings.Contains(arguments, `"Pai"`))
	}
	whole := answers[openai.ChatBody](t, url+"/v1/chat/completions", "{"+rest+"}").Choices[0]
	if whole.FinishReason != "tool_calls" || whole.Message.Content != "" || len(whole.Message.ToolCalls) != 1 ||
		!isCall(whole.Message.ToolCalls[0].Function.Name, whole.Message.ToolCalls[0].Function.Arguments) {
		t.Errorf("%+v", whole)
	}
	_, text := post(t, url+"/api/show", `{"model":"nano"}`)
	if !strings.Contains(text, `"capabilities":["completion","tools"]`) {
		t.Error(text)
	}
	// Ollama's API has no tool_choice; a format leaves no room for calls.
	var line openai.OllamaLine
	_, text = post(t, url+"/api/generate", `{"prompt":"Rain?","stream":false,"format":{"enum":[12,"Pai"]},"options":{"num_predict":40}}`)
	if json.Unmarshal([]byte(text), &line) != nil || line.Response == nil || *line.Response != "12" && *line.Response != `"Pai"` {
		t.Error(text)
	}
	r, text := post(t, url+"/api/chat", `{"messages":[{"role":"user","content":"Rain?"}],"format":"json","tools":[{"function":{"name":"f"}}]}`)
	if r.StatusCode != 400 || !strings.HasPrefix(text, `{"error":"tools are there beside a field`) {
		t.Error(text)
	}
}
