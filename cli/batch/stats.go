package batch

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"sealvk/engine"
)

// Stats counts what a run does. All of it may be read while the run goes on.
type Stats struct {
	begun time.Time

	read, lines, errors, passed        atomic.Int64
	promptTokens, tokens, putBack      atomic.Int64
	mu                                 sync.Mutex
	queue, first, prefill, each, whole histogram
}

// NewStats begins to count, and to take the time.
func NewStats() *Stats { return &Stats{begun: time.Now()} }

// Summary is what a run has done so far, as --stats writes it. Others script against its fields.
type Summary struct {
	Lines            int64   `json:"lines"`   // records that were written
	Errors           int64   `json:"errors"`  // of those, that say why there is no answer
	Skipped          int64   `json:"skipped"` // lines that had their record before
	PromptTokens     int64   `json:"prompt_tokens"`
	CompletionTokens int64   `json:"completion_tokens"`
	PutBack          int64   `json:"put_back"` // times that answers made room for others, and were computed again
	Seconds          float64 `json:"seconds"`
	LinesPerSecond   float64 `json:"lines_per_second"`
	PromptTPS        float64 `json:"prompt_tps"`
	CompletionTPS    float64 `json:"completion_tps"`

	Queue      Percentiles `json:"queue_ms"`       // from asking until the prompt is begun
	Prompt     Percentiles `json:"prompt_ms"`      // until its first token, from then
	FirstToken Percentiles `json:"first_token_ms"` // both of these
	Token      Percentiles `json:"token_ms"`       // each further token, on the average of an answer
	Answer     Percentiles `json:"answer_ms"`      // from asking until the answer is there
}

// Percentiles are of the answers of a run, to within 5 %.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Summary gives what there is by now.
func (s *Stats) Summary() Summary {
	took := time.Since(s.begun).Seconds()
	sum := Summary{
		Lines: s.lines.Load(), Errors: s.errors.Load(), Skipped: s.passed.Load(),
		PromptTokens: s.promptTokens.Load(), CompletionTokens: s.tokens.Load(), PutBack: s.putBack.Load(), Seconds: took,
	}
	sum.LinesPerSecond, sum.PromptTPS, sum.CompletionTPS = float64(sum.Lines)/took, float64(sum.PromptTokens)/took, float64(sum.CompletionTokens)/took
	s.mu.Lock()
	defer s.mu.Unlock()
	sum.Queue, sum.Prompt, sum.FirstToken, sum.Token, sum.Answer = s.queue.percentiles(), s.prefill.percentiles(), s.first.percentiles(), s.each.percentiles(), s.whole.percentiles()
	return sum
}

// Share is how much of the input is done, where so many of its bytes are read: below 0 if total is.
func (s *Stats) Share(read, total int64) float64 {
	lines, done := s.read.Load(), s.lines.Load()+s.passed.Load()
	if total < 0 {
		return -1
	}
	if lines == 0 || total == 0 {
		return 0
	}
	return float64(done) / float64(lines) * float64(read) / float64(total)
}

func (s *Stats) token()   { s.tokens.Add(1) }
func (s *Stats) skipped() { s.passed.Add(1) }

// lost takes the tokens back of an answer whose device was lost: it is computed again.
func (s *Stats) lost(counted int) { s.tokens.Add(-int64(counted)) }

func (s *Stats) line(failed bool) {
	s.lines.Add(1)
	if failed {
		s.errors.Add(1)
	}
}

// ended notes an answer of which so many tokens were counted, whose first came so long after it was asked for, and
// which came whole after so long.
func (s *Stats) ended(r *engine.Result, counted int, first, whole time.Duration) {
	if r.Err != nil || r.Finish == engine.FinishCancelled {
		return
	}
	s.promptTokens.Add(int64(r.PromptTokens))
	s.tokens.Add(int64(len(r.Tokens) - counted)) // the one that ended it, which nobody emits
	s.putBack.Add(int64(r.PutBack))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.add(first - r.Prefill)
	s.prefill.add(r.Prefill)
	s.first.add(first)
	s.whole.add(whole)
	if n := len(r.Tokens); n > 1 {
		s.each.add(r.Decode / time.Duration(n-1))
	}
}

// histogram counts times in buckets that are 5 % wide, from a microsecond on.
type histogram struct {
	counts [480]int64 // the last is everything from four hours on
	count  int64
	max    time.Duration
}

const bucketWidth = 1.05

func (h *histogram) add(d time.Duration) {
	i := 0
	if us := d.Microseconds(); us > 0 {
		i = min(len(h.counts)-1, int(math.Log(float64(us))/math.Log(bucketWidth)))
	}
	h.counts[i]++
	h.count++
	h.max = max(h.max, d)
}

func (h *histogram) percentiles() Percentiles {
	return Percentiles{h.quantile(0.5), h.quantile(0.9), h.quantile(0.99), float64(h.max.Microseconds()) / 1000}
}

// quantile is in milliseconds: the upper end of the bucket in which so great a part of the times lie or below.
func (h *histogram) quantile(part float64) float64 {
	left := int64(math.Ceil(part * float64(h.count)))
	for i, n := range h.counts {
		if left -= n; left <= 0 && n > 0 {
			return min(math.Pow(bucketWidth, float64(i+1)), float64(h.max.Microseconds())) / 1000
		}
	}
	return 0
}
