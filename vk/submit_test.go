package vk

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Submitting again and waiting makes no other Vulkan call and allocates nothing.
func TestSubmitOnlySubmits(t *testing.T) {
	d := openTest(t)
	p := newStep(t, d, 0)
	defer p.Free()
	a, b := newBuffer(t, d, "a", 256, DeviceLocal), newBuffer(t, d, "b", 256, DeviceLocal)
	defer a.Free()
	defer b.Free()
	write(t, d, a.All(), make([]byte, 256))
	var cs [2]*Commands
	for i := range cs {
		cs[i] = newCommands(t, d, "step")
		defer cs[i].Free()
		cs[i].Dispatch("step", p, words(64, 1, 1), []Binding{{a.All(), ReadOnly}, {b.All(), WriteOnly}}, 1, 1, 1)
		run(t, d, cs[i])
	}
	before := d.Counters()
	const rounds = 20
	step := func() {
		ticket, err := d.Submit(cs[0], cs[1])
		if err != nil {
			t.Error(err)
			return
		}
		if err := d.Wait(ticket, testTimeout); err != nil {
			t.Error(err)
		}
		if done, err := d.Done(ticket); !done || err != nil {
			t.Errorf("waited, but done is %v, %v", done, err)
		}
	}
	if n := testing.AllocsPerRun(rounds, step); n != 0 {
		t.Errorf("%v allocations for each submission", n)
	}
	after := d.Counters()
	want := before
	want.Submit += rounds + 1 // AllocsPerRun runs once more
	want.Wait += rounds + 1
	if after != want { // Done after Wait knows without asking
		t.Errorf("counters went from %+v to %+v", before, after)
	}
}

func TestSubmitErrors(t *testing.T) {
	d, other := openTest(t), openTest(t)
	c, unfinished, foreign := newCommands(t, d, "c"), newCommands(t, d, "unfinished"), newCommands(t, other, "foreign")
	defer c.Free()
	defer unfinished.Free()
	defer foreign.Free()
	if err := errors.Join(c.End(), foreign.End()); err != nil {
		t.Fatal(err)
	}
	for want, cs := range map[string][]*Commands{
		"nothing": {}, "twice": {c, c}, "not ended": {c, unfinished}, "another device": {c, foreign},
	} {
		if ticket, err := d.Submit(cs...); err == nil || !strings.Contains(err.Error(), want) || ticket != 0 {
			t.Errorf("%s: ticket %d, %v", want, ticket, err)
		}
	}
	submit(t, d, c) // the failures above did not mark it as executing
	if n := d.Counters().Submit; n != 1 {
		t.Errorf("%d submissions", n)
	}
}

// slow records work that takes the device a good while, 40 rounds some seconds.
func slow(t *testing.T, d *Device, rounds int) (c *Commands, free func()) {
	t.Helper()
	const n = 1 << 22
	p := newStep(t, d, 0)
	a, b := newBuffer(t, d, "a", 4*n, DeviceLocal), newBuffer(t, d, "b", 4*n, DeviceLocal)
	write(t, d, a.All(), make([]byte, 4*n))
	c = newCommands(t, d, "slow")
	for range rounds {
		c.Dispatch("there", p, words(n, 3, 1), []Binding{{a.All(), ReadOnly}, {b.All(), WriteOnly}}, n/stepGroup/4, 1, 1)
		c.Dispatch("back", p, words(n, 3, 1), []Binding{{b.All(), ReadOnly}, {a.All(), WriteOnly}}, n/stepGroup/4, 1, 1)
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	return c, func() { c.Free(); a.Free(); b.Free(); p.Free() }
}

func TestWaitTimesOut(t *testing.T) {
	d := openTest(t)
	c, free := slow(t, d, 40)
	defer free()
	ticket, err := d.Submit(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ticket, 0); !errors.Is(err, ErrTimeout) {
		t.Errorf("at once: %v, want ErrTimeout", err)
	}
	if done, err := d.Done(ticket); done || err != nil {
		t.Errorf("at once: done %v, %v", done, err)
	}
	if _, err := d.Submit(c); err == nil || !strings.Contains(err.Error(), "still executing") {
		t.Errorf("submitted while executing: %v", err)
	}
	if err := c.Reset(); err == nil {
		t.Error("reset while executing: no error")
	}
	if err := d.Wait(ticket, testTimeout); err != nil {
		t.Error(err)
	}
	if done, err := d.Done(ticket); !done || err != nil {
		t.Errorf("after waiting: done %v, %v", done, err)
	}
	if err := d.Wait(ticket+1, 10*time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("a ticket of the future: %v, want ErrTimeout", err)
	}
}

func TestSubmitFromManyGoroutines(t *testing.T) {
	d := openTest(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p := newStep(t, d, 1)
			defer p.Free()
			a := newBuffer(t, d, "a", 256, DeviceLocal)
			defer a.Free()
			b := newBuffer(t, d, "b", 256, DeviceLocal)
			defer b.Free()
			c := newCommands(t, d, "step")
			defer c.Free()
			c.Dispatch("there", p, words(64, 1, 0), []Binding{{a.All(), ReadOnly}, {b.All(), WriteOnly}}, 1, 1, 1)
			c.Dispatch("back", p, words(64, 1, 0), []Binding{{b.All(), ReadOnly}, {a.All(), WriteOnly}}, 1, 1, 1)
			write(t, d, a.All(), make([]byte, 256))
			if err := c.End(); err != nil {
				t.Error(err)
				return
			}
			const rounds = 20
			for range rounds {
				submit(t, d, c)
			}
			if v := readWords(t, d, a.All()); v[0] != 2*rounds || v[63] != 2*rounds {
				t.Errorf("got %d and %d, want %d", v[0], v[63], 2*rounds)
			}
		})
	}
	wg.Wait()
}

