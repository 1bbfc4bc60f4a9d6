package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// running lets a server listen until the test ends, or stop is called, which gives what Run gives.
func running(t testing.TB, s *Server, grace time.Duration) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, grace) }()
	var result error
	over := false
	stop = func() error {
		if cancel(); !over {
			over = true
			select {
			case result = <-ended:
			case <-time.After(time.Minute):
				t.Error("the server does not end")
			}
		}
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return l.Addr().String(), stop
}

// dial opens a connection that is given up after a minute.
func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

// says sends a text and gives all that comes until the other side closes.
func says(t testing.TB, c net.Conn, text string) string {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	if _, err := io.Copy(&all, c); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("%.40q: the connection stays open behind %q", text, all.String())
	}
	return all.String()
}

const postHead = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

// Whoever is slow, or sends more than is wanted, loses the connection, with a word where that is possible.
func TestSlowAndGreedyClients(t *testing.T) {
	s := New(with(func(c *Config) {
		c.Guard = Guard{HeadTime: 300 * time.Millisecond, BodyTime: 300 * time.Millisecond, IdleTime: 300 * time.Millisecond, MaxBody: 1000}
	}))
	address, _ := running(t, s, 0)
	health := "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for _, c := range []struct{ name, sent, want string }{
		{"says nothing", "", ""},
		{"a head that does not end", "GET /health HTTP/1.1\r\nHost: localhost\r\nX: ", ""},
		{"a huge head", "GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("a", 80<<10) + "\r\n\r\n", "HTTP/1.1 431 "},
		{"a body that does not end", postHead + "Content-Length: 100\r\n\r\n{", "HTTP/1.1 408 "},
		{"a body in chunks that does not end", postHead + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "HTTP/1.1 408 "},
		{"a body that is refused and does not end", strings.Replace(postHead, "application/json", "text/plain", 1) + "Content-Length: 100\r\n\r\n{", "HTTP/1.1 415 "},
		{"a body that is too long", postHead + "Content-Length: 1001\r\n\r\n" + strings.Repeat(" ", 1001), "HTTP/1.1 413 "},
		{"chunks that are too long", postHead + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + strings.Repeat(" ", 1001) + "\r\n", "HTTP/1.1 413 "},
		{"a length that is too long, of which nothing comes", postHead + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 413 "},
		{"chunks that are none", postHead + "Transfer-Encoding: chunked\r\n\r\nno\r\n", "HTTP/1.1 400 "},
		{"two lengths", postHead + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 400 "},
		{"a length and chunks", postHead + "Content-Length: 40\r\nTransfer-Encoding: gzip\r\n\r\n{}", "HTTP/1.1 501 "},
		{"no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "HTTP/1.1 400 "},
		{"rests between requests", health, "HTTP/1.1 200 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := says(t, dial(t, address), c.sent); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("%.200q, want %q", got, c.want)
			}
		})
	}
}

// The answer of a slow model has no deadline, once its request is there.
func TestAnswersMayTakeLonger(t *testing.T) {
	s := New(with(func(c *Config) { c.Guard = Guard{BodyTime: 300 * time.Millisecond, WriteTime: 300 * time.Millisecond} }))
	s.handler = s.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		for i := range 2 {
			select {
			case <-r.Context().Done():
				panic("the request ends")
			case <-time.After(time.Duration(i) * 400 * time.Millisecond): // longer than both
			}
			fmt.Fprintln(w, "a piece")
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
		}
	}))
	address, _ := running(t, s, 0)
	if r, text := post(t, "http://"+address+"/", "{}"); r.StatusCode != 200 || text != "a piece\na piece\n" {
		t.Errorf("%d %q", r.StatusCode, text)
	}
}

// A client that takes nothing holds a handler no longer than WriteTime, and one that sends no more is still there.
func TestReadersThatStop(t *testing.T) {
	s := New(with(func(c *Config) { c.Guard = Guard{WriteTime: 200 * time.Millisecond} }))
	failed := make(chan error, 1)
	s.handler = s.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for piece := make([]byte, 1<<16); ; {
			if _, err := w.Write(piece); err != nil {
				failed <- err
				return
			}
		}
	}))
	address, _ := running(t, s, 0)
	if _, err := io.WriteString(dial(t, address), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		if !strings.Contains(err.Error(), "timeout") {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the handler still writes")
	}
}

// deadlines is a response that notes how many bytes each of its deadlines was for.
type deadlines struct {
	http.ResponseWriter
	bytes []int
}

func (d *deadlines) SetWriteDeadline(time.Time) error {
	d.bytes = append(d.bytes, 0)
	return nil
}

func (d *deadlines) Write(b []byte) (int, error) {
	d.bytes[len(d.bytes)-1] += len(b)
	return len(b), nil
}

// A large answer takes a slow client longer than WriteTime, which is for a piece of it.
func TestLargeAnswersGoInPieces(t *testing.T) {
	d := &deadlines{}
	w := (&Guard{WriteTime: time.Minute}).writer(d)
	if n, err := w.Write(make([]byte, 3*pieceSize+1)); n != 3*pieceSize+1 || err != nil || w.bytes != int64(n) {
		t.Errorf("%d bytes of %d, %v", n, w.bytes, err)
	}
	if want := []int{pieceSize, pieceSize, pieceSize, 1}; !slices.Equal(d.bytes, want) {
		t.Errorf("%d, want %d", d.bytes, want)
	}
}

// A client that goes away within its body is no failure of the server's.
func TestCutBodies(t *testing.T) {
	s := New(with(func(*Config) {}))
	address, _ := running(t, s, 0)
	c := dial(t, address)
	fmt.Fprint(c, postHead+"Content-Length: 100\r\n\r\n{")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 499 ") {
		t.Errorf("%q, %v", got, err)
	}
}

// A client that sends no more reads no more: its answer's place is free again.
func TestHalfClosedClients(t *testing.T) {
	s := New(with(func(*Config) {}))
	address, _ := running(t, s, time.Hour)
	c := dial(t, address)
	fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", postHead, len(endless), endless)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that the answer ends", func() bool { running, waiting := s.admission.load(); return running+waiting == 0 })
}

// At the bound of connections the one that has rested longest gives way, and none that is in use.
func TestConnectionsAreBounded(t *testing.T) {
	s := New(with(func(c *Config) { c.Guard = Guard{Connections: 2} }))
	release := make(chan struct{})
	s.handler = s.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			<-release
		}
		fmt.Fprint(w, "done")
	}))
	address, _ := running(t, s, 0)
	ask := func(c net.Conn, path string) { fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path) }
	answered := func(c net.Conn) string {
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err.Error()
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		return fmt.Sprint(string(b), err)
	}
	const fine = "done<nil>"
	held, rests := dial(t, address), dial(t, address)
	ask(held, "/held")
	ask(rests, "/")
	if got := answered(rests); got != fine {
		t.Errorf("the second of two: %s", got)
	}
	third := dial(t, address) // waits until the one that rests is closed for it
	ask(third, "/")
	if got := answered(third); got != fine {
		t.Errorf("the third of two: %s", got)
	}
	if n, err := rests.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("the one that rested: %d bytes, %v", n, err)
	}
	fourth := dial(t, address)
	ask(fourth, "/held")
	ask(held, "/")
	fifth := dial(t, address) // finds nobody at rest
	ask(fifth, "/")
	close(release)
	for name, c := range map[string]net.Conn{"held": held, "fourth": fourth, "fifth": fifth} {
		if got := answered(c); got != fine {
			t.Errorf("%s: %s", name, got)
		}
	}
}
