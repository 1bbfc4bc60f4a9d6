package resident

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sealvk/vk"
)

// Lost reports whether an answer or a load failed for what is wrong with the device, not with the request or the
// file: it is gone, it does not end what it was given, or it has no memory left for what it had room for. Opened
// again it may work.
func Lost(err error) bool {
	return errors.Is(err, vk.ErrDeviceLost) || errors.Is(err, vk.ErrTimeout) || errors.Is(err, vk.ErrOutOfMemory)
}

const (
	most   = 3                // losses are so many that opening the device again is given up
	within = 10 * time.Minute // of each other

	pause = 5 * time.Second // behind a load that failed: a driver that resets a device needs seconds
)

// Losses are the times at which a device was lost. The zero value has none.
type Losses struct{ times []time.Time }

// Again notes a loss, or that opening the device again failed, behind which it waits for the driver. A nil error says
// to open it again; else it is ctx's, or what ended it all: the third time within ten minutes, with err behind it.
func (l *Losses) Again(ctx context.Context, err error, opened bool) error {
	now := time.Now()
	l.times = slices.DeleteFunc(append(l.times, now), func(t time.Time) bool { return now.Sub(t) >= within })
	if len(l.times) >= most {
		return fmt.Errorf("the device was lost, and after %d times within ten minutes it is not opened again: %w", most, err)
	}
	if !opened {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
