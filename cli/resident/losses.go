package resident

import (
	"errors"
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
)

// Losses are the times at which a device was lost. The zero value has none.
type Losses struct{ times []time.Time }

// Add notes a loss and reports whether it is the third within ten minutes, behind which the device is not
// opened again.
func (l *Losses) Add(now time.Time) (enough bool) {
	l.times = append(l.times, now)
	l.times = slices.DeleteFunc(l.times, func(t time.Time) bool { return now.Sub(t) >= within })
	return len(l.times) >= most
}
