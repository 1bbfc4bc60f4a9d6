package engine

import (
	"context"
	"fmt"

	"sealvk/shaders"
)

// building is the pipelines of batches, which a GPU's driver compiles while the first answers are
// computed. Who asks for one before waits for it.
type building struct {
	stop context.CancelFunc
	done chan struct{} // closed once all are built, or one is not
	err  error         // of the first that cannot be built, or of stop
}

// buildLater builds pipelines behind the back of the model's goroutine, and keeps them and those that Load built.
func (m *Model) buildLater(pipelines []*shaders.Pipeline) {
	ctx, stop := context.WithCancel(context.Background())
	b := &building{stop: stop, done: make(chan struct{})}
	m.building = b
	go func() {
		defer close(b.done)
		if err := m.kernels.Build(ctx, pipelines, nil); err != nil {
			b.err = fmt.Errorf("engine: %w", err)
		}
		_ = m.dev.SavePipelineCache() // its error comes again when the device is closed
	}()
}

// end waits for what the driver compiles already, and has it compile no more.
func (b *building) end() {
	if b == nil {
		return // Load did not come so far
	}
	b.stop()
	<-b.done
}

// failed tells whether a pipeline of batches could not be built.
func (b *building) failed() bool {
	if b == nil {
		return false // nothing is built later
	}
	select {
	case <-b.done:
		return b.err != nil
	default:
		return false
	}
}

// Complete waits until all kernels are built, for who measures: Load leaves those of batches to the
// background on GPUs. The error is ctx's, or that of one that cannot be built, which comes again when it is asked for.
func (m *Model) Complete(ctx context.Context) error {
	select {
	case <-m.building.done:
		return m.building.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
