//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// What serve cannot do ends it before anything is loaded, and names what to do.
func TestServeRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	dir := t.TempDir()
	socket, empty := filepath.Join(dir, "socket"), filepath.Join(dir, "empty")
	listening, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	if err := os.WriteFile(empty, []byte("\n \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--port", port}, "--port " + port + " is in use: another program listens on it (ss -ltnp 'sport = :" + port + "' names it); choose another, or 0"},
		{[]string{"--host", "0.0.0.0"}, "--host 0.0.0.0 is reached from other machines: want a key, by --api-key-file, SEALVK_API_KEY or --api-key; or let everybody ask with --insecure-no-key"},
		{[]string{"--host", "::"}, "--host :: is reached from other machines"},
		{[]string{"--host", "203.0.113.1", "--insecure-no-key"}, "--host 203.0.113.1 is no address of this machine"},
		{[]string{"--host", "no-such-host.invalid"}, "--host no-such-host.invalid is no address, and no name of one"},
		{[]string{"--host", ""}, "--host is empty"},
		{[]string{"--host", "unix:"}, "--host unix: has no path"},
		{[]string{"--host", "unix:" + socket}, "--host unix:" + socket + " is in use"},
		{[]string{"--host", "unix:" + dir + "/none/socket"}, "none/socket"},
		{[]string{"--api-key", ""}, "API key 1 of 1 is empty"},
		{[]string{"--api-key-file", empty}, "--api-key-file: " + empty + " has no key: want one a line"},
		{[]string{"--api-key-file", dir + "/none"}, "--api-key-file: " + dir + "/none: no such file or directory"},
		{[]string{"--tls-cert", empty}, "--tls-cert and --tls-key: want both or none"},
		{[]string{"--tls-cert", empty, "--tls-key", empty}, "--tls-cert, --tls-key: serve: certificate " + empty + " with key " + empty},
		{[]string{"--cors", "*"}, `--cors "*" needs an API key`},
		{[]string{"--allowed-host", "*"}, `--allowed-host "*" needs an API key`},
		{[]string{"--grace", "soon"}, "flag --grace: want a time such as 30s"},
		{[]string{"--log", "xml"}, "want text or json or none"},
	} {
		o := sealvk("", append([]string{"serve"}, c.args...)...)
		if said := strings.TrimPrefix(o.stderr, "sealvk: "+nanoNotice+"\n"); o.code != 1 || !strings.HasPrefix(said, "sealvk: ") || !strings.Contains(said, c.want) || strings.Count(said, "\n") != 1 {
			t.Errorf("%q: exit code %d, %q, want %q", c.args, o.code, o.stderr, c.want)
		}
	}
}

func TestServeListens(t *testing.T) {
	stale := filepath.Join(t.TempDir(), "socket")
	left, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	for _, c := range []struct {
		host  string
		tls   bool
		want  string // %d is the port
		keyed bool
	}{
		{"127.0.0.1", false, "listening on http://127.0.0.1:%d (chat page), OpenAI's API at http://127.0.0.1:%[1]d/v1", false},
		{"localhost", true, "listening on https://127.0.0.1:%d (chat page), OpenAI's API at https://127.0.0.1:%[1]d/v1", false},
		{"0.0.0.0", false, "listening on http://localhost:%d (chat page) and all addresses of this machine, OpenAI's API at http://localhost:%[1]d/v1", true},
		{"unix:" + stale, false, "listening on unix:" + stale + ", OpenAI's API below /v1", false},
	} {
		g := newGuardFlags()
		g.host, g.port.value = c.host, 0
		l, err := g.listen(c.keyed)
		if err != nil {
			t.Errorf("%s: %v", c.host, err)
			continue
		}
		want := c.want
		if at, ok := l.Addr().(*net.TCPAddr); ok {
			want = fmt.Sprintf(want, at.Port)
		}
		if got := whereItListens(l, c.tls); got != want {
			t.Errorf("%s: %q, want %q", c.host, got, want)
		}
		l.Close()
	}
}

// whileServing is standard error of a server, which calls do once it listens at an address.
type whileServing struct {
	mu   sync.Mutex
	text bytes.Buffer
	once sync.Once
	do   func(url string)
}

var listensAt = regexp.MustCompile(`listening on (https?://\S+)`)

func (w *whileServing) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(b)
	if at := listensAt.FindSubmatch(w.text.Bytes()); at != nil {
		w.once.Do(func() { go w.do(string(at[1])) })
	}
	return n, err
}

// A signal ends the server, which is what it should do then. A port is picked, and the line says which; keys come from
// everywhere; the log has the form that is wanted.
func TestServeEndsWithASignal(t *testing.T) {
	guard := make(chan os.Signal, 8) // the test must survive a signal that comes late
	signal.Notify(guard, syscall.SIGTERM)
	defer signal.Stop(guard)
	t.Setenv("SEALVK_API_KEY", "environment")
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("\uFEFFtwo\r\n\n one \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []string
	stderr := &whileServing{do: func(url string) {
		for _, key := range []string{"environment", "two", "three"} {
			r, err := http.NewRequest("GET", url+"/v1/models", nil)
			if err != nil {
				t.Error(err)
				break
			}
			r.Header.Set("Authorization", "Bearer "+key)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				break
			}
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			told = append(told, fmt.Sprint(key, response.StatusCode))
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}}
	code := run([]string{"serve", "--port", "0", "--api-key-file", keys, "--log", "json"}, strings.NewReader(""), io.Discard, stderr)
	text := stderr.text.String()
	if code != 0 || fmt.Sprint(told) != "[environment200 two200 three401]" || strings.Count(text, `"msg":"request"`) != 3 || strings.Contains(text, "127.0.0.1:0") {
		t.Errorf("exit code %d, %v, standard error:\n%s", code, told, text)
	}
}
