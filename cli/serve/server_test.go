package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"sealvk/cli/openai"
)

// What is refused gets OpenAI's error object with the field, and a status that fits.
func TestErrors(t *testing.T) {
	_, url := serving(t)
	words := strings.Repeat("many words ", 900)
	for _, c := range []struct {
		method, path, body string
		status             int
		param, code        string
		parts              []string // of the message
	}{
		{"POST", "/v1/chat/completions", ``, 400, "", "", []string{"is empty"}},
		{"POST", "/v1/chat/completions", `{"messages":[`, 400, "messages", "", []string{"is no JSON"}},
		{"POST", "/v1/chat/completions", `{}`, 400, "messages", "", []string{"is missing"}},
		{"POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}],"temperature":-1}`, 400, "temperature", "", []string{"-1", "0 to 100"}},
		{"POST", "/v1/chat/completions", `{"messages":[{"role":"king","content":"x"}]}`, 400, "messages[0].role", "", []string{"king", "assistant"}},
		{"POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"` + words + `"}]}`, 400, "messages", "context_length_exceeded", []string{"1024"}},
		{"POST", "/v1/completions", `{"prompt":["x","` + words + `"]}`, 400, "prompt[1]", "context_length_exceeded", []string{"1024"}},
		{"POST", "/v1/completions", `{"prompt":[2,5,99999]}`, 400, "prompt[2]", "", []string{"99999", "2048"}},
		{"POST", "/v1/completions", `{"prompt":"x","stream":true,"prompt_logprobs":1}`, 400, "prompt_logprobs", "", []string{"stream"}},
		{"POST", "/v1/completions", `{"messages":[]}`, 400, "prompt", "", []string{"takes no messages"}},
		{"GET", "/v1/nothing", ``, 404, "", "not_found", []string{"GET /v1/nothing"}},
		{"GET", "/v1/models/gpt-5", ``, 404, "", "model_not_found", []string{"gpt-5", "/v1/models"}},
		{"GET", "/v1/chat/completions", ``, 405, "", "method_not_allowed", []string{"POST", "GET"}},
		{"DELETE", "/v1/models/nano", ``, 405, "", "method_not_allowed", []string{"DELETE"}},
	} {
		t.Run(fmt.Sprintf("%s %s %.60s", c.method, c.path, c.body), func(t *testing.T) {
			r := ask(t.Context(), t, c.method, url+c.path, c.body)
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			e := read[openai.ErrorBody](t, string(text)).Error
			if r.StatusCode != c.status || r.Header.Get("Content-Type") != "application/json" || e.Type != "invalid_request_error" ||
				of(e.Param) != c.param || of(e.Code) != c.code {
				t.Errorf("%d %s", r.StatusCode, text)
			}
			for _, part := range c.parts {
				if !strings.Contains(e.Message, part) {
					t.Errorf("the error %q does not tell %q", e.Message, part)
				}
			}
			if (c.status == 405) != (r.Header.Get("Allow") != "") {
				t.Errorf("Allow: %q", r.Header.Get("Allow"))
			}
		})
	}
}

// of is a text that may not be there.
func of(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func ask(ctx context.Context, t *testing.T, method, url, body string) *http.Response {
	t.Helper()
	q, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	return r
}

// The model is there under each of its names, also one with a slash.
func TestModels(t *testing.T) {
	_, url := serving(t)
	get := func(path string) string {
		r := ask(t.Context(), t, "GET", url+path, "")
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 {
			t.Fatalf("%s: %v %d %s", path, err, r.StatusCode, text)
		}
		return string(text)
	}
	list := read[modelList](t, get("/v1/models"))
	if list.Object != "list" || len(list.Data) != 2 || list.Data[0].ID != "nano" || list.Data[1].ID != "org/nano" {
		t.Errorf("%+v", list)
	}
	for path, id := range map[string]string{"/v1/models/nano": "nano", "/models/org/nano": "org/nano", "/v1/models/org%2Fnano": "org/nano"} {
		m := read[modelInfo](t, get(path))
		if m.ID != id || m.Object != "model" || m.OwnedBy != "sealvk" || m.MaxModelLen != 1024 || m.Meta.Vocab != 2048 || m.Meta.Parameters != 4720896 {
			t.Errorf("%s: %+v", path, m)
		}
	}
	if v := get("/version"); !strings.Contains(v, `"v1"`) {
		t.Error(v)
	}
	head, options := ask(t.Context(), t, "HEAD", url+"/v1/models", ""), ask(t.Context(), t, "OPTIONS", url+"/v1/completions", "")
	if head.StatusCode != 200 || options.StatusCode != 204 || options.Header.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("%d, %d %v", head.StatusCode, options.StatusCode, options.Header)
	}
}
