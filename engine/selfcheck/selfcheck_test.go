package selfcheck

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/vk/vktest"
)

var device *vk.Device

// crash names the folder of a process that ends in a check.
const crash = "SEALVK_SELFCHECK_CRASH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crash); dir != "" {
		d, _, err := openDriver(dir, vk.Config{}, func(string, []byte) []byte { os.Exit(crashed); return nil })
		if err == nil {
			_, err = Check(context.Background(), d, exampleOnly(d.Caps()))
		}
		panic(err)
	}
	os.Exit(vktest.Main(m, &device))
}

const crashed = 3

// example is a way that all devices have but those of MoltenVK.
const example = "attention in one dispatch"

// inRegisters is a way that devices without its matrices can go in tests.
const inRegisters = "cooperative matrices in prefill, filled in registers"

// only is a device's tuning with one way, and whether it has it.
func only(c *vk.Caps, name string) (shaders.Tuning, bool) {
	gpu := *c
	gpu.Type = vk.Discrete // whose prefill has tiles
	t := everything(&gpu)
	t.Prefill.Middle, t.Prefill.Wide = t.Prefill.Narrow, t.Prefill.Narrow // a CPU's compiler takes a minute for the wide ones
	t.Product.Quads = c.Subgroup.Has("quad")
	if name == inRegisters && c.Features.ShaderFloat16 {
		t.Prefill.Registers = shaders.EmulatedRegisters()
	}
	registers := t.Prefill.Registers
	var uses bool
	for _, w := range ways {
		if w.Name == name {
			uses = w.uses(&t)
		} else {
			w.without(&t, c)
		}
	}
	if name == inRegisters { // which goes with the device's other matrices
		t.Prefill.Registers = registers
	}
	return t, uses
}

func exampleOnly(c *vk.Caps) shaders.Tuning {
	t, _ := only(c, example)
	return t
}

// openDriver opens the device with a driver that compiles what lie makes of each shader, and gives
// the names of those it was asked for.
func openDriver(dir string, cfg vk.Config, lie func(name string, spirv []byte) []byte) (*vk.Device, *driver, error) {
	of := &driver{}
	cfg.Shader = func(name string, spirv []byte) []byte {
		of.mu.Lock()
		of.compiled = append(of.compiled, name)
		of.mu.Unlock()
		if lie == nil {
			return spirv
		}
		return lie(name, spirv)
	}
	in, err := vk.Open(cfg)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	pd, _, err := in.Select("")
	if err != nil {
		return nil, nil, err
	}
	d, err := in.OpenDevice(pd, dir)
	return d, of, err
}

// driver is what a driver was asked to compile.
type driver struct {
	mu       sync.Mutex
	compiled []string
}

// take gives the names since the last call.
func (of *driver) take() []string {
	defer func() { of.compiled = nil }()
	return of.compiled
}

func open(t *testing.T, dir string, lie func(name string, spirv []byte) []byte) (*vk.Device, *driver) {
	t.Helper()
	d, of, err := openDriver(dir, vk.Config{Validation: true, OnMessage: func(m vk.Message) {
		if !m.Newer {
			t.Errorf("validation: %s %s", m.ID, m.Text)
		}
	}}, lie)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, of
}

func mustCheck(t *testing.T, d *vk.Device, tuning shaders.Tuning) Verdict {
	t.Helper()
	v, err := Check(context.Background(), d, tuning)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// recorded is the results in a folder's one file.
func recorded(t *testing.T, dir string) (path string, list []Result) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "checks-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v: %q", err, files)
	}
	r, ok := (&store{files[0], true}).file()
	if !ok {
		t.Fatalf("%s cannot be read", files[0])
	}
	for _, e := range r.Checks {
		list = append(list, e.Result)
	}
	return files[0], list
}

