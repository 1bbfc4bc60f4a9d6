package serve

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// admission bounds the requests to the model that wait.
type admission struct {
	mu      sync.Mutex
	inside  int           // that run or wait
	running int           // of those, whose prompts have begun to be computed
	mean    time.Duration // of the latest answers, from when they were asked for
}

// enter lets n requests in beside at most so many others, or refuses them all. What is more than all places
// comes in while nobody else is there. sequences is how many the model computes together.
func (a *admission) enter(n, sequences, queue int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inside > 0 && a.inside+n > sequences+queue {
		// An answer's time has the others' in it: all that are inside end within about two of them.
		after := min(max(a.mean, time.Second), time.Minute)
		return &statusError{
			status: http.StatusTooManyRequests, kind: "requests", code: "rate_limit_exceeded", after: after,
			message: fmt.Sprintf("the server is busy: answers that are being computed or wait: %d, of at most %d; try again later", a.inside, sequences+queue),
		}
	}
	a.inside += n
	return nil
}

// start notes that one of those that wait runs.
func (a *admission) start() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running++
}

// leave ends the stay of n requests, of which so many ran, and which took so long; 0: they got no answer.
func (a *admission) leave(n, ran int, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inside -= n
	a.running -= ran
	switch {
	case took == 0:
	case a.mean == 0:
		a.mean = took
	default:
		a.mean += (took - a.mean) / 8
	}
}

// load is how many requests to the model run and wait.
func (a *admission) load() (running, waiting int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.running, a.inside - a.running
}
