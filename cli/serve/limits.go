package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
)

// bounded bounds the time until all of a request's body is there. Behind its end net/http reads on without a
// deadline, to see whether the client goes away.
func (g *Guard) bounded(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 { // -1 where it is sent in chunks
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.BodyTime))
}

// body reads a request's body, which is JSON. What goes wrong with it is the client's doing.
func (s *Server) body(r *http.Request) (b []byte, err error) {
	most := s.door.MaxBody
	if r.ContentLength <= most {
		b, err = io.ReadAll(io.LimitReader(r.Body, most+1))
	}
	if max(r.ContentLength, int64(len(b))) > most {
		if r.Header.Get("Expect") == "" { // few clients listen before they have sent all, but to whoever asks first
			_, _ = io.CopyN(io.Discard, r.Body, 8*most)
		}
		return nil, &http.MaxBytesError{Limit: most}
	}
	switch {
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
		return b, err
	case r.Context().Err() != nil:
		return nil, context.Cause(r.Context())
	}
	return nil, &statusError{status: http.StatusBadRequest, kind: invalidRequest, code: "invalid_body",
		message: "the request's body does not arrive whole: " + err.Error()}
}

// writer counts a response's bytes, and gives the client time for each piece. The connection of one that
// takes none is ended. Between pieces there is no deadline, which an HTTP/2 stream would not outlive.
type writer struct {
	http.ResponseWriter
	connection *http.ResponseController
	time       time.Duration
	status     int // 0: nothing is written
	bytes      int64
}

func (g *Guard) writer(w http.ResponseWriter) *writer {
	return &writer{ResponseWriter: w, connection: http.NewResponseController(w), time: g.WriteTime}
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	if status == http.StatusUnauthorized { // whatever form the error has
		w.Header().Set("WWW-Authenticate", `Bearer realm="sealvk"`)
	}
	w.ResponseWriter.WriteHeader(status)
}

// pieceSize is the most bytes that a client is given WriteTime for.
const pieceSize = 64 << 10

func (w *writer) Write(b []byte) (n int, err error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	for piece := range slices.Chunk(b, pieceSize) {
		_ = w.connection.SetWriteDeadline(time.Now().Add(w.time))
		k, err := w.ResponseWriter.Write(piece)
		n, w.bytes = n+k, w.bytes+int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (w *writer) FlushError() error {
	_ = w.connection.SetWriteDeadline(time.Now().Add(w.time))
	err := w.connection.Flush()
	_ = w.connection.SetWriteDeadline(time.Time{})
	return err
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
