package resident

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sealvk/engine"
	"sealvk/vk"
)

// heard are the statuses that a Model told of, as text without times.
type heard struct{ all []string }

func (h *heard) changed(s Status) {
	h.all = append(h.all, fmt.Sprintf("%v (%d lost): %s", s.State, s.Losses, s.Reason))
}

func (h *heard) want(t *testing.T, parts ...string) {
	t.Helper()
	ok := len(h.all) == len(parts)
	for i := range min(len(h.all), len(parts)) {
		ok = ok && strings.Contains(h.all[i], parts[i])
	}
	if !ok {
		t.Errorf("told %q, want %q", h.all, parts)
	}
}

// opens gives one result after the other, a second after it is asked; nil is a model that does nothing, which nobody may submit to.
func opens(closed *int, errs ...error) func(context.Context) (*engine.Model, func() error, error) {
	return func(context.Context) (*engine.Model, func() error, error) {
		time.Sleep(time.Second)
		err := errs[0]
		if errs = errs[1:]; err != nil {
			return nil, nil, err
		}
		return &engine.Model{}, func() error { *closed++; return nil }, nil
	}
}

func ended(m *Model) bool {
	select {
	case <-m.Failed():
		return true
	default:
		return false
	}
}

var errBroken = errors.New("the file\nis broken")

// What fails at the first load fails for good, at once.
func TestTheFirstLoadFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h heard
		m := Keep(opens(nil, fmt.Errorf("engine: %w", errBroken)), Options{Changed: h.changed})
		err := m.Wait(t.Context())
		if !errors.Is(err, ErrNotReady) || !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "failed: engine: the file; is broken") {
			t.Error(err)
		}
		<-m.Failed()
		if err := m.Submit(t.Context(), engine.Request{}); !errors.Is(err, ErrNotReady) || !errors.Is(err, errBroken) {
			t.Error(err)
		}
		h.want(t, "failed (0 lost): engine: the file; is broken")
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Submit(t.Context(), engine.Request{}); !errors.Is(err, engine.ErrClosed) {
			t.Error(err)
		}
	})
}

// A device that is lost while the model loads, or does not come back behind a loss, is opened again after a while; the
// third time within ten minutes it is not.
func TestLostWhileLoading(t *testing.T) {
	gone := fmt.Errorf("engine: %w", vk.ErrDeviceLost)
	synctest.Test(t, func(t *testing.T) {
		var h heard
		begun, closed := time.Now(), 0
		m := Keep(opens(&closed, gone, errBroken, nil), Options{Changed: h.changed})
		if err := m.Submit(t.Context(), engine.Request{}); !errors.Is(err, ErrNotReady) {
			t.Error(err)
		}
		if err := m.Wait(t.Context()); err != nil || time.Since(begun) != 2*pause+3*time.Second || ended(m) || m.Loaded() == nil {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if err := m.Close(); err != nil || closed != 1 {
			t.Errorf("%v, closed %d times", err, closed)
		}
		h.want(t, "loading (1 lost): the device was lost, and does not come back yet: engine: device lost", "loading (1 lost): ", "ready (1 lost): ")
	})
	synctest.Test(t, func(t *testing.T) {
		var h heard
		m := Keep(opens(nil, gone, errBroken, errBroken), Options{Changed: h.changed})
		if err := m.Wait(t.Context()); !errors.Is(err, errBroken) || !ended(m) {
			t.Error(err)
		}
		m.Close()
		h.want(t, "loading", "loading", "loading", "failed (1 lost): the device was lost, and after 3 times within ten minutes it is not opened again: ")
	})
}

// Losses that are ten minutes apart are not counted together.
func TestLossesFarApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Losses
		for i := range 10 {
			if err := l.Again(t.Context(), errBroken, true); err != nil {
				t.Fatalf("the loss %d: %v", i, err)
			}
			time.Sleep(within / 2)
		}
		if err := l.Again(t.Context(), errBroken, true); err != nil {
			t.Error(err)
		}
		time.Sleep(within/2 - 1)
		if err := l.Again(t.Context(), errBroken, true); !errors.Is(err, errBroken) {
			t.Errorf("the third within ten minutes: %v", err)
		}
	})
}

// Nobody asks, and the model is given back; who asks gets it again, or hears why not, and the next may ask again.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h heard
		closed := 0
		m := Keep(opens(&closed, nil, errBroken, nil), Options{IdleUnload: time.Minute, Changed: h.changed})
		if err := m.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if closed > 0 || m.Loaded() == nil {
			t.Error("unloaded too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if closed != 1 || m.Loaded() != nil || m.Status().State != Unloaded {
			t.Errorf("not unloaded: %+v", m.Status())
		}
		both := make(chan error, 2)
		for range 2 {
			go func() { both <- m.Submit(t.Context(), engine.Request{}) }()
		}
		for range 2 {
			if err := <-both; !errors.Is(err, ErrNotReady) || !errors.Is(err, errBroken) {
				t.Errorf("a load that fails: %v", err)
			}
		}
		if ended(m) || m.Status().State != Unloaded {
			t.Errorf("%+v", m.Status())
		}
		if err := m.Submit(t.Context(), engine.Request{}); err != nil { // which never ends
			t.Error(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if closed != 1 || m.Loaded() == nil {
			t.Error("unloaded under a request")
		}
		m.Close()
		h.want(t, "ready", "unloaded (0 lost): nobody asked for anything for 1m0s", "loading (0 lost): a request came", "unloaded (0 lost): the file; is broken",
			"loading", "ready")
	})
}

// A request that waits for an unloaded model ends with its context, and all of them with the model.
func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		m := Keep(func(ctx context.Context) (*engine.Model, func() error, error) {
			if first {
				first = false
				return &engine.Model{}, func() error { return nil }, nil
			}
			<-ctx.Done() // a load that takes long
			return nil, nil, ctx.Err()
		}, Options{IdleUnload: time.Second})
		time.Sleep(2 * time.Second)
		gone := errors.New("the client is gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		one, other := make(chan error, 1), make(chan error, 1)
		go func() { one <- m.Submit(ctx, engine.Request{}) }()
		go func() { other <- m.Submit(t.Context(), engine.Request{}) }()
		synctest.Wait()
		cancel(gone)
		if err := <-one; !errors.Is(err, gone) {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if err := <-other; !errors.Is(err, engine.ErrClosed) {
			t.Error(err)
		}
		if err := m.Wait(t.Context()); !errors.Is(err, engine.ErrClosed) {
			t.Error(err)
		}
	})
}

// A device that hangs ends one request; those that the close of its model ends hear of the same.
func TestAllHearOfTheLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := 0
		m := Keep(opens(&closed, nil, nil), Options{})
		if err := m.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := m.enter(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		hangs := fmt.Errorf("engine: %w", vk.ErrTimeout)
		if err := m.leave(s, 1, hangs); err != hangs {
			t.Error(err)
		}
		synctest.Wait()
		if err := m.leave(s, 1, engine.ErrClosed); err != hangs || closed != 1 {
			t.Errorf("%v, closed %d times", err, closed)
		}
		if err := m.Wait(t.Context()); err != nil || m.Status().Losses != 1 {
			t.Errorf("%v, %+v", err, m.Status())
		}
		m.Close()
	})
}
