package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sealvk/engine"
	"sealvk/vk"
)

// fakeEngine ends requests when it is told to, as the engine does from a goroutine of its own.
type fakeEngine struct {
	mu      sync.Mutex
	waiting []engine.Request
	came    chan struct{} // of each request
}

func newFakeEngine() *fakeEngine { return &fakeEngine{came: make(chan struct{}, 1<<16)} }

func (f *fakeEngine) submit(ctx context.Context, requests ...engine.Request) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range requests {
		f.waiting = append(f.waiting, r)
		context.AfterFunc(ctx, func() { f.end(r.Prompt[0], engine.Result{Finish: engine.FinishCancelled}) })
		f.came <- struct{}{}
	}
	return nil
}

// end ends the request whose prompt is this id, unless it has ended.
func (f *fakeEngine) end(id int32, result engine.Result) {
	f.mu.Lock()
	i := slices.IndexFunc(f.waiting, func(r engine.Request) bool { return r.Prompt[0] == id })
	if i < 0 {
		f.mu.Unlock()
		return
	}
	r := f.waiting[i]
	f.waiting = slices.Delete(f.waiting, i, i+1)
	f.mu.Unlock()
	result.Text = fmt.Sprintf("answer %d", id)
	r.Done(result)
}

// wait waits until so many more requests have come.
func (f *fakeEngine) wait(n int) {
	for range n {
		<-f.came
	}
}

// ran is a run whose lines ask for one request each, of their index, but for those that begin with a bang.
type ran struct {
	Run
	engine *fakeEngine
	wrote  chan string
	ended  chan error
}

func start(ctx context.Context, t *testing.T, input io.Reader, change func(*ran)) *ran {
	t.Helper()
	source, err := Open(Input{Stdin: input})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	r := &ran{engine: newFakeEngine(), wrote: make(chan string, 1<<16), ended: make(chan error, 1)}
	r.Run = Run{
		Source: source, Places: 4, Submit: r.engine.submit, Stats: NewStats(), Order: InputOrder,
		Ask: func(l *Line, done bool) (Work, error) {
			if bytes.HasPrefix(l.Text, []byte("!")) {
				return Work{Record: func([]Result) ([]byte, bool, error) {
					return fmt.Appendf(nil, "%d refused\n", l.Index), true, nil
				}}, nil
			}
			return Work{
				Requests: []engine.Request{{Prompt: []int32{int32(l.Index)}}},
				Record: func(results []Result) ([]byte, bool, error) {
					return fmt.Appendf(nil, "%d %s\n", l.Index, results[0].Text), results[0].Err != nil, nil
				},
			}, nil
		},
		Write: func(_ int64, record []byte, _ bool) error {
			r.wrote <- string(record)
			return nil
		},
	}
	if change != nil {
		change(r)
	}
	go func() { r.ended <- r.Do(ctx) }()
	return r
}

// rest is what was written by the end of the run and not looked at yet, and the run's error.
func (r *ran) rest() (string, error) {
	err := <-r.ended
	close(r.wrote)
	var all strings.Builder
	for record := range r.wrote {
		all.WriteString(record)
	}
	return all.String(), err
}

func TestRunKeepsTheOrder(t *testing.T) {
	for order, want := range map[Order]string{
		InputOrder:      "0 answer 0\n1 refused\n2 answer 2\n3 answer 3\n",
		CompletionOrder: "1 refused\n3 answer 3\n2 answer 2\n0 answer 0\n",
	} {
		r := start(t.Context(), t, strings.NewReader("a\n!\nb\n\nc\n"), func(r *ran) { r.Order = order })
		r.engine.wait(3)
		if order == CompletionOrder {
			r.wrote <- <-r.wrote // the refused line is there before any other ends
		}
		for _, id := range []int32{3, 2, 0} {
			r.engine.end(id, engine.Result{Finish: engine.FinishStop})
		}
		if got, err := r.rest(); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", order, got, err, want)
		}
		if s := r.Stats.Summary(); s.Lines != 4 || s.Errors != 1 || r.Stats.Share(10, 10) != 1 {
			t.Errorf("%+v", s)
		}
	}
}

