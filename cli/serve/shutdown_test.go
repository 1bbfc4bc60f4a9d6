package serve

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// endless is a request whose answer takes as long as the context is: without <eos>, behind which there would be no text.
const endless = `{"prompt":"Who are you?","logit_bias":{"1":-100},"stream":true,"temperature":0}`

// streamed begins a stream and gives what comes, from behind its first event on.
func streamed(t testing.TB, url, body string) *bufio.Reader {
	t.Helper()
	r, err := http.Post(url+"/v1/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	for events := bufio.NewReader(r.Body); ; {
		switch line, err := events.ReadString('\n'); {
		case err != nil:
			t.Fatalf("the stream begins with %q, %v", line, err)
		case strings.HasPrefix(line, "data: {"):
			return events
		}
	}
}

// held has the model rest until release is called.
func held(t testing.TB, s *Server) (release func()) {
	t.Helper()
	rests, released := make(chan struct{}), make(chan struct{})
	go func() {
		if err := s.Model.Loaded().BetweenSteps(func() error {
			close(rests)
			<-released
			return nil
		}); err != nil {
			t.Error(err)
		}
	}()
	<-rests
	release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	return release
}

// When the server stops, what has begun is finished; what waits and what comes is refused, and told so.
func TestStopsWithGrace(t *testing.T) {
	s := New(with(func(*Config) {}))
	address, stop := running(t, s, time.Hour)
	url := "http://" + address
	events := streamed(t, url, strings.Replace(endless, "{", `{"max_tokens":500,`, 1))
	release := held(t, s)
	waits := make(chan *http.Response, 1)
	go func() {
		r, err := http.Post(url+"/v1/completions", "application/json", strings.NewReader(tokenless))
		if err != nil {
			t.Error(err)
		}
		waits <- r
	}()
	eventually(t, "that a request waits", func() bool { _, waiting := s.admission.load(); return waiting == 1 })
	ended := make(chan error)
	go func() { ended <- stop() }()
	<-s.gate.open.Done()
	refused := func(r *http.Response, code string) {
		t.Helper()
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != 503 || !strings.Contains(string(text), code) {
			t.Errorf("%d %s, %v", r.StatusCode, text, err)
		}
	}
	r, err := http.Post(url+"/v1/completions", "application/json", strings.NewReader(tokenless))
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Get("Retry-After") == "" || !r.Close {
		t.Errorf("what comes is told %v", r.Header)
	}
	refused(r, `"code":"stopping"`)
	if r, err = http.Get(url + "/health"); err != nil {
		t.Fatal(err)
	}
	refused(r, `"status":"stopping"`)
	release()
	r = <-waits
	if r.Header.Get("Retry-After") == "" {
		t.Error("what waited is not told when to come again")
	}
	refused(r, `"code":"stopping"`)
	text, err := io.ReadAll(events)
	if err != nil || !strings.HasSuffix(string(text), "data: [DONE]\n\n") || strings.Count(string(text), "\ndata: {") < 400 {
		t.Errorf("the stream ends with %q, %v", string(text[max(0, len(text)-100):]), err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url + "/health"); err == nil {
		t.Error("it still listens")
	}
}

// What takes longer than the grace is cut off, and told so.
func TestGraceEnds(t *testing.T) {
	s := New(with(func(*Config) {}))
	address, stop := running(t, s, 0)
	events := streamed(t, "http://"+address, endless)
	whole := make(chan int, 1)
	go func() { // no stream
		r, err := http.Post("http://"+address+"/v1/completions", "application/json", strings.NewReader(strings.Replace(endless, `"stream":true`, `"stream":false`, 1)))
		if err != nil {
			t.Error(err)
			whole <- 0
			return
		}
		r.Body.Close()
		whole <- r.StatusCode
	}()
	eventually(t, "that both run", func() bool { running, _ := s.admission.load(); return running == 2 })
	var cut *CutOffError
	if err := stop(); !errors.As(err, &cut) || cut.Requests != 2 {
		t.Errorf("%v", err)
	}
	text, err := io.ReadAll(events)
	if err != nil || strings.Contains(string(text), "[DONE]") || !strings.Contains(string(text), `"code":"stopping"`) {
		t.Errorf("the stream ends with %q, %v", string(text[max(0, len(text)-300):]), err)
	}
	if status := <-whole; status != 503 {
		t.Errorf("the other: %d", status)
	}
	eventually(t, "that the model has nothing to do", func() bool { running, waiting := s.admission.load(); return running+waiting == 0 })
}
