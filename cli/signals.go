package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// stoppedError ends a command that a signal stopped; it prints nothing.
type stoppedError struct{ signal os.Signal }

func (e stoppedError) Error() string { return fmt.Sprintf("stopped by %v", e.signal) }

// code is what a shell reports for a process that the signal ended.
func (e stoppedError) code() int {
	if s, ok := e.signal.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 1
}

// stopSignals are Ctrl-C and a polite kill.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// stoppable returns a context that the first stop signal ends, with a
// stoppedError as its cause; after it the signals have their usual effect
// again, so that a second one ends the process whatever it does.
// release must be called.
func stoppable() (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopSignals...)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(stoppedError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// stopCause returns the stoppedError that ended ctx, if a signal did, else err.
func stopCause(ctx context.Context, err error) error {
	var stopped stoppedError
	if errors.As(context.Cause(ctx), &stopped) {
		return stopped
	}
	return err
}