func TestDeviceLostIsSticky(t *testing.T) {
	d := openTest(t)
	c := newCommands(t, d, "c")
	defer c.Free()
	b := newBuffer(t, d, "b", 16, DeviceLocal)
	defer b.Free()
	run(t, d, c)
	reached := d.time.last()
	if err := d.check("vkQueueSubmit", vulkan.ErrorDeviceLost); !errors.Is(err, ErrDeviceLost) {
		t.Fatal(err)
	}
	_, submitErr := d.Submit(c)
	_, doneErr := d.Done(reached + 1)
	_, bufferErr := d.NewBuffer("b", 16, DeviceLocal)
	_, commandsErr := d.NewCommands("c")
	_, pipelineErr := d.NewPipeline(PipelineInfo{})
	_, uploaderErr := d.NewUploader(64, 1)
	for name, err := range map[string]error{
		"Submit": submitErr, "Done": doneErr, "NewBuffer": bufferErr, "NewCommands": commandsErr, "NewPipeline": pipelineErr,
		"NewUploader": uploaderErr, "Wait": d.Wait(reached+1, time.Second), "Write": d.Write(b.All(), make([]byte, 16)),
		"Read": d.Read(make([]byte, 16), b.All()), "Reset": c.Reset(),
	} {
		if !errors.Is(err, ErrDeviceLost) {
			t.Errorf("%s: %v, want ErrDeviceLost", name, err)
		}
	}
	if done, err := d.Done(reached); !done || err != nil {
		t.Errorf("what was reached before: %v, %v", done, err)
	}
}

// A lost device may show it by its semaphore alone: the greatest value says nothing of what is
// complete.
func TestSemaphoreOfALostDevice(t *testing.T) {
	d := openTest(t)
	var a arena
	defer a.free()
	kind := slice[uint64](&a, 4) // VkSemaphoreTypeCreateInfo of a timeline and its first value
	kind[0], kind[2], kind[3] = 1000207002, 1, math.MaxUint64
	info := vulkan.SemaphoreCreateInfo{SType: vulkan.StructureTypeSemaphoreCreateInfo, PNext: unsafe.Pointer(unsafe.SliceData(kind))}
	defer info.Free()
	var lost vulkan.Semaphore
	if r := vulkan.CreateSemaphore(d.handle, &info, nil, &lost); r != vulkan.Success {
		t.Fatal(resultError("vkCreateSemaphore", r))
	}
	whole := d.time.semaphore
	d.time.semaphore = lost
	defer func() {
		d.time.semaphore = whole
		vulkan.DestroySemaphore(d.handle, lost, nil)
	}()
	for range 2 {
		if done, err := d.Done(1); done || !errors.Is(err, ErrDeviceLost) {
			t.Errorf("done %v, %v, want ErrDeviceLost", done, err)
		}
	}
	if _, err := d.NewBuffer("b", 16, DeviceLocal); !errors.Is(err, ErrDeviceLost) {
		t.Errorf("afterwards: %v, want ErrDeviceLost", err)
	}
}

func TestTimestamps(t *testing.T) {
	d := openTest(t)
	c := newCommands(t, d, "copies")
	defer c.Free()
	a := newBuffer(t, d, "a", 64<<20, DeviceLocal)
	defer a.Free()
	if err := c.Trace(TraceSections); err != nil {
		t.Fatal(err)
	}
	c.Section("copies")
	for range 4 { // that take time
		c.Copy(a.Range(0, 32<<20), a.Range(32<<20, 32<<20))
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		start := time.Now()
		submit(t, d, c)
		took := time.Since(start)
		spans, err := c.Spans()
		if err != nil {
			t.Fatal(err)
		}
		if device := d.Between(spans[0].Begin, spans[0].End); device <= 0 || device > took {
			t.Errorf("%v by the device's clock, all took %v", device, took)
		}
	}
	cal, err := d.Calibrate()
	if has := d.Caps().Features.CalibratedTimestamps; has != (err == nil) {
		t.Errorf("calibrated timestamps: feature %v, error %v", has, err)
	} else if has && (cal.Device == 0 || cal.Host <= 0) {
		t.Errorf("%+v", cal)
	}
}