// provenBy is the kernel that each way's cases build, and none but it and what merges attention.
var provenBy = map[string]string{
	inRegisters:                       "matmul_registers_emulated[",
	"cooperative matrices in prefill": "matmul_coopmat[",
	"cooperative matrices in decode, filled in registers": "matmul_add_lanes[",
	"cooperative matrices in decode":                      "matmul_add_shared[",
	"integer dot products":                                "matmul_add_dot[",
	"quad loads":                                          "matmul_add_quad[",
	attentionLanes:                                        "attention_coopmat_lanes[",
	"cooperative matrices in attention":                   "attention_coopmat[",
	"attention by subgroups":                              "attention_subgroup[",
	example:                                               "attention[",
}

func TestEachWay(t *testing.T) {
	if len(provenBy) != len(ways) {
		t.Errorf("%d ways, %d here", len(ways), len(provenBy))
	}
	for i := range ways {
		w := &ways[i]
		t.Run(w.Name, func(t *testing.T) {
			if _, has := only(device.Caps(), w.Name); !has {
				t.Skip("the device does not claim that it can")
			}
			lieAbout(t, w)
		})
	}
}

// lieAbout compiles a way's kernel wrongly: it is found out, once, and the way is left out; an honest
// driver's is kept. That one is what it gives.
func lieAbout(t *testing.T, w *Way) *driver {
	tuning, _ := only(device.Caps(), w.Name)
	dir := t.TempDir()
	liar, of := open(t, dir, func(name string, spirv []byte) []byte {
		if strings.HasPrefix(name, provenBy[w.Name]) {
			return vktest.Miscompiled(spirv)
		}
		return spirv
	})
	v := mustCheck(t, liar, tuning)
	if len(v.Wrong) != 1 || v.Wrong[0].Way != w.Name || !v.Wrong[0].Fresh || !strings.Contains(v.Wrong[0].Why, "the reference has") || w.uses(&v.Tuning) {
		t.Fatalf("a lie came out as %+v", v)
	}
	for _, name := range of.take() {
		if !strings.HasPrefix(name, provenBy[w.Name]) && !strings.HasPrefix(name, "attention_merge[") {
			t.Errorf("the proof is by %s", name)
		}
	}
	if _, list := recorded(t, dir); len(list) != 1 || list[0].State != Wrong || list[0].Why != v.Wrong[0].Why {
		t.Errorf("recorded: %+v", list)
	}
	again := mustCheck(t, liar, tuning)
	if len(again.Wrong) != 1 || again.Wrong[0].Fresh || again.Tuning != v.Tuning || len(of.take()) > 0 {
		t.Errorf("the second time: %+v", again)
	}
	honest, of := open(t, t.TempDir(), nil)
	if v := mustCheck(t, honest, tuning); len(v.Wrong) > 0 || v.Tuning != tuning {
		t.Errorf("the truth came out as %+v", v.Wrong)
	}
	return of
}

// The device's own tuning is not changed, and what it uses is known afterwards.
func TestTheDeviceIsRight(t *testing.T) {
	own := shaders.DefaultTuning(device.Caps())
	if v := mustCheck(t, device, own); len(v.Wrong) > 0 || v.Tuning != own {
		t.Errorf("%+v", v)
	}
	for _, r := range Known("", device.Caps()) {
		if r.State != Right {
			t.Errorf("%+v", r)
		}
	}
}

// A tuning with which cases cannot be run is left as it is.
func TestImpossibleTuning(t *testing.T) {
	tuning := exampleOnly(device.Caps())
	tuning.Attention.Lanes = 0
	d, of := open(t, t.TempDir(), nil)
	if v := mustCheck(t, d, tuning); len(v.Wrong) > 0 || v.Tuning != tuning || len(of.take()) > 0 {
		t.Errorf("%+v", v)
	}
}

// exampleOf gives the tuning of the tests below.
func exampleOf(t *testing.T) shaders.Tuning {
	t.Helper()
	tuning, has := only(device.Caps(), example)
	if !has {
		t.Skip("the device lacks the example")
	}
	return tuning
}

func TestWhatDoesNotCompileIsWrong(t *testing.T) {
	d, _ := open(t, t.TempDir(), func(string, []byte) []byte { return nil })
	v := mustCheck(t, d, exampleOf(t))
	if len(v.Wrong) != 1 || !strings.Contains(v.Wrong[0].Why, "does not compile") {
		t.Errorf("%+v", v.Wrong)
	}
}

