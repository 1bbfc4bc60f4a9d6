package selfcheck

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"sealvk/shaders"
	"sealvk/shaders/cases"
	"sealvk/vk"
)

// Verdict is what a device can be trusted with.
type Verdict struct {
	Tuning shaders.Tuning // without the ways that are wrong
	Wrong  []Result       // those
}

// patience is how long the device may take over cases that keep it busy for a millisecond.
const patience = time.Minute

// mutex is held by who checks a device or looks at what is known: two at once would measure the
// same, and one take the other for having crashed.
var mutex sync.Mutex

// Check gives a tuning without the ways that the device computes wrongly. What it does not know yet
// it checks, which takes the time of compiling some kernels. The error is that of a device that was
// lost or hangs over a check, which from then on counts as wrong, that of ctx, or one for which
// nobody can blame the way, such as vk.ErrOutOfMemory.
func Check(ctx context.Context, d *vk.Device, t shaders.Tuning) (Verdict, error) {
	mutex.Lock()
	defer mutex.Unlock()
	return check(ctx, d, t)
}

// Again forgets what is known of the device and checks all ways that it can go, whether they are
// used by default or not.
func Again(ctx context.Context, d *vk.Device) (Verdict, error) {
	mutex.Lock()
	defer mutex.Unlock()
	if err := storeOf(d.CacheDir(), d.Caps()).forget(); err != nil {
		return Verdict{}, fmt.Errorf("selfcheck: %w", err)
	}
	return check(ctx, d, everything(d.Caps()))
}

func check(ctx context.Context, d *vk.Device, t shaders.Tuning) (Verdict, error) {
	v, s := Verdict{Tuning: t}, storeOf(d.CacheDir(), d.Caps())
	for i := range ways {
		w := &ways[i]
		if !w.uses(&v.Tuning) {
			continue
		}
		set := w.proof(&v.Tuning)
		if !possible(d.Caps(), set) {
			continue
		}
		result, err := s.result(ctx, w.Name, hash(set), func() error { return run(ctx, d, set) })
		if result.State == Wrong {
			v.Wrong = append(v.Wrong, result)
			w.without(&v.Tuning, d.Caps())
		}
		if err != nil {
			return v, fmt.Errorf("selfcheck: %s: %w", w.Name, err)
		}
	}
	return v, nil
}

// FindMatrices is [shaders.FindMatrices], with the result of asking where that is not right: a driver
// over whose answer the program ended is not asked again, and has matrices by shared memory.
func FindMatrices(ctx context.Context, d *vk.Device) (m shaders.MatrixTuning, r Result, err error) {
	if !shaders.HasLanes(d.Caps()) {
		m, err = shaders.FindMatrices(d)
		return m, r, err
	}
	mutex.Lock()
	defer mutex.Unlock()
	var found bool
	find := func() (err error) {
		m, err = shaders.FindMatrices(d)
		found = err == nil
		return err
	}
	r, err = storeOf(d.CacheDir(), d.Caps()).result(ctx, lanes, "places", find)
	switch {
	case err != nil:
		return m, r, fmt.Errorf("selfcheck: %s: %w", lanes, err)
	case r.State == Wrong:
		return shaders.SharedMatrices(d.Caps()), r, nil
	case !found: // it is known to be safe
		err = find()
	}
	return m, r, err
}

// possible tells whether cases can be run at all. Sizes of workgroups that someone asked for may be such
// that a model can be run by them, and these cases can't.
func possible(c *vk.Caps, set []*cases.Case) bool {
	for _, one := range set {
		if one.Check(c) != nil {
			return false
		}
	}
	return true
}

// hash is that of a way's cases.
func hash(set []*cases.Case) string {
	h := sha256.New()
	for _, c := range set {
		fmt.Fprintf(h, "%+v\n", *c)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// result looks up what is known of a way, or checks it. The record says so meanwhile: where the driver
// takes the process with it, the next one finds that.
func (s *store) result(ctx context.Context, way, id string, do func() error) (Result, error) {
	r := s.read()
	if known := r.find(way, id); known != nil && known.State != Checking {
		return *known, nil
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	r = s.read()
	result := Result{Way: way, State: Checking, Fresh: true}
	switch known := r.find(way, id); {
	case known == nil:
		r.set(result, id)
		s.write(r)
		err = result.judge(do())
	case known.State == Checking:
		result.State, result.Why = Wrong, "the program ended while it was checked"
	default:
		return *known, nil // another process was faster
	}
	r.set(result, id)
	s.write(r)
	return result, err
}

// errCompile: the driver refuses a kernel. errRoom: the device has no memory for the cases, as one
// that only compiles; whether a model fits is for the plan to say.
var (
	errCompile = errors.New("it does not compile")
	errRoom    = errors.New("there is no room for it")
)

// judge says what came of a way's cases, and returns what ends the check of the others too.
func (r *Result) judge(err error) error {
	switch {
	case err == nil:
		r.State = Right
		return nil
	case errors.Is(err, errRoom):
		r.State = Unchecked
		return nil
	case errors.Is(err, vk.ErrDeviceLost):
		r.State, r.Why = Wrong, "the device was lost while it was checked"
		return fmt.Errorf("%w; it is not used any more: start again", err)
	case errors.Is(err, vk.ErrTimeout):
		r.State, r.Why = Wrong, "the device hung while it was checked"
		return fmt.Errorf("the device hangs: %w; it is not used any more: start again", err)
	case errors.Is(err, vk.ErrOutOfMemory) || !errors.Is(err, cases.ErrWrong) && !errors.Is(err, errCompile):
		r.State = Unchecked
		return err
	}
	r.State, r.Why = Wrong, err.Error()
	return nil
}

// run runs a way's cases, all in one submission, and compares what they wrote with the reference.
func run(ctx context.Context, d *vk.Device, set []*cases.Case) (err error) {
	s, err := shaders.New(d, shaders.Config{Tuning: set[0].Variant.Tuning})
	if err != nil {
		return err
	}
	var benches []*cases.Bench
	var commands *vk.Commands
	defer func() {
		if errors.Is(err, vk.ErrTimeout) {
			return // the device still uses all of it
		}
		if commands != nil {
			commands.Free()
		}
		for _, b := range benches {
			b.Free()
		}
		s.Free()
	}()
	for _, c := range set {
		b, err := cases.Plan(d, c)
		if err != nil {
			return err
		}
		if b.Fits(0) != nil {
			return errRoom
		}
		benches = append(benches, b)
		if err := b.Make(); err != nil {
			return err
		}
	}
	record := func(c *vk.Commands) {
		for _, b := range benches {
			b.Record(s, c)
		}
	}
	if err := s.Build(ctx, s.Missing(record), nil); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%w: %w", errCompile, err)
	}
	if commands, err = d.NewCommands("selfcheck"); err != nil {
		return err
	}
	record(commands)
	if err := commands.End(); err != nil {
		return err
	}
	ticket, err := d.Submit(commands)
	if err != nil {
		return err
	}
	if err := wait(d, ticket, patience); err != nil {
		return err
	}
	for _, b := range benches {
		if _, err := b.Check(); err != nil {
			return fmt.Errorf("%s: %w", b.Kernel, err)
		}
	}
	return nil
}

// wait is Device.Wait, but for tests of what happens when the device is lost.
var wait = (*vk.Device).Wait