// The first answer is written while nothing more can be read.
func TestRunAnswersWhileTheProducerWrites(t *testing.T) {
	in, producer := io.Pipe()
	r := start(t.Context(), t, in, nil)
	for i := range int32(3) {
		fmt.Fprintf(producer, "line\n")
		r.engine.wait(1)
		r.engine.end(i, engine.Result{})
		if got := <-r.wrote; got != fmt.Sprintf("%d answer %d\n", i, i) {
			t.Errorf("%q", got)
		}
	}
	producer.Close()
	if got, err := r.rest(); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// An answer that takes long stops the reading once the window is full, by lines or by bytes.
func TestRunReadsNoFurtherThanTheWindow(t *testing.T) {
	for name, c := range map[string]struct {
		record int // bytes of each behind the first
		most   int // lines that may be read
	}{
		"lines": {10, windowLines},
		"bytes": {1 << 20, windowBytes>>20 + 8}, // with those in the engine
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, written := 0, 0
				in := io.MultiReader(strings.NewReader("first\n"), &endlessLines{line: "a\n"})
				r := start(t.Context(), t, in, func(r *ran) {
					ask := r.Ask
					r.Ask = func(l *Line, done bool) (Work, error) {
						asked++
						if l.Index == 0 {
							return ask(l, done)
						}
						work, err := ask(l, done)
						work.Record = func([]Result) ([]byte, bool, error) { return make([]byte, c.record), false, nil }
						return work, err
					}
					r.Submit = func(ctx context.Context, requests ...engine.Request) error {
						err := r.engine.submit(ctx, requests...)
						if id := requests[0].Prompt[0]; id > 0 {
							go r.engine.end(id, engine.Result{})
						}
						return err
					}
					r.Limit = int64(2 * c.most)
					r.Write = func(int64, []byte, bool) error { written++; return nil }
				})
				synctest.Wait()
				if asked < c.most-9 || asked > c.most+1 || written != 0 { // one is in its reader's hand
					t.Errorf("%d lines were read and %d written, want about %d and none", asked, written, c.most)
				}
				r.engine.end(0, engine.Result{})
				if _, err := r.rest(); err != nil || asked != 2*c.most || written != asked {
					t.Errorf("%d lines, %d written, %v", asked, written, err)
				}
			})
		})
	}
}

// endlessLines gives a line again and again.
type endlessLines struct {
	line string
	read int
}

func (e *endlessLines) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.read%len(e.line):])
	e.read += n
	return n, nil
}

// What ends a run leaves the records that are complete, in front of the first that is not, and no others.
func TestRunEndsWithWhatIsComplete(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		end  func(r *ran, cancel context.CancelCauseFunc)
		want error
		out  string
	}{
		"a signal": {func(_ *ran, cancel context.CancelCauseFunc) { cancel(broken) }, broken, "0 answer 0\n1 answer 1\n"},
		"a lost device": {func(r *ran, _ context.CancelCauseFunc) {
			r.engine.end(2, engine.Result{Err: fmt.Errorf("engine: %w", vk.ErrDeviceLost)})
		}, vk.ErrDeviceLost, "0 answer 0\n1 answer 1\n"},
		"a closed model": {func(r *ran, _ context.CancelCauseFunc) {
			r.engine.end(2, engine.Result{Err: engine.ErrClosed})
		}, engine.ErrClosed, "0 answer 0\n1 answer 1\n"},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		in, producer := io.Pipe()
		r := start(ctx, t, in, nil)
		go producer.Write([]byte("a\nb\nc\nd\n"))
		r.engine.wait(4)
		for _, id := range []int32{3, 1, 0} {
			r.engine.end(id, engine.Result{})
		}
		first, second := <-r.wrote, <-r.wrote
		c.end(r, cancel)
		if got, err := r.rest(); !errors.Is(err, c.want) || first+second+got != c.out {
			t.Errorf("%s: %q, %v", name, first+second+got, err)
		}
		producer.Close()
		cancel(nil)
	}
}

