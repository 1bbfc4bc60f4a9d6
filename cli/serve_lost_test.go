//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealvk/vk"
)

// A server whose device is lost says so until it is back, and answers as before then; lost for the third time it ends.
func TestServeSurvivesALostDevice(t *testing.T) {
	var uploads sync.RWMutex     // held while the model must not come
	var lose, broken atomic.Bool // the next wait; all uploads
	read := func(r *http.Response, err error) string {
		if err != nil {
			return err.Error()
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(r.StatusCode, " ", string(b))
	}
	var before, lost, health, meanwhile, again, last string
	asked := make(chan struct{})
	stderr := &whileServing{do: func(url string) {
		defer close(asked)
		ask := func() string {
			body := `{"prompt":"Once","max_tokens":9,"seed":3,"temperature":1,"logprobs":1}`
			answer := read(http.Post(url+"/v1/completions", "application/json", strings.NewReader(body)))
			status, _, _ := strings.Cut(answer, " ")
			if _, choices, ok := strings.Cut(answer, `"choices"`); ok { // behind what differs each time
				return status + choices
			}
			return answer
		}
		ready := func() {
			for !strings.HasPrefix(read(http.Get(url+"/health")), "200") {
				time.Sleep(20 * time.Millisecond)
			}
		}
		ready()
		before = ask()
		uploads.Lock()
		lose.Store(true)
		lost = ask()
		health, meanwhile = read(http.Get(url+"/health")), ask()
		uploads.Unlock()
		ready()
		again = ask()
		broken.Store(true)
		lose.Store(true)
		last = ask()
	}}
	p := &program{
		args: []string{"serve", "--port", "0", "--log", "none", "--parallel", "2"}, stdin: strings.NewReader(""), stdout: &output{w: io.Discard}, stderr: stderr,
		faults: func(op vk.Op) error {
			if op == vk.OpUpload {
				uploads.RLock()
				defer uploads.RUnlock()
			}
			if op == vk.OpUpload && broken.Load() || op == vk.OpWait && lose.CompareAndSwap(true, false) {
				return vk.ErrDeviceLost
			}
			return nil
		},
	}
	code := p.run()
	<-asked
	text := stderr.text.String()
	if code != 1 || !strings.HasSuffix(text, "device lost\n") || !strings.Contains(text, "sealvk: the device was lost, and after 3 times within ten minutes it is not opened again: ") {
		t.Errorf("exit code %d, standard error:\n%s", code, text)
	}
	if !strings.HasPrefix(before, "200") || again != before {
		t.Errorf("behind the loss: %s\nin front of it: %s", again, before)
	}
	for what, got := range map[string][2]string{
		"the request that ran":   {lost, "503 model_lost device lost"},
		"the next":               {meanwhile, "503 model_not_ready the device was lost, and is opened again"},
		"the health":             {health, `503 "lost" the device was lost, and is opened again`},
		"the request at the end": {last, "503 model_lost device lost"},
	} {
		for _, part := range strings.Fields(got[1]) {
			if !strings.Contains(got[0], part) {
				t.Errorf("%s: %s, want %q", what, got[0], got[1])
				break
			}
		}
	}
}
