package serve

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// values are those of an exposition, by name and labels.
func values(text string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([^#\s]\S*(?:\{.*\})?) (\S+)$`).FindAllStringSubmatch(text, -1) {
		all[m[1]] = m[2]
	}
	return all
}

func TestMetrics(t *testing.T) {
	s, url := serving(t)
	before := values(visitWith(t, s, "GET", "/metrics", "", nil).Body.String())
	for _, body := range []string{
		`{"prompt":"` + strings.Repeat("Who are you? ", 20) + `","max_tokens":5,"ignore_eos":true,"n":2}`, `{"prompt":5}`,
	} {
		post(t, url+"/completions", body)
	}
	want := map[string]string{
		`sealvk_requests_total{endpoint="/v1/completions",status="200"}`: "1", `sealvk_requests_total{endpoint="/v1/completions",status="400"}`: "1",
		`sealvk_requests_total{endpoint="/metrics",status="200"}`: "1", `sealvk_answers_total{finish="length"}`: "2",
		`sealvk_time_to_first_token_seconds_count`: "2", `sealvk_time_per_output_token_seconds_count`: "2", `sealvk_answer_seconds_count`: "2", `sealvk_queue_seconds_count`: "2",
		`sealvk_answers_running`: "0", `sealvk_answers_waiting`: "0", `sealvk_kv_pages{state="used"}`: "0",
		`sealvk_model_state{state="ready"}`: "1", `sealvk_model_state{state="loading"}`: "0", `sealvk_device_losses_total`: "0",
	}
	var text string
	var after map[string]string
	eventually(t, "that the answers' pages are free", func() bool {
		text = visitWith(t, s, "GET", "/metrics", "", nil).Body.String()
		after = values(text)
		return after[`sealvk_kv_pages{state="used"}`] == "0" && after[`sealvk_requests_total{endpoint="/v1/completions",status="400"}`] != ""
	})
	delete(want, `sealvk_requests_total{endpoint="/metrics",status="200"}`) // as many as that took
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if after[name] != want[name] {
			t.Errorf("%s is %q, want %s", name, after[name], want[name])
		}
	}
	for _, name := range []string{
		"sealvk_prompt_tokens_total", "sealvk_prompt_tokens_reused_total", "sealvk_prompt_tokens_computed_total", "sealvk_generated_tokens_total", "sealvk_decode_steps_total",
	} {
		if after[name] == before[name] || after[name] == "" {
			t.Errorf("%s is %q, was %q", name, after[name], before[name])
		}
	}
	for _, name := range []string{`sealvk_kv_pages{state="kept"}`, `sealvk_kv_pages{state="free"}`, "process_open_fds", "go_goroutines"} {
		if after[name] == "0" || after[name] == "" {
			t.Errorf("%s is %q", name, after[name])
		}
	}
	if !strings.Contains(text, `sealvk_build_info{goversion="go`) || !strings.Contains(text, `version="v1"} 1`) {
		t.Error("the version is missing")
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %+v", err, problems)
	}
}
