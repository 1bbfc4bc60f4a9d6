package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// transient is an error that another try may mend.
type transient struct {
	error
	after time.Duration // what the server asks to wait, 0 if it does not say
}

func (t transient) Unwrap() error { return t.error }

// retry calls op until it gives no error or one that is not transient. Only tries that
// brought nothing in a row count: a download that crawls on through a bad line ends.
func (h *Hub) retry(ctx context.Context, what string, op func() (progress bool, err error)) error {
	wait := h.config.Backoff
	for try := 1; ; try++ {
		progress, err := op()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var t transient
		if err == nil || !errors.As(err, &t) {
			return err
		}
		if progress {
			try, wait = 1, h.config.Backoff
		}
		if try >= h.config.Tries {
			return fmt.Errorf("%w; gave up after %d tries, pull again to go on", err, try)
		}
		if t.after > h.config.MaxBackoff {
			return fmt.Errorf("%w; the server asks to wait %v: pull again then", err, t.after.Round(time.Second))
		}
		pause := max(t.after, wait/2+rand.N(wait/2+1))
		h.notices.atMostEvery(10*time.Second, func() {
			h.config.Notice(fmt.Sprintf("%s: %v; trying again", what, err))
		})
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		wait = min(2*wait, h.config.MaxBackoff)
	}
}

// sleep waits, or gives ctx's cause.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// throttle keeps many connections from telling the same at once.
type throttle struct {
	mu   sync.Mutex
	last time.Time
}

func (t *throttle) atMostEvery(d time.Duration, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.Sub(t.last) >= d {
		t.last = now
		f()
	}
}
