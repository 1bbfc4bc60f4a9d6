package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sealvk/cli/openai"
)

var (
	loadClients = flag.Int("load.clients", 16, "`N` clients of TestLoad")
	loadTime    = flag.Duration("load.time", 0, "how `LONG` TestLoad's clients ask; 0: six requests each")
)

// Clients that ask, listen, leave, listen slowly or send garbage, all at once, get right answers or are refused as they
// should be, and leave nothing behind.
func TestLoad(t *testing.T) {
	s := New(with(func(c *Config) { c.Queue = *loadClients / 2 }))
	address, stop := running(t, s, time.Minute)
	l := newLoad(t, "http://"+address)
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	var clients sync.WaitGroup
	begun := time.Now()
	for i := range *loadClients {
		clients.Go(func() {
			rng := rand.New(rand.NewPCG(16, uint64(i)))
			for n := 0; *loadTime == 0 && n < 6 || time.Since(begun) < *loadTime; n++ {
				l.visit(rng)
			}
		})
	}
	clients.Wait()
	l.client.CloseIdleConnections()
	eventually(t, "that all places are free", func() bool { return s.inside() == 0 })
	eventually(t, "that nobody holds a page", func() bool { return s.Model.Loaded().Pages().Used == 0 })
	// Those of the listener are there; what serves a connection that the client has closed ends soon.
	eventually(t, "that no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "that no descriptor is left", func() bool { return descriptors(t) <= files })
	if err := stop(); err != nil {
		t.Error(err)
	}
	slices.Sort(l.firsts)
	if len(l.firsts) == 0 || l.right == 0 || l.left == 0 || l.garbage == 0 {
		t.Fatalf("%d streams, %d whole answers, %d left, %d pieces of garbage: each should be there", len(l.firsts), l.right, l.left, l.garbage)
	}
	t.Logf("%d clients, %v: %d right answers, %d left in their middle, %d times refused for a full queue, %d pieces of garbage; time to first token: median %v, p99 %v",
		*loadClients, time.Since(begun).Round(time.Second), l.right, l.left, l.refused, l.garbage,
		l.firsts[len(l.firsts)/2].Round(time.Millisecond), l.firsts[len(l.firsts)*99/100].Round(time.Millisecond))
}

// load is what clients ask, and what has come of it.
type load struct {
	t      *testing.T
	url    string
	client *http.Client
	bodies []string // without their last brace
	wants  []string // the answers that a lone client gets

	mu                            sync.Mutex
	firsts                        []time.Duration // of streams, from the request to the first piece of text
	right, left, refused, garbage int
}

// newLoad asks for every answer once, alone.
func newLoad(t *testing.T, url string) *load {
	l := &load{t: t, url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	for i, text := range []string{"What is the capital of Thailand?", "Who are you?", "12 + 30 =", "Xin chào", "สวัสดี", "Terima kasih"} {
		l.bodies = append(l.bodies,
			fmt.Sprintf(`{"messages":[{"role":"user","content":%q}],"temperature":0,"max_tokens":%d`, text, 12+4*i),
			fmt.Sprintf(`{"messages":[{"role":"system","content":"Be brief. Answer in the language of the question."},{"role":"user","content":%q}],"temperature":1,"seed":%d,"max_tokens":%d`, text, i, 24-2*i))
	}
	l.bodies = append(l.bodies, `{"messages":[{"role":"user","content":"JSON"}],"temperature":1,"seed":3,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"a":{"enum":["b","c"]},"d":{"type":"boolean"}},"required":["a","d"]}}}`)
	for _, body := range l.bodies {
		l.wants = append(l.wants, answers[openai.ChatBody](t, url+"/v1/chat/completions", body+"}").Choices[0].Message.Content)
	}
	l.client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	return l
}

// visit is one request of one kind.
func (l *load) visit(rng *rand.Rand) {
	which := rng.IntN(len(l.bodies))
	switch rng.IntN(6) {
	case 0:
		l.whole(which)
	case 1, 2:
		l.stream(which, -1)
	case 3:
		l.stream(which, rng.IntN(600))
	case 4:
		l.slow(which, rng)
	default:
		l.nonsense(rng)
	}
}

func (l *load) post(ctx context.Context, body string) *http.Response {
	r, err := http.NewRequestWithContext(ctx, "POST", l.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return nil
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := l.client.Do(r)
	if err != nil {
		l.t.Error(err)
		return nil
	}
	if response.StatusCode == 429 && response.Header.Get("Retry-After") != "" {
		response.Body.Close()
		l.count(&l.refused)
		return nil
	}
	if response.StatusCode != 200 {
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		l.t.Errorf("%s: %d %s", body, response.StatusCode, text)
		return nil
	}
	return response
}

func (l *load) count(what *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*what++
}

func (l *load) is(which int, got string) {
	if l.count(&l.right); got != l.wants[which] {
		l.t.Errorf("%s}: %q, alone %q", l.bodies[which], got, l.wants[which])
	}
}

// whole asks for an answer in one piece.
func (l *load) whole(which int) {
	r := l.post(l.t.Context(), l.bodies[which]+"}")
	if r == nil {
		return
	}
	defer r.Body.Close()
	var b openai.ChatBody
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		l.t.Error(err)
		return
	}
	l.is(which, b.Choices[0].Message.Content)
}

// stream asks for a stream, and leaves it behind so many bytes; negative: it listens to the end.
func (l *load) stream(which, bytes int) {
	ctx, leave := context.WithCancel(l.t.Context())
	defer leave()
	asked := time.Now()
	r := l.post(ctx, l.bodies[which]+`,"stream":true}`)
	if r == nil {
		return
	}
	defer r.Body.Close()
	if bytes >= 0 {
		_, err := io.ReadFull(r.Body, make([]byte, bytes))
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // it was shorter
			l.t.Error(err)
		}
		l.count(&l.left)
		return
	}
	text, first, err := said(r.Body)
	if err != nil {
		l.t.Error(err)
		return
	}
	if text != "" {
		l.mu.Lock()
		l.firsts = append(l.firsts, first.Sub(asked))
		l.mu.Unlock()
	}
	l.is(which, text)
}

// slow reads a stream in small pieces from a connection with little room, or leaves it in front of the end.
func (l *load) slow(which int, rng *rand.Rand) {
	c, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		l.t.Error(err)
		return
	}
	defer c.Close()
	_ = c.(*net.TCPConn).SetReadBuffer(1 << 10) // as small as the system has it
	body := l.bodies[which] + `,"stream":true,"logprobs":true,"top_logprobs":20}`
	fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	var got bytes.Buffer
	piece, most := make([]byte, 1+rng.IntN(1<<10)), 1<<30
	if rng.IntN(2) == 0 {
		most = rng.IntN(20 << 10)
	}
	for got.Len() < most {
		n, err := c.Read(piece)
		got.Write(piece[:n])
		if err == io.EOF {
			if text := got.String(); !strings.Contains(text, "data: [DONE]") && !strings.HasPrefix(text, "HTTP/1.1 429 ") {
				l.t.Errorf("a slow reader got %q", text)
			}
			return
		}
		if err != nil {
			l.t.Error(err)
			return
		}
		runtime.Gosched()
	}
	l.count(&l.left)
}