func TestRunEndsWithAnErrorOfTheOutput(t *testing.T) {
	full := errors.New("full")
	var written []int64
	r := start(t.Context(), t, &endlessLines{line: "!\n"}, func(r *ran) {
		r.Write = func(index int64, _ []byte, _ bool) error {
			if index == 5 {
				return full
			}
			written = append(written, index)
			return nil
		}
	})
	if _, err := r.rest(); !errors.Is(err, full) || !slices.Equal(written, []int64{0, 1, 2, 3, 4}) {
		t.Errorf("%v, %v", written, err)
	}
}

func TestRunSkipsAndLimits(t *testing.T) {
	in, producer := io.Pipe()
	go producer.Write([]byte("!\n!\n!\n!\n")) // and no end
	done := NewDone("")
	defer done.Close()
	if err := done.Set(1, hashOfText(t, "!")); err != nil {
		t.Fatal(err)
	}
	var shown []int64
	r := start(t.Context(), t, in, func(r *ran) {
		r.Skip, r.Limit, r.Done = 1, 2, done
		ask := r.Ask
		r.Ask = func(l *Line, done bool) (Work, error) {
			if done {
				shown = append(shown, l.Index)
			}
			return ask(l, done)
		}
	})
	if got, err := r.rest(); err != nil || got != "2 refused\n" || !slices.Equal(shown, []int64{1}) {
		t.Errorf("%q, %v, shown as done: %v", got, err, shown)
	}
	if s := r.Stats.Summary(); s.Lines != 1 || s.Skipped != 1 {
		t.Errorf("%+v", s)
	}
	producer.Close()
}

// A line that is not what was answered ends the run, behind what was asked for in front of it.
func TestRunRefusesAChangedLine(t *testing.T) {
	done := NewDone("")
	defer done.Close()
	if err := done.Set(1, hashOfText(t, "other")); err != nil {
		t.Fatal(err)
	}
	r := start(t.Context(), t, strings.NewReader("a\nb\nc\n"), func(r *ran) { r.Done = done })
	r.engine.wait(1)
	r.engine.end(0, engine.Result{})
	got, err := r.rest()
	var changed *ChangedError
	if got != "0 answer 0\n" || !errors.As(err, &changed) || changed.Index != 1 || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%q, %v", got, err)
	}
}

// So does an input that lacks lines at its end, once all of it is there.
func TestRunRefusesAShorterInput(t *testing.T) {
	done := NewDone("")
	defer done.Close()
	for i, text := range []string{"a", "b"} {
		if err := done.Set(int64(i), hashOfText(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	for input, want := range map[string]string{"a\n": "lacks the line at index 1", "": "lacks the line at index 1", "a\nb\n": ""} {
		r := start(t.Context(), t, strings.NewReader(input), func(r *ran) { r.Done = done })
		if got, err := r.rest(); got != "" || (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v", input, got, err)
		}
	}
}

// hashOfText is the hash of a line with this text.
func hashOfText(t *testing.T, text string) Hash {
	t.Helper()
	source, err := Open(Input{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	l, err := source.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l.Hash
}

// More requests than there is room for wait for an empty engine.
func TestRunTakesALineOfManyRequests(t *testing.T) {
	r := start(t.Context(), t, strings.NewReader("a\nb\n"), func(r *ran) {
		r.Places = 1
		r.Ask = func(l *Line, _ bool) (Work, error) {
			return Work{
				Requests: slices.Repeat([]engine.Request{{Prompt: []int32{int32(l.Index)}}}, 5),
				Record: func(results []Result) ([]byte, bool, error) {
					return fmt.Appendf(nil, "%d: %d\n", l.Index, len(results)), false, nil
				},
			}, nil
		}
	})
	for i := range int32(2) {
		r.engine.wait(5)
		for range 5 {
			r.engine.end(i, engine.Result{})
		}
	}
	if got, err := r.rest(); err != nil || got != "0: 5\n1: 5\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPercentiles(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	got := h.percentiles()
	for name, c := range map[string][2]float64{"p50": {got.P50, 500}, "p90": {got.P90, 900}, "p99": {got.P99, 990}} {
		if c[0] < c[1] || c[0] > 1.06*c[1] {
			t.Errorf("%s is %v, want %v or up to 5 %% more", name, c[0], c[1])
		}
	}
	if got.Max != 1000 || (&histogram{}).percentiles() != (Percentiles{}) {
		t.Errorf("%+v", got)
	}
}