// A driver that ends the process in a check does so once; Again asks it anew.
func TestACrashIsFoundByTheNext(t *testing.T) {
	tuning, dir := exampleOf(t), t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crash+"="+dir)
	var exit *exec.ExitError
	if out, err := cmd.CombinedOutput(); !errors.As(err, &exit) || exit.ExitCode() != crashed {
		t.Fatalf("%v: %s", err, out)
	}
	if _, list := recorded(t, dir); len(list) != 1 || list[0].State != Checking {
		t.Fatalf("recorded: %+v", list)
	}
	d, of := open(t, dir, nil)
	for i, fresh := range []bool{true, false} {
		v := mustCheck(t, d, tuning)
		if len(v.Wrong) != 1 || v.Wrong[0].Fresh != fresh || !strings.Contains(v.Wrong[0].Why, "ended") || v.Tuning.Attention.Merge {
			t.Errorf("start %d after the crash: %+v", i, v)
		}
	}
	if names := of.take(); len(names) > 0 {
		t.Errorf("compiled: %q", names)
	}
	if list := Known(dir, d.Caps()); !slices.ContainsFunc(list, func(r Result) bool { return r.Way == example && r.State == Wrong }) {
		t.Errorf("known: %+v", list)
	}
	if v, err := Again(context.Background(), d); err != nil || len(v.Wrong) > 0 {
		t.Errorf("again: %+v, %v", v.Wrong, err)
	}
	if v := mustCheck(t, d, tuning); len(v.Wrong) > 0 {
		t.Errorf("after that: %+v", v.Wrong)
	}
}

