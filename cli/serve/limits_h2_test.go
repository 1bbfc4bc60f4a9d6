package serve

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"
)

// The same over HTTP/2, where a stream's deadline alone does not end a write that the whole connection waits for: of a
// client that gives the stream no room, and of one that gives it all, and then takes nothing from the connection.
func TestReadersThatStopOverHTTP2(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certify(t, cert, key, 1)
	config, err := TLS(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	const (
		preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
		settings = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04" // SETTINGS_INITIAL_WINDOW_SIZE is
		none     = "\x00\x00\x00\x00"
		most     = "\x7f\xff\xff\xff"
		update   = "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\x00\x00\x00"                   // and as much for all streams
		request  = "\x00\x00\x0e\x01\x05\x00\x00\x00\x01\x82\x84\x87\x41\x09" + "localhost" // GET https://localhost/
	)
	for name, sent := range map[string]string{
		"no room in the stream": preface + settings + none + request,
		"nothing is read":       preface + settings + most + update + request,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New(with(func(c *Config) { c.Guard = Guard{WriteTime: 200 * time.Millisecond, TLS: config} }))
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
			d := tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Minute}, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
			c, err := d.DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, sent); err != nil {
				t.Fatal(err)
			}
			select {
			case <-failed:
			case <-time.After(10 * time.Second):
				t.Error("the handler still writes")
			}
		})
	}
}
