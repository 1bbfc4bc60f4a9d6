package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"sealvk/cli/openai"
	"sealvk/cli/resident"
	"sealvk/engine"
	"sealvk/prompt"
	"sealvk/prompt/grammar"
	"sealvk/tokenize"
	"sealvk/vk"
	"sealvk/vk/vktest"
	"sealvk/weights"
)

var device *vk.Device

// nano is the model of all tests: 8 answers together, each as if it were alone.
var nano = sync.OnceValue(func() *Config {
	file, err := weights.Open("../nano/seallm-nano-Q4_K_M.gguf")
	if err != nil {
		panic(err)
	}
	pieces := make([]tokenize.Piece, len(file.Vocab.Pieces))
	for i, p := range file.Vocab.Pieces {
		pieces[i] = tokenize.Piece{Text: p.Text, Score: p.Score, Kind: tokenize.Kind(p.Kind)}
	}
	tok, err := tokenize.New(tokenize.Vocab{Pieces: pieces, BOS: file.Vocab.BOS, EOS: file.Vocab.EOS, UNK: file.Vocab.UNK})
	if err != nil {
		panic(err)
	}
	model := resident.Keep(func(ctx context.Context) (*engine.Model, func() error, error) {
		m, err := engine.Load(ctx, device, file, engine.Options{Sequences: 8, Numerics: engine.NumericsInvariant}, nil)
		if err != nil {
			return nil, nil, err
		}
		return m, m.Close, nil
	}, resident.Options{})
	if err := model.Wait(context.Background()); err != nil {
		panic(err)
	}
	return &Config{
		Model: model, File: file, Aliases: []string{"nano", "org/nano"}, Queue: 100, Version: "v1",
		Job: openai.Job{
			Tokenizer: tok, Template: prompt.SeaLLM, Stops: file.Stops,
			Vocabulary: sync.OnceValue(func() *grammar.Vocabulary { return grammar.NewVocabulary(tok) }),
		},
	}
})

func TestMain(m *testing.M) {
	os.Exit(vktest.Main(m, &device, func() {
		if err := nano().Model.Close(); err != nil {
			panic(err)
		}
	}))
}

// serving is a server of the tests' model, changed as it says, and where it listens.
func serving(t testing.TB, change ...func(*Config)) (*Server, string) {
	t.Helper()
	c := *nano()
	for _, f := range change {
		f(&c)
	}
	s := New(c)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, h.URL
}

// post sends a body and gives the response with all of its own.
func post(t testing.TB, url, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(b)
}

// read is JSON as T.
func read[T any](t testing.TB, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// answers is a whole result.
func answers[T any](t testing.TB, url, body string) T {
	t.Helper()
	r, text := post(t, url, body)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %s", body, r.StatusCode, text)
	}
	return read[T](t, text)
}

// chunksOf are the data of a stream that ends as it should.
func chunksOf(t testing.TB, url, body string) (all []string) {
	t.Helper()
	r, text := post(t, url, body)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("%s: %d %s", body, r.StatusCode, text)
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, math.MaxInt32)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok || !lines.Scan() || lines.Text() != "" {
			t.Fatalf("%s: the stream has the line %q:\n%s", body, lines.Text(), text)
		}
		all = append(all, string(data))
	}
	if len(all) == 0 || all[len(all)-1] != "[DONE]" {
		t.Fatalf("%s: the stream does not end:\n%s", body, text)
	}
	return all[:len(all)-1]
}

// eventually waits for something that happens without a sign.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what + " did not happen")
		}
	}
}

// inside is how many requests to the model run or wait.
func (s *Server) inside() int {
	running, waiting := s.admission.load()
	return running + waiting
}