// nonsense sends what is no request, all of which is refused.
func (l *load) nonsense(rng *rand.Rand) {
	body := make([]byte, rng.IntN(5000))
	for i := range body {
		body[i] = byte(rng.Uint32())
	}
	text := l.bodies[rng.IntN(len(l.bodies))]
	path, kind := "/v1/chat/completions", "application/json"
	switch rng.IntN(6) {
	case 0:
		body = []byte(text[:rng.IntN(len(text))])
	case 1:
		body = []byte(text + `,"temperature":"hot"}`)
	case 2:
		body = []byte(strings.Repeat("[", 20000))
	case 3:
		path, body = "/nothing", []byte("{}")
	case 4:
		kind, body = "text/plain", []byte(text+"}")
	}
	r, err := l.client.Post(l.url+path, kind, bytes.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode < 400 || r.StatusCode > 499 || !strings.Contains(string(answer), `"error"`) {
		l.t.Errorf("%s %q: %d %s %v", path, body, r.StatusCode, answer, err)
	}
	l.count(&l.garbage)
}

// said is the text of a chat's stream, and when its first piece came.
func said(stream io.Reader) (text string, first time.Time, err error) {
	all, rest := strings.Builder{}, []byte(nil)
	piece := make([]byte, 4096)
	for {
		n, readErr := stream.Read(piece)
		rest = append(rest, piece[:n]...)
		for {
			line, behind, ok := bytes.Cut(rest, []byte("\n"))
			if !ok {
				break
			}
			rest = behind
			data, ok := bytes.CutPrefix(line, []byte("data: "))
			if !ok {
				continue
			}
			if string(data) == "[DONE]" {
				return all.String(), first, nil
			}
			var chunk struct {
				Choices []struct{ Delta struct{ Content string } }
				Error   *openai.Error
			}
			if err := json.Unmarshal(data, &chunk); err != nil || chunk.Error != nil {
				return "", first, fmt.Errorf("a stream has %s: %v", data, err)
			}
			if len(chunk.Choices) > 0 && chunk.Choices[0].Delta.Content != "" {
				if all.WriteString(chunk.Choices[0].Delta.Content); first.IsZero() {
					first = time.Now()
				}
			}
		}
		if readErr != nil {
			return "", first, fmt.Errorf("a stream ends early: %w", readErr)
		}
	}
}

// descriptors is how many files and sockets the process has open.
func descriptors(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, os.ErrNotExist) {
		return 0 // a system without it
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
