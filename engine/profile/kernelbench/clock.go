package kernelbench

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"sealvk/shaders/roofline"
	"sealvk/vk"
)

// A GPU's clock falls while it idles, so that what is timed behind the host's work may take
// several times as long as in the middle of a step (H100: 1.5 to 4 times, docs/performance.md).
const (
	// fillerTime is about how long one filling of the queue lasts: longer than what the host does
	// between two runs, and far below the 100 ms after which a desktop stutters.
	fillerTime = 2 * time.Millisecond
	// A device is warm after warmTime of work, or later, when the control chain is back within
	// warmShare of its best; after warmMost it is as warm as it gets.
	warmTime, warmMost = 100 * time.Millisecond, time.Second
	warmShare          = 0.02
)

// controlRounds are rounds of eight multiply-adds that follow each other (chains.glsl): some ten µs on
// a GPU. A CPU device's threads take that long to wake up; there it is half a ms, and no more than
// llvmpipe's loops may have iterations (LP_MAX_TGSI_LOOP_ITERATIONS). Both are prime, so that the
// chains do not end where they began.
const controlRounds, controlRoundsCPU = 2039, 49999

const (
	fillerLanes, fillerGroups = 64, 2048 // as many invocations as a large GPU holds
	fillerRounds              = 16       // to begin with
)

// clock watches the clock of a device, and keeps that of a GPU up. A CPU device has no filler,
// which would take the cores of what is timed.
type clock struct {
	w       *Workbench
	made    []interface{ Free() }
	control *vk.Commands // a chain of multiply-adds, whose work never changes
	best    float64      // the control chain's least time so far, in µs

	ahead, behind *vk.Commands // filler in front of a run, and while the host looks at it; nil on a CPU device
	filling       vk.Ticket    // the last submission of behind
}

func newClock(w *Workbench) (_ *clock, err error) {
	k := &clock{w: w}
	defer func() {
		if err != nil {
			k.free()
		}
	}()
	caps := w.d.Caps()
	gpu, lanes, control := caps.Type != vk.CPU, caps.Subgroup.Size, controlRoundsCPU
	if gpu {
		lanes, control = fillerLanes, controlRounds
	}
	most := min(caps.Limits.MaxComputeWorkGroupInvocations, caps.Limits.MaxComputeWorkGroupSize[0])
	lanes = min(lanes, most)
	p, err := k.pipeline(lanes)
	if err != nil {
		return nil, err
	}
	groups := 1
	if gpu {
		groups = min(fillerGroups, caps.Limits.MaxComputeWorkGroupCount[0])
	}
	out, err := w.d.NewBuffer("clock", int64(4*lanes*groups), vk.DeviceLocal)
	if err != nil {
		return nil, err
	}
	k.made = append(k.made, out)
	if k.control, err = k.chains("control", p, out, lanes, 1, control); err != nil || !gpu {
		return k, err
	}
	rounds := fillerRounds
	for k.ahead == nil {
		c, err := k.chains("filler", p, out, lanes, groups, rounds)
		if err != nil {
			return nil, err
		}
		if err := w.wait(c); err != nil {
			return nil, err
		}
		took, err := w.took(c)
		switch {
		case err != nil:
			return nil, err
		case took >= fillerTime/2 || rounds > 1<<20:
			k.ahead = c
		default:
			rounds = rounds*min(16, max(2, int(fillerTime/max(1, took)))) | 1
		}
	}
	k.behind, err = k.chains("filler", p, out, lanes, groups, rounds)
	return k, err
}

func (k *clock) pipeline(lanes int) (*vk.Pipeline, error) {
	kernel := roofline.FMAF32
	code, err := kernel.SPIRV()
	if err != nil {
		return nil, err
	}
	p, err := k.w.d.NewPipeline(vk.PipelineInfo{
		Name: "clock", SPIRV: code, Bindings: len(kernel.Access), PushSize: kernel.PushSize, Constants: []uint32{uint32(lanes), 1},
	})
	if err == nil {
		k.made = append(k.made, p)
	}
	return p, err
}

// chains records a dispatch of multiply-adds.
func (k *clock) chains(name string, p *vk.Pipeline, out *vk.Buffer, lanes, groups, rounds int) (*vk.Commands, error) {
	c, err := k.w.d.NewCommands(name)
	if err != nil {
		return nil, err
	}
	k.made = append(k.made, c)
	if err := c.Trace(vk.TraceCommands); err != nil {
		return nil, err
	}
	push := struct { // of chains.glsl
		rounds     uint32
		a, b, seed float32
	}{uint32(rounds), 1, -1, 0}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&push)), unsafe.Sizeof(push))
	c.Dispatch(name, p, bytes, roofline.FMAF32.Bind(out.Range(0, int64(4*lanes*groups))), groups, 1, 1)
	return c, c.End()
}

// run submits commands behind filler, and the control chain behind both; when it returns, the
// queue of a GPU has something to do still. It gives the time of the control chain, in µs.
func (k *clock) run(before, timed *vk.Commands) (control float64, err error) {
	var list []*vk.Commands
	for _, c := range []*vk.Commands{before, k.ahead, timed, k.control} {
		if c != nil {
			list = append(list, c)
		}
	}
	ticket, err := k.w.d.Submit(list...)
	if err != nil {
		return 0, err
	}
	if err = k.idle(); err == nil && k.behind != nil {
		k.filling, err = k.w.d.Submit(k.behind)
	}
	if err := errors.Join(err, k.w.waitFor(ticket)); err != nil {
		return 0, err
	}
	took, err := k.w.took(k.control)
	if err != nil {
		return 0, err
	}
	control = microseconds(took)
	if k.best == 0 || control < k.best {
		k.best = control
	}
	return control, nil
}

// warm keeps a GPU busy until its clock is up.
func (k *clock) warm(ctx context.Context) error {
	if k.ahead == nil {
		return nil
	}
	for begun := time.Now(); ; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		control, err := k.run(nil, nil)
		if err != nil {
			return err
		}
		if took := time.Since(begun); took > warmMost || took > warmTime && control <= (1+warmShare)*k.best {
			return nil
		}
	}
}

// idle waits for the filler behind the last run, which came before all that was submitted since.
func (k *clock) idle() error { return k.w.waitFor(k.filling) }

func (k *clock) free() {
	_ = k.idle() // of a device that hangs nothing is freed
	if k.w.hung {
		return
	}
	for i := len(k.made) - 1; i >= 0; i-- {
		k.made[i].Free()
	}
}

// moved is by which share of its best the control chain took longer, so that 0.05 is 5 %.
func moved(control, best float64) float64 {
	if control <= best || best <= 0 {
		return 0
	}
	return control/best - 1
}

// ClockText says how the clock moved, "" if it did so by at most 5 % beside every result.
func (r *Report) ClockText() string {
	const most = 0.05
	rows, worst := 0, 0.0
	for _, x := range r.Results {
		if x.ControlMoved > most {
			rows++
		}
		worst = max(worst, x.ControlMoved)
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("the clock moved: beside %d of %d results a chain of always the same work took up to %.0f %% longer than at its best (other work on the device looks the same)",
		rows, len(r.Results), 100*worst)
}
