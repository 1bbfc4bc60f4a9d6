package serve

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sealvk/cli/resident"
	"sealvk/engine"
)

// metrics count what happens, for Prometheus. What the model and the server count themselves is read when
// somebody asks.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec // by endpoint and status
	answers  *prometheus.CounterVec // by finish

	waited, first, perToken, whole prometheus.Histogram // seconds
}

// Bounds of times in seconds, those of vLLM's first token and of its tokens.
var (
	longTimes  = []float64{0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 320, 640}
	shortTimes = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5}
)

func newMetrics(s *Server) metrics {
	all := prometheus.NewRegistry()
	histogram := func(name, help string, bounds []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sealvk_" + name, Help: help, Buckets: bounds})
		all.MustRegister(h)
		return h
	}
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealvk_requests_total", Help: "HTTP requests by route and status; 499: the client went away.",
		}, []string{"endpoint", "status"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sealvk_answers_total", Help: "Answers of the model by how they ended: stop, length, context, cancelled or error.",
		}, []string{"finish"}),
		waited:   histogram("queue_seconds", "From a request to the beginning of an answer's prompt.", longTimes),
		first:    histogram("time_to_first_token_seconds", "From a request to the first token of an answer.", longTimes),
		perToken: histogram("time_per_output_token_seconds", "From token to token of an answer behind the first, on average.", shortTimes),
		whole:    histogram("answer_seconds", "From a request to the end of an answer.", longTimes),
	}
	all.MustRegister(m.requests, m.answers, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	register(all, s)
	m.handler = promhttp.HandlerFor(all, promhttp.HandlerOpts{})
	return m
}

// register has the registry read what is counted elsewhere.
func register(all *prometheus.Registry, s *Server) {
	gauge := func(name, help string, labels prometheus.Labels, read func() float64) {
		all.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sealvk_" + name, Help: help, ConstLabels: labels}, read))
	}
	gauge("build_info", "1, with the program's version.", prometheus.Labels{"version": s.Version, "goversion": runtime.Version()}, func() float64 { return 1 })
	gauge("answers_running", "Answers whose prompts or tokens are being computed.", nil, func() float64 { running, _ := s.admission.load(); return float64(running) })
	gauge("answers_waiting", "Answers that wait for their turn.", nil, func() float64 { _, waiting := s.admission.load(); return float64(waiting) })
	for state := resident.Loading; state <= resident.Failed; state++ {
		gauge("model_state", "1 for the state that the model is in.", prometheus.Labels{"state": state.String()}, func() float64 {
			if s.Model.Status().State == state {
				return 1
			}
			return 0
		})
	}
	for state, of := range map[string]func(engine.Pages) int{
		"used": func(p engine.Pages) int { return p.Used },
		"kept": func(p engine.Pages) int { return p.Kept },
		"free": func(p engine.Pages) int { return p.Total - p.Used - p.Kept },
	} {
		gauge("kv_pages", "Pages of the KV cache: used by answers, kept as beginnings of prompts, free.", prometheus.Labels{"state": state}, func() float64 {
			if m := s.Model.Loaded(); m != nil {
				return float64(of(m.Pages()))
			}
			return 0
		})
	}
	count := func(name, help string, read func() float64) {
		all.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "sealvk_" + name, Help: help}, read))
	}
	count("device_losses_total", "Times that the device was lost.", func() float64 { return float64(s.Model.Status().Losses) })
	for _, c := range []struct {
		name, help string
		of         func(engine.Counters) int64
	}{
		{"prompt_tokens_total", "Tokens of prompts, each time that an answer starts.", func(c engine.Counters) int64 { return c.PromptTokens }},
		{"prompt_tokens_reused_total", "Of those, what the KV cache held.", func(c engine.Counters) int64 { return c.Reused }},
		{"prompt_tokens_computed_total", "Tokens of prompts that were computed.", func(c engine.Counters) int64 { return c.Computed }},
		{"generated_tokens_total", "Tokens of answers.", func(c engine.Counters) int64 { return c.Generated }},
		{"replayed_tokens_total", "Tokens of answers that were computed again.", func(c engine.Counters) int64 { return c.Replayed }},
		{"put_back_total", "Times that an answer lost its pages to others, and waited again.", func(c engine.Counters) int64 { return c.PutBack }},
		{"decode_steps_total", "Decode passes, each of which computes a token of every running answer.", func(c engine.Counters) int64 { return c.Steps }},
	} {
		count(c.name, c.help, func() float64 { return float64(c.of(s.Model.Counters())) })
	}
}

// requested counts a request that has ended. endpoint is its route's path, "" if there was none.
func (m *metrics) requested(endpoint string, status int) {
	if endpoint == "" {
		endpoint = "other"
	}
	m.requests.WithLabelValues(endpoint, strconv.Itoa(status)).Inc()
}

// answered counts an answer that has ended, whose first token took so long from when it was asked for, 0 if
// there was none, and the whole so long.
func (m *metrics) answered(r *engine.Result, first, took time.Duration) {
	finish := string(r.Finish)
	if r.Err != nil {
		finish = "error"
	}
	m.answers.WithLabelValues(finish).Inc()
	if first == 0 && len(r.Tokens) > 0 { // it is the end, which is not handed out
		first = took
	}
	if first > 0 {
		m.first.Observe(first.Seconds())
	}
	if n := len(r.Tokens); n > 1 {
		m.perToken.Observe((took - first).Seconds() / float64(n-1))
	}
	if r.Err == nil && r.Finish != engine.FinishCancelled {
		m.whole.Observe(took.Seconds())
	}
}

// exposition answers GET /metrics.
func (s *Server) exposition(w http.ResponseWriter, r *http.Request) error {
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}
