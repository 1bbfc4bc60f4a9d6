package serve

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sealvk/cli/resident"
	"sealvk/engine"
	"sealvk/vk"
)

// loading is a model whose next load ends as it is told.
func loading(t *testing.T, idle time.Duration) (model *resident.Model, next chan<- error) {
	t.Helper()
	ends := make(chan error)
	model = resident.Keep(func(ctx context.Context) (*engine.Model, func() error, error) {
		select {
		case err := <-ends:
			if err != nil {
				return nil, nil, err
			}
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
		m, err := engine.Load(ctx, device, nano().File, engine.Options{Numerics: engine.NumericsInvariant}, nil)
		if err != nil {
			return nil, nil, err
		}
		return m, m.Close, nil
	}, resident.Options{IdleUnload: idle})
	t.Cleanup(func() { _ = model.Close() })
	return model, ends
}

// What a model's state means to who asks for the server's.
func TestHealth(t *testing.T) {
	of := func(m *resident.Model) *Server { return New(with(func(c *Config) { c.Model = m })) }
	is := func(s *Server, status int, want condition) bool {
		t.Helper()
		w := visitWith(t, s, "GET", "/health", "", nil)
		got := read[condition](t, w.Body.String())
		return w.Code == status && got.Status == want.Status && strings.Contains(got.Reason, want.Reason) && (want.Reason == "") == (got.Reason == "")
	}
	wants := func(s *Server, status int, want condition) {
		t.Helper()
		eventually(t, want.Status+" "+want.Reason, func() bool { return is(s, status, want) })
	}
	wants(New(with(func(*Config) {})), 200, condition{Status: "ok"})

	model, next := loading(t, 0)
	s := of(model)
	wants(s, 503, condition{Status: "loading"})
	if w := visitWith(t, s, "POST", "/v1/completions", tokenless, nil); w.Code != 503 || refusal(t, w) != "model_not_ready" || w.Header().Get("Retry-After") == "" {
		t.Errorf("while it loads: %d %v %s", w.Code, w.Header(), w.Body)
	}
	next <- errors.New("the file is gone")
	wants(s, 503, condition{"failed", "the file is gone"})
	s.gate.close()
	wants(s, 503, condition{"stopping", "stopping"})

	model, next = loading(t, 0)
	next <- vk.ErrDeviceLost
	wants(of(model), 503, condition{"lost", "the device was lost"})

	model, next = loading(t, time.Millisecond)
	s = of(model)
	next <- nil
	wants(s, 200, condition{"idle", "nobody asked"})
	answered := make(chan int, 1)
	go func() { answered <- visitWith(t, s, "POST", "/v1/completions", tokenless, nil).Code }()
	wants(s, 200, condition{"idle", "a request came"})
	next <- errors.New("no memory is left")
	if code := <-answered; code != 503 {
		t.Errorf("what woke it got %d", code)
	}
	wants(s, 200, condition{"idle", "no memory is left"})

	go func() { answered <- visitWith(t, s, "POST", "/api/generate", `{"model":"nano"}`, nil).Code }()
	wants(s, 200, condition{"idle", "a request came"})
	s.gate.close() // what waits for the model alone is not waited for
	select {
	case code := <-answered:
		if code != 503 {
			t.Errorf("a load while the server stops: %d", code)
		}
	case <-time.After(time.Minute):
		t.Error("the server loads a model in order to stop")
	}
}
