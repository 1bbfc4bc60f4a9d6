package serve

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"sealvk/cli/openai"
	"sealvk/cli/resident"
	"sealvk/engine"
	"sealvk/prompt"
	"sealvk/prompt/grammar"
	"sealvk/tokenize"
	"sealvk/weights"
)

// textOnly is a server without a device, whose model is still to come, which needs a device. Requests are read, and made the
// model's; then they are told that it is not there.
var textOnly = sync.OnceValue(func() *Server {
	tok, err := tokenize.Load("../../testdata/tokenize/nano.model")
	if err != nil {
		panic(err)
	}
	model := resident.Keep(func(ctx context.Context) (*engine.Model, func() error, error) {
		<-ctx.Done()
		return nil, nil, ctx.Err()
	}, resident.Options{})
	s := New(Config{
		Model: model, File: &weights.Model{}, Aliases: []string{"nano"}, Queue: 1000,
		Job: openai.Job{
			Tokenizer: tok, Template: prompt.SeaLLM,
			Vocabulary: sync.OnceValue(func() *grammar.Vocabulary { return grammar.NewVocabulary(tok) }),
		},
		Guard: Guard{MaxBody: 1 << 20},
	})
	s.known.Store(&known{context: 512, sequences: 8}) // as after a first load
	return s
})

// FuzzRequest: whatever is sent to any path with any header, the server refuses it by a status of 400 to 499 and an error object, or answers,
// or says that the model is not there. It never fails.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		"", "{}", "[", "null", `{"messages":[{"role":"user","content":"Hi"}],"stream":true,"n":2}`, `{"prompt":["a",[1,2]],"echo":true,"logprobs":5,"max_tokens":0}`,
		`{"messages":[{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"\ud83d"}]}],"seed":-1,"stop":["a"],"logit_bias":{"5":1e9}}`,
		`{"model":"nano","prompt":"a","options":{"temperature":1e400},"stream":false}`, `{"content":"<bos>a","add_special":true}`, `{"tokens":[1,99999999]}`,
		`{"messages":[],"response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"#"}}}}`, `{"prompt":"","grammar":"root ::= root"}`,
		`{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"a":[]}}}]}],"tools":[{"function":{"name":"f"}}],"tool_choice":"required"}`,
		`{"prompt":"a","format":{"type":"object"},"keep_alive":"5m","options":{"num_predict":-2,"seed":-1,"repeat_last_n":0}}`,
	} {
		for path := range uint8(len(postPaths())) {
			f.Add(path, "application/json", "", []byte(body))
		}
	}
	f.Add(uint8(0), "text/plain", "X-Request-Id: \x00", []byte("{}"))
	f.Add(uint8(1), "application/json;q=\"", "Authorization: Bearer", []byte("{}"))
	f.Add(uint8(1), "application/json", "Origin: ://\nHost: [::1", []byte("{}"))
	s, paths := textOnly(), postPaths()
	gone, leave := context.WithCancel(context.Background()) // Ollama's API waits for a model that is loaded, but for nobody
	leave()
	f.Fuzz(func(t *testing.T, path uint8, kind, headers string, body []byte) {
		r := httptest.NewRequestWithContext(gone, "POST", "http://localhost"+paths[int(path)%len(paths)], bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		for line := range strings.Lines(headers) {
			name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
			if name == "Host" {
				r.Host = value
			} else {
				r.Header.Add(name, value)
			}
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusServiceUnavailable && bytes.Contains(w.Body.Bytes(), []byte("the model is not ready")):
		case w.Code >= 400 && w.Code < 500 && bytes.Contains(w.Body.Bytes(), []byte(`"error"`)) && w.Header().Get("Content-Type") == "application/json":
		case w.Code == http.StatusOK:
		default:
			t.Errorf("POST %s, %s, %q: %d %s", r.URL.Path, kind, body, w.Code, w.Body)
		}
	})
}

// postPaths are those of the server's routes that take a body.
func postPaths() (paths []string) {
	for _, r := range textOnly().routes() {
		if r.method == http.MethodPost {
			paths = append(paths, r.path)
		}
	}
	return paths
}
