package serve

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// taken gives what was written since the last time.
func (l *lines) taken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// logged is a server and its log, a line of JSON each.
func logged(t testing.TB, change func(*Config)) (*Server, *lines) {
	t.Helper()
	log := &lines{}
	return New(with(func(c *Config) {
		c.Log = slog.New(slog.NewJSONHandler(log, nil))
		change(c)
	})), log
}

// A line tells what was asked and what became of it, and nothing that was written to the model.
func TestAccessLog(t *testing.T) {
	const secret = "PASSWORD"
	s, log := logged(t, func(c *Config) { c.Guard.Keys = []string{secret} })
	key := map[string]string{"Authorization": "Bearer " + secret}
	for _, c := range []struct {
		method, path, body string
		header             map[string]string
		want               map[string]any
	}{
		{"POST", "/v1/completions?q=" + secret, `{"prompt":"` + secret + `","max_tokens":3,"ignore_eos":true,"temperature":0,"n":2}`, key,
			map[string]any{"status": 200., "path": "/v1/completions", "completion_tokens": 6., "finish": "length", "method": "POST", "msg": "request"}},
		{"POST", "/v1/completions", `{"prompt":"a","stop":5` + secret + `}`, key, map[string]any{"status": 400., "error": "invalid_request_error"}},
		{"POST", "/v1/completions", `{"prompt":"a","temperature":"` + secret + `"}`, key, map[string]any{"status": 400., "error": "invalid_request_error"}},
		{"POST", "/v1/completions", `{"prompt":"` + strings.Repeat(secret+" ", 8000) + `"}`, key, map[string]any{"status": 400., "error": "context_length_exceeded"}},
		{"GET", "/v1/models", "", map[string]string{"Authorization": "Bearer x" + secret}, map[string]any{"status": 401., "error": "invalid_api_key"}},
		{strings.Repeat("M", 5000), "/v1/models", "", nil, map[string]any{"status": 401.}},
		{"GET", "/a%0a%1b[31m\u202e\u009b%c2%9b" + strings.Repeat("b", 300), "", nil, map[string]any{"status": 404., "error": "not_found"}},
	} {
		w := visitWith(t, s, c.method, c.path, c.body, c.header)
		text := log.taken()
		if strings.Count(text, "\n") != 1 || strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && (c < ' ' || c > '~') && c != '…' }) || strings.Contains(text, secret) || len(text) > 1000 {
			t.Errorf("%s: the log says %q", c.path, text)
		}
		told := read[map[string]any](t, text)
		for name, value := range c.want {
			if told[name] != value {
				t.Errorf("%s: %s is %v, want %v", c.path, name, told[name], value)
			}
		}
		if id := w.Header().Get("X-Request-Id"); told["id"] != id || !strings.HasPrefix(id, "req_") || told["remote"] != "192.0.2.1:1234" ||
			told["bytes"] != float64(w.Body.Len()) || told["ms"] == nil || told["time"] == nil {
			t.Errorf("%s: %s", c.path, text)
		}
	}
}

// What asks every few seconds fills no log, unless it is refused.
func TestProbesAreNotLogged(t *testing.T) {
	s, log := logged(t, func(c *Config) { c.Guard.Keys = []string{"k"} })
	visitWith(t, s, "GET", "/health", "", nil)
	visitWith(t, s, "GET", "/metrics", "", map[string]string{"Authorization": "Bearer k"})
	if text := log.taken(); text != "" {
		t.Error(text)
	}
	visitWith(t, s, "GET", "/metrics", "", nil)
	if text := log.taken(); !strings.Contains(text, "invalid_api_key") {
		t.Errorf("a key is guessed, and the log says %q", text)
	}
}

func TestRequestIDs(t *testing.T) {
	s, log := logged(t, func(*Config) {})
	for _, id := range []string{"mine-1", strings.Repeat("x", 128)} {
		w := visitWith(t, s, "GET", "/version", "", map[string]string{"X-Request-Id": id})
		if got := w.Header().Get("X-Request-Id"); got != id || !strings.Contains(log.taken(), id) {
			t.Errorf("%q became %q", id, got)
		}
	}
	for _, id := range []string{"a b", "a\x1b[31m", "ü", strings.Repeat("x", 129)} {
		w := visitWith(t, s, "GET", "/version", "", map[string]string{"X-Request-Id": id})
		if got := w.Header().Get("X-Request-Id"); !strings.HasPrefix(got, "req_") || got != read[map[string]any](t, log.taken())["id"] {
			t.Errorf("%q became %q", id, got)
		}
	}
}

// A handler that panics ends its request alone.
func TestPanics(t *testing.T) {
	s, log := logged(t, func(*Config) {})
	s.handler = s.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begun" {
			_, _ = w.Write([]byte("half of"))
		}
		panic("a bug")
	}))
	h := httptest.NewServer(s)
	defer h.Close()
	r, text := post(t, h.URL, "{}")
	id := r.Header.Get("X-Request-Id")
	if r.StatusCode != 500 || !strings.Contains(text, `"type":"server_error"`) || !strings.Contains(text, id) || strings.Contains(text, "a bug") {
		t.Errorf("%d %s", r.StatusCode, text)
	}
	var first struct{ Msg, ID, Value, Stack string }
	said, _, _ := strings.Cut(log.taken(), "\n")
	if err := json.Unmarshal([]byte(said), &first); err != nil || first.Msg != "panic" || first.ID != id || first.Value != "a bug" || !strings.Contains(first.Stack, "visit_test.go") {
		t.Errorf("the log says %s", said)
	}
	if r, err := http.Post(h.URL+"/begun", "application/json", strings.NewReader("{}")); err == nil {
		body := new(bytes.Buffer)
		if _, err = body.ReadFrom(r.Body); err == nil {
			t.Errorf("a response that was cut off looks whole: %s", body)
		}
		r.Body.Close()
	}
}
