//go:build !race

package serve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// client is OpenAI's own, of a server. (It takes long to compile: not under the race detector.)
func client(url string, options ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{option.WithBaseURL(url + "/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0)}, options...)...)
}

func question(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: "nano", Temperature: openai.Float(0), Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
	}
}

// OpenAI's client chats, streams with usage and log-probabilities, stops and reads errors.
func TestClient(t *testing.T) {
	_, url := serving(t)
	c := client(url)
	const want = "The capital of Thailand is Bangkok."
	q := question("What is the capital of Thailand?")
	whole, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil || whole.Choices[0].Message.Content != want || whole.Choices[0].FinishReason != "stop" || whole.Usage.TotalTokens != 39 {
		t.Errorf("%v: %s", err, whole.RawJSON())
	}
	q.Stop = openai.ChatCompletionNewParamsStopUnion{OfString: openai.String(" is")}
	if stopped, err := c.Chat.Completions.New(t.Context(), q); err != nil || stopped.Choices[0].Message.Content != "The capital of Thailand" {
		t.Errorf("%v: %s", err, stopped.RawJSON())
	}
	q = question("What is the capital of Thailand?")
	q.Logprobs, q.TopLogprobs = openai.Bool(true), openai.Int(2)
	q.StreamOptions.IncludeUsage = openai.Bool(true)
	stream, all, tokens := c.Chat.Completions.NewStreaming(t.Context(), q), openai.ChatCompletionAccumulator{}, 0
	for stream.Next() {
		chunk := stream.Current()
		if !all.AddChunk(chunk) {
			t.Fatalf("a chunk does not fit: %s", chunk.RawJSON())
		}
		if len(chunk.Choices) > 0 {
			for _, l := range chunk.Choices[0].Logprobs.Content {
				tokens++
				if len(l.TopLogprobs) != 2 || l.TopLogprobs[0].Logprob != l.Logprob {
					t.Errorf("%s", chunk.RawJSON())
				}
			}
		}
	}
	if err := stream.Err(); err != nil || all.Choices[0].Message.Content != want || all.Choices[0].FinishReason != "stop" || all.Usage.CompletionTokens != 13 || tokens != 13 {
		t.Errorf("%v, %d tokens: %+v", err, tokens, all.ChatCompletion)
	}
	models, err := c.Models.List(t.Context())
	if err != nil || len(models.Data) != 2 || models.Data[0].ID != "nano" {
		t.Errorf("%v: %+v", err, models)
	}
	q = question(strings.Repeat("many words ", 900))
	_, err = c.Chat.Completions.New(t.Context(), q)
	var refused *openai.Error
	if !errors.As(err, &refused) || refused.StatusCode != 400 || refused.Code != "context_length_exceeded" || refused.Param != "messages" {
		t.Errorf("%v", err)
	}
	stream = c.Chat.Completions.NewStreaming(t.Context(), q)
	if stream.Next() || !errors.As(stream.Err(), &refused) || refused.StatusCode != 400 {
		t.Errorf("%v", stream.Err())
	}
}

// While nothing comes a stream has comments, which the client reads over.
func TestComments(t *testing.T) {
	s, url := serving(t)
	s.keepAlive = 2 * time.Millisecond
	commented := make(chan struct{})
	c := client(url, option.WithHTTPClient(&http.Client{Transport: watching{commented}}))
	ready, held := make(chan struct{}), make(chan error)
	go func() {
		held <- s.Model.Loaded().BetweenSteps(func() error {
			close(ready)
			<-commented
			return nil
		})
	}()
	<-ready
	stream, text := c.Chat.Completions.NewStreaming(t.Context(), question("What is the capital of Thailand?")), ""
	for stream.Next() {
		text += stream.Current().Choices[0].Delta.Content
	}
	if err := stream.Err(); err != nil || text != "The capital of Thailand is Bangkok." {
		t.Errorf("%v: %q", err, text)
	}
	if err := <-held; err != nil {
		t.Error(err)
	}
}

// watching closes seen once a response's body has begun with a comment.
type watching struct{ seen chan struct{} }

func (w watching) RoundTrip(q *http.Request) (*http.Response, error) {
	r, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	begin := make([]byte, 2)
	if _, err := io.ReadFull(r.Body, begin); err == nil && string(begin) == ": " {
		close(w.seen)
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(begin), r.Body), r.Body}
	return r, nil
}

// What fails in mid-stream is an error of the client's stream.
func TestAnErrorInMidStream(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	s := New(*nano())
	h := httptest.NewUnstartedServer(s)
	h.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	h.Start()
	defer h.Close()
	q := question("Hello")
	q.Temperature = openai.Float(1)
	c := client(h.URL)
	stream, n := c.Chat.Completions.NewStreaming(t.Context(), q, option.WithJSONSet("ignore_eos", true)), 0
	for ; stream.Next(); n++ {
		if n == 3 {
			stop(&statusError{status: 503, kind: serverError, code: "stopping", message: "the server stops"})
		}
	}
	if err := stream.Err(); err == nil || !strings.Contains(err.Error(), "the server stops") || n < 4 {
		t.Errorf("%v behind %d chunks", err, n)
	}
	if s.inside() != 0 {
		t.Errorf("%d are inside", s.inside())
	}
}
