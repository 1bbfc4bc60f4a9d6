package serve

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// visitWith sends a request to a server that does not listen. An empty value of a header leaves it out, Host is the
// request's.
func visitWith(t testing.TB, s *Server, method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		} else if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// refusal is the code of OpenAI's error object, "" if that is none.
func refusal(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code < 400 || w.Header().Get("Content-Type") != "application/json" {
		return ""
	}
	e := read[struct {
		Error struct{ Message, Type, Code string }
	}](t, w.Body.String()).Error
	if e.Message == "" || e.Type == "" {
		t.Errorf("an error without words: %s", w.Body)
	}
	return e.Code
}

// tokenless is a request that the model answers without a token.
const tokenless = `{"prompt":"a","max_tokens":0,"echo":true}`

func TestWhoMayAsk(t *testing.T) {
	type header = map[string]string
	keyed := Guard{Keys: []string{"first", "second"}}
	for _, c := range []struct {
		name         string
		guard        Guard
		method, path string
		header       header
		status       int
		code         string
	}{
		{"as curl does", Guard{}, "POST", "/v1/completions", nil, 200, ""},
		{"JSON with a parameter", Guard{}, "POST", "/v1/completions", header{"Content-Type": "Application/JSON; charset=utf-8"}, 200, ""},
		{"plain text, which pages send unasked", Guard{}, "POST", "/v1/completions", header{"Content-Type": "text/plain"}, 415, "unsupported_media_type"},
		{"a form", Guard{}, "POST", "/v1/completions", header{"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		{"no type, which pages can send too", Guard{}, "POST", "/v1/completions", header{"Content-Type": ""}, 415, "unsupported_media_type"},
		{"compressed", Guard{}, "POST", "/v1/completions", header{"Content-Encoding": "gzip"}, 415, "unsupported_media_type"},
		{"not compressed", Guard{}, "POST", "/v1/completions", header{"Content-Encoding": "identity"}, 200, ""},

		{"localhost", Guard{}, "POST", "/v1/completions", header{"Host": "LOCALHOST:8080"}, 200, ""},
		{"an address of IPv6", Guard{}, "POST", "/v1/completions", header{"Host": "[::1]:8080"}, 200, ""},
		{"another address", Guard{}, "POST", "/v1/completions", header{"Host": "192.168.1.7"}, 200, ""},
		{"no name, as HTTP/1.0", Guard{}, "GET", "/health", header{"Host": ""}, 200, ""},
		{"a rebound name", Guard{}, "POST", "/v1/completions", header{"Host": "evil.example:8080"}, 403, "host_not_allowed"},
		{"a rebound name asks for the page", Guard{}, "GET", "/", header{"Host": "evil.example"}, 403, "host_not_allowed"},
		{"a rebound name asks for nothing that is", Guard{}, "GET", "/nothing", header{"Host": "evil.example"}, 403, "host_not_allowed"},
		{"a name that begins like localhost", Guard{}, "GET", "/health", header{"Host": "localhost.evil.example"}, 403, "host_not_allowed"},
		{"a name that begins like an address", Guard{}, "GET", "/health", header{"Host": "127.0.0.1.evil.example"}, 403, "host_not_allowed"},
		{"a name of its own", Guard{Hosts: []string{"LLM.example"}}, "GET", "/health", header{"Host": "llm.EXAMPLE:443"}, 200, ""},
		{"another beside it", Guard{Hosts: []string{"llm.example"}}, "GET", "/health", header{"Host": "evil.example"}, 403, "host_not_allowed"},
		{"any name", Guard{Hosts: []string{"*"}, Keys: keyed.Keys}, "GET", "/health", header{"Host": "evil.example"}, 200, ""},

		{"the page", Guard{}, "POST", "/v1/completions", header{"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}, 200, ""},
		{"the page in an old browser", Guard{}, "POST", "/v1/completions", header{"Origin": "http://127.0.0.1:8080"}, 200, ""},
		{"the page behind a proxy with TLS", Guard{Hosts: []string{"llm.example"}}, "POST", "/v1/completions", header{"Host": "llm.example", "Origin": "https://llm.example"}, 200, ""},
		{"another page", Guard{}, "POST", "/v1/completions", header{"Origin": "https://evil.example"}, 403, "origin_not_allowed"},
		{"a page of another port", Guard{}, "POST", "/v1/completions", header{"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"}, 403, "origin_not_allowed"},
		{"another page that hides where it is from", Guard{}, "POST", "/v1/completions", header{"Origin": "null"}, 403, "origin_not_allowed"},
		{"another page, whose origin is left out", Guard{}, "POST", "/v1/completions", header{"Sec-Fetch-Site": "cross-site"}, 403, "origin_not_allowed"},
		{"a link from another page", Guard{}, "GET", "/version", header{"Sec-Fetch-Site": "cross-site"}, 200, ""},
		{"a page that may", Guard{Origins: []string{"https://ui.example"}}, "POST", "/v1/completions", header{"Origin": "https://ui.example", "Sec-Fetch-Site": "cross-site"}, 200, ""},
		{"a page that may, written otherwise", Guard{Origins: []string{"HTTPS://UI.example:443"}}, "POST", "/v1/completions", header{"Origin": "https://ui.example", "Sec-Fetch-Site": "cross-site"}, 200, ""},
		{"a page nearly like it", Guard{Origins: []string{"https://ui.example"}}, "POST", "/v1/completions", header{"Origin": "https://ui.example.evil"}, 403, "origin_not_allowed"},
		{"any page, with the key", Guard{Origins: []string{"*"}, Keys: keyed.Keys}, "POST", "/v1/completions", header{"Origin": "https://evil.example", "Authorization": "Bearer first"}, 200, ""},
		{"any page, without", Guard{Origins: []string{"*"}, Keys: keyed.Keys}, "POST", "/v1/completions", header{"Origin": "https://evil.example"}, 401, "invalid_api_key"},

		{"a key", keyed, "POST", "/v1/completions", header{"Authorization": "Bearer first"}, 200, ""},
		{"another, otherwise spelled", keyed, "POST", "/v1/completions", header{"Authorization": "bearer  second"}, 200, ""},
		{"no key", keyed, "POST", "/v1/completions", nil, 401, "invalid_api_key"},
		{"a wrong one", keyed, "POST", "/v1/completions", header{"Authorization": "Bearer firs"}, 401, "invalid_api_key"},
		{"both in one", keyed, "POST", "/v1/completions", header{"Authorization": "Bearer firstsecond"}, 401, "invalid_api_key"},
		{"another scheme", keyed, "POST", "/v1/completions", header{"Authorization": "Basic first"}, 401, "invalid_api_key"},
		{"an empty one", keyed, "POST", "/v1/completions", header{"Authorization": "Bearer "}, 401, "invalid_api_key"},
		{"a key that nobody wants", Guard{}, "POST", "/v1/completions", header{"Authorization": "Bearer x"}, 200, ""},
		{"the models without a key", keyed, "GET", "/v1/models", nil, 401, "invalid_api_key"},
		{"the metrics without a key", keyed, "GET", "/metrics", nil, 401, "invalid_api_key"},
		{"a method that the path lacks, without a key", keyed, "DELETE", "/v1/models", nil, 401, "invalid_api_key"},
		{"the metrics", keyed, "GET", "/metrics", header{"Authorization": "Bearer first"}, 200, ""},
		{"health", keyed, "GET", "/health", nil, 200, ""},
		{"version", keyed, "GET", "/version", nil, 200, ""},
		{"through the page's folder", keyed, "GET", "/page/../v1/models", nil, 401, "invalid_api_key"},
		{"through the page's folder, hidden", keyed, "GET", "/page/%2e%2e/v1/models", nil, 401, "invalid_api_key"},
		{"through the page's folder, hidden more", keyed, "GET", "/page%2f..%2fv1/models", nil, 401, "invalid_api_key"},
		{"the page's folder, which is no redirect to itself", keyed, "GET", "/page/", nil, 404, "not_found"},
		{"the same of Ollama's", keyed, "GET", "/api", nil, 404, "not_found"},
		{"an address without a path", Guard{}, "GET", "http://127.0.0.1", nil, 200, ""},
		{"an address without a path, of a rebound name", Guard{}, "GET", "http://127.0.0.1", header{"Host": "evil.example"}, 403, "host_not_allowed"},
		{"a wrong method, which has no type", Guard{}, "DELETE", "/v1/models", header{"Content-Type": ""}, 405, "method_not_allowed"},
		{"nothing that is, of no type", Guard{}, "POST", "/v1/embeddings", header{"Content-Type": ""}, 404, "not_found"},
		{"without its prefix", keyed, "GET", "/models", nil, 401, "invalid_api_key"},
		{"with a slash behind it", keyed, "GET", "/v1/models/", nil, 401, "invalid_api_key"},
	} {
		server := New(with(func(config *Config) { config.Guard = c.guard }))
		if err := c.guard.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		body := ""
		if c.method == "POST" {
			body = tokenless
		}
		w := visitWith(t, server, c.method, c.path, body, c.header)
		if code := refusal(t, w); w.Code != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s: %s", c.name, w.Code, code, c.status, c.code, w.Body)
		}
		if challenge := w.Header().Get("WWW-Authenticate"); (challenge != "") != (c.status == 401) {
			t.Errorf("%s: WWW-Authenticate: %q", c.name, challenge)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" != (len(c.guard.Origins) > 0 && c.code != "origin_not_allowed") {
			t.Errorf("%s: %v", c.name, w.Header())
		}
	}
}

// with is the tests' configuration, changed.
func with(change func(*Config)) Config {
	c := *nano()
	change(&c)
	return c
}

// What a browser asks before it sends another page's request.
func TestPreflight(t *testing.T) {
	question := map[string]string{
		"Origin": "https://ui.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true",
		"Access-Control-Request-Headers": "authorization,content-type,x-stainless-os", "Sec-Fetch-Site": "cross-site", "Content-Type": "",
	}
	open := New(with(func(c *Config) { c.Guard = Guard{Origins: []string{"https://ui.example"}, Keys: []string{"k"}} }))
	w := visitWith(t, open, "OPTIONS", "/v1/chat/completions", "", question)
	want := map[string]string{
		"Access-Control-Allow-Origin": "https://ui.example", "Access-Control-Allow-Headers": question["Access-Control-Request-Headers"],
		"Access-Control-Allow-Methods": "GET, HEAD, POST", "Access-Control-Allow-Private-Network": "true", "Access-Control-Max-Age": "7200",
	}
	for name, value := range want {
		if w.Code != 204 || w.Header().Get(name) != value {
			t.Errorf("%d, %s is %q, want %q", w.Code, name, w.Header().Get(name), value)
		}
	}
	if vary := w.Header().Values("Vary"); !slices.Contains(vary, "Origin") || w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%v", w.Header())
	}
	others := maps.Clone(question)
	others["Origin"] = "https://evil.example"
	for server, question := range map[*Server]map[string]string{open: others, New(with(func(*Config) {})): question} {
		if w := visitWith(t, server, "OPTIONS", "/v1/chat/completions", "", question); w.Header().Get("Access-Control-Allow-Origin") != "" || w.Code == 204 && len(server.door.keys) > 0 {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
	// An answer, too, is told apart by origin, and an error can be read.
	w = visitWith(t, open, "POST", "/v1/completions", "{", map[string]string{"Origin": "https://ui.example", "Authorization": "Bearer k"})
	if w.Code != 400 || w.Header().Get("Access-Control-Allow-Origin") != "https://ui.example" || !strings.Contains(w.Header().Get("Access-Control-Expose-Headers"), "X-Request-Id") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestGuardIsChecked(t *testing.T) {
	for want, guard := range map[string]Guard{
		"API key 2 of 2 is empty": {Keys: []string{"a", ""}}, "API key 1 of 1 is empty, or has blanks": {Keys: []string{"a b"}},
		`--allowed-host "*" needs an API key`: {Hosts: []string{"*"}}, `--cors "*" needs an API key`: {Origins: []string{"*"}},
		`--allowed-host "http://a"`: {Hosts: []string{"http://a"}}, `--allowed-host "a:80": want a name`: {Hosts: []string{"a:80"}},
		`invalid origin "ui.example"`: {Origins: []string{"ui.example"}}, `"https://a/": path`: {Origins: []string{"https://a/"}},
	} {
		if err := guard.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", guard, err, want)
		}
	}
}

// A body is refused for its length, be that told or not.
func TestBodiesAreBounded(t *testing.T) {
	_, url := serving(t, func(c *Config) { c.Guard.MaxBody = 1000 })
	long := `{"prompt":"` + strings.Repeat("a", 1000) + `"}`
	for _, body := range []io.Reader{strings.NewReader(long), io.MultiReader(strings.NewReader(long))} {
		r, err := http.Post(url+"/v1/completions", "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != 413 || !strings.Contains(string(text), `"code":"request_too_large"`) || !strings.Contains(string(text), "1000 bytes") {
			t.Errorf("%d %s, %v", r.StatusCode, text, err)
		}
	}
	_, larger := serving(t, func(c *Config) { c.Guard.MaxBody = 1 << 20 }) // a client that sends more than a socket holds before it listens
	c := dial(t, strings.TrimPrefix(larger, "http://"))
	if got := says(t, c, postHead+"Connection: close\r\nContent-Length: 8388608\r\n\r\n"+strings.Repeat(" ", 8<<20)); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("%q", got)
	}
	if r, text := post(t, url+"/v1/completions", tokenless+strings.Repeat(" ", 1000-len(tokenless))); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, text)
	}
}