// A device that is lost over a check, or hangs, is an error once.
func TestALostDevice(t *testing.T) {
	tuning := exampleOf(t)
	defer func() { wait = (*vk.Device).Wait }()
	for _, c := range []error{vk.ErrDeviceLost, vk.ErrTimeout} {
		dir := t.TempDir()
		d, _, err := openDriver(dir, vk.Config{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close() // of what hangs, with an error
		wait = func(d *vk.Device, ticket vk.Ticket, limit time.Duration) error {
			return errors.Join(c, d.Wait(ticket, limit))
		}
		v, err := Check(context.Background(), d, tuning)
		if !errors.Is(err, c) || !strings.Contains(err.Error(), example) || !strings.Contains(err.Error(), "start again") || v.Tuning.Attention.Merge {
			t.Errorf("%+v, %v", v, err)
		}
		next, of := open(t, dir, nil)
		if v := mustCheck(t, next, tuning); len(v.Wrong) != 1 || v.Wrong[0].Fresh || len(of.take()) > 0 {
			t.Errorf("the next start: %+v", v.Wrong)
		}
	}
}

// A check that was stopped, or for which there was no memory, says nothing of the way.
func TestAStoppedCheckIsNone(t *testing.T) {
	tuning, dir := exampleOf(t), t.TempDir()
	d, of := open(t, dir, nil)
	ctx, stop := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	stop(enough)
	if _, err := Check(ctx, d, tuning); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	defer func() { wait = (*vk.Device).Wait }()
	wait = func(d *vk.Device, ticket vk.Ticket, limit time.Duration) error {
		return errors.Join(vk.ErrOutOfMemory, d.Wait(ticket, limit))
	}
	if v, err := Check(context.Background(), d, tuning); !errors.Is(err, vk.ErrOutOfMemory) || len(v.Wrong) > 0 {
		t.Errorf("%+v, %v", v, err)
	}
	wait = (*vk.Device).Wait
	if _, list := recorded(t, dir); len(list) > 0 {
		t.Errorf("recorded: %+v", list)
	}
	of.take()
	if v := mustCheck(t, d, tuning); len(v.Wrong) > 0 || len(of.take()) == 0 {
		t.Errorf("%+v", v)
	}
}

// What cannot be read, or is another program's, is found anew; without a folder, or one that can
// be written, it is kept for the process.
func TestRecords(t *testing.T) {
	tuning, dir := exampleOf(t), t.TempDir()
	d, of := open(t, dir, nil)
	compiles := func(want bool) {
		t.Helper()
		mustCheck(t, d, tuning)
		if names := of.take(); len(names) > 0 != want {
			t.Errorf("compiled: %q", names)
		}
	}
	compiles(true)
	compiles(false)
	path, _ := recorded(t, dir)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string]func(text string) string{
		"empty":   func(string) string { return "" },
		"cut":     func(text string) string { return text[:len(text)/2] },
		"a list":  func(string) string { return "[1]" },
		"older":   func(text string) string { return strings.Replace(text, shaders.Digest(), "0", 1) },
		"unknown": func(text string) string { return strings.Replace(text, `"right"`, `"perhaps"`, 1) },
		"others":  func(text string) string { return strings.Replace(text, `"cases": "`, `"cases": "0`, 1) },
		"huge":    func(text string) string { return text + strings.Repeat(" ", maxFile) },
	} {
		bad := damage(string(good))
		if bad == string(good) {
			t.Fatalf("%s: no damage", what)
		}
		if err := os.WriteFile(path, []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Log(what)
		compiles(true)
		compiles(false)
	}
	other := tuning
	other.Attention.Blocks = 3
	mustCheck(t, d, other)
	if names := of.take(); len(names) == 0 {
		t.Error("another tuning was not checked")
	}
	compiles(false) // nor is this one forgotten
	os.RemoveAll(dir)
	compiles(true)
	compiles(false)
	none := storeOf("", d.Caps())
	_ = none.forget() // of other tests
	d, of = open(t, "", nil)
	compiles(true)
	compiles(false)
	_ = none.forget()
}

// waiting is a context that tells when somebody begins to wait with it.
type waiting struct {
	context.Context
	once  sync.Once
	asked chan struct{}
}

func (w *waiting) Done() <-chan struct{} {
	w.once.Do(func() { close(w.asked) })
	return w.Context.Done()
}

// Who finds a check under way waits for it, and takes what came of it.
func TestTwoProcesses(t *testing.T) {
	tuning, dir := exampleOf(t), t.TempDir()
	d, of := open(t, dir, nil)
	mustCheck(t, d, tuning)
	of.take()
	path, _ := recorded(t, dir)
	right, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := flock.New(path + ".lock")
	if err := other.Lock(); err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := vk.WriteAtomic(path, []byte(strings.Replace(string(right), string(Right), string(Checking), 1))); err != nil {
		t.Fatal(err)
	}
	found, ctx := make(chan Verdict), &waiting{Context: context.Background(), asked: make(chan struct{})}
	go func() {
		v, err := Check(ctx, d, tuning)
		if err != nil {
			t.Error(err)
		}
		found <- v
	}()
	select {
	case v := <-found:
		t.Fatalf("nobody was waited for: %+v", v)
	case <-ctx.asked:
	}
	if err := errors.Join(vk.WriteAtomic(path, right), other.Unlock()); err != nil {
		t.Fatal(err)
	}
	if v := <-found; len(v.Wrong) > 0 || len(of.take()) > 0 {
		t.Errorf("%+v", v)
	}
}

// Known puts the worst that was found of a way first, and what the device's own tuning uses last.
func TestKnown(t *testing.T) {
	dir, c := t.TempDir(), device.Caps()
	s, r := storeOf(dir, c), record{Program: shaders.Digest()}
	own := shaders.DefaultTuning(c)
	var want []Result
	for _, w := range ways {
		if w.uses(&own) {
			want = append(want, Result{Way: w.Name, State: Unchecked})
		}
	}
	if got := Known(dir, c); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	name := ways[0].Name
	r.set(Result{Way: name, State: Right}, "1")
	r.set(Result{Way: name, State: Wrong, Why: "so"}, "2")
	r.set(Result{Way: name, State: Right}, "3")
	s.write(r)
	if got := Known(dir, c); len(got) == 0 || got[0] != (Result{Way: name, State: Wrong, Why: "so"}) {
		t.Errorf("%+v", got)
	}
}
