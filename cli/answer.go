package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"gonum.org/v1/gonum/stat"

	"sealvk/cli/openai"
	"sealvk/engine"
	"sealvk/prompt"
)

// answer is what one prompt gave.
type answer struct {
	engine.Result
	firstToken time.Duration // from asking until the first token was there
}

// ask answers one request, which it has made anew where the device is lost, and hands the text to emit as it grows, once,
// if it is lost or not.
func (o *opened) ask(ctx context.Context, request func() (engine.Request, error), emit func(text string) error) (answer, error) {
	var a answer
	asked := time.Now()
	out := shown{emit: emit}
	tell := func(what string) {
		if isTerminal(o.kept.p.stderr) && len(out.text) > 0 {
			fmt.Fprintln(o.kept.p.stderr) // the answer's line is open
		}
		o.note("%s, and the answer goes on", what)
	}
	result, err := o.generate(ctx, tell, func() (engine.Request, error) {
		r, err := request()
		out.at = 0
		r.Emit = func(t engine.Token) error {
			if a.firstToken == 0 {
				a.firstToken = time.Since(asked)
			}
			return out.push(t.Text)
		}
		return r, err
	})
	a.Result = result
	return a, err
}

// request is what a prompt of ids asks of the engine.
func (o *opened) request(ids []int32, s *samplingFlags, raw bool) (engine.Request, error) {
	n := o.model.Context()
	if len(ids) > n {
		return engine.Request{}, tooLongError{len(ids), n}
	}
	seed := int64(s.seed.value)
	asked, err := o.requests(s, raw, false, n).Ask(&openai.Request{
		Prompts: []openai.Prompt{{IDs: ids}}, Options: openai.Options{N: 1, Seed: &seed},
	}, 0)
	if err != nil {
		return engine.Request{}, err
	}
	return asked.Requests[0], nil
}

// sampling is what the flags say of it.
func (s *samplingFlags) sampling() engine.Sampling {
	return engine.Sampling{
		Temperature:   float32(s.temperature.value),
		TopK:          int(s.topK.value),
		TopP:          float32(s.topP.value),
		MinP:          float32(s.minP.value),
		RepeatPenalty: float32(s.repeatPenalty.value),
		Seed:          s.seed.value,
	}
}

// tooLongError says that a prompt leaves no room for an answer.
type tooLongError struct{ tokens, context int }

func (e tooLongError) Error() string {
	return fmt.Sprintf("the prompt has %d tokens, the context holds %d with the answer: shorten it or raise --ctx", e.tokens, e.context)
}

// messages is a conversation in the order of its turns.
func messages(system string, turns ...prompt.Message) []prompt.Message {
	if system == "" {
		return turns
	}
	return append([]prompt.Message{{Role: "system", Content: system}}, turns...)
}

// visible drops the control characters that would command a terminal; a model
// may produce any byte.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// perSecond is n in d as a rate; 0 where nothing was measured.
func perSecond(n int, d time.Duration) float64 {
	if n <= 0 || d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// goOn adds what came behind it, of a prompt that held it.
func (a *answer) goOn(b answer) {
	if a.firstToken == 0 {
		a.firstToken = b.firstToken
	}
	a.Tokens, a.Text, a.Finish = append(a.Tokens, b.Tokens...), a.Text+b.Text, b.Finish
	a.PromptTokens, a.CachedTokens = a.PromptTokens+b.PromptTokens, a.CachedTokens+b.CachedTokens
	a.Prefill, a.Decode, a.Steps = a.Prefill+b.Prefill, a.Decode+b.Decode, append(a.Steps, b.Steps...)
	a.Drafted, a.Accepted = a.Drafted+b.Drafted, a.Accepted+b.Accepted
}

// computed is the number of prompt tokens that were not in the KV cache yet.
func (a *answer) computed() int { return a.PromptTokens - a.CachedTokens }

// decoded is the number of tokens after the first, which prefill gives.
func (a *answer) decoded() int { return max(0, len(a.Tokens)-1) }

// summary is the closing line of -v.
func (a *answer) summary(o *opened) string {
	var b strings.Builder
	fmt.Fprintf(&b, "load %.0f ms; prompt %d tokens", milliseconds(o.load), a.PromptTokens)
	if a.CachedTokens > 0 {
		fmt.Fprintf(&b, " (%d cached)", a.CachedTokens)
	}
	fmt.Fprintf(&b, ", %.1f tok/s; first token %.0f ms; answer %d tokens, %.1f tok/s",
		perSecond(a.computed(), a.Prefill), milliseconds(a.firstToken), len(a.Tokens), perSecond(a.decoded(), a.Decode))
	if n := len(a.Steps); n > 0 {
		steps := make([]float64, n)
		for i, d := range a.Steps {
			steps[i] = milliseconds(d)
		}
		slices.Sort(steps)
		median := stat.Quantile(0.5, stat.Empirical, steps, nil)
		fmt.Fprintf(&b, " (median step %.1f ms, reading weights at %.2f GB/s)", median, float64(o.model.BytesPerToken())/median/1e6)
	}
	if a.Drafted > 0 {
		fmt.Fprintf(&b, "; %d of %d drafted tokens accepted", a.Accepted, a.Drafted)
	}
	caps := o.device.Caps()
	fmt.Fprintf(&b, "; %s; KV %v", caps.Name, o.kv)
	return b.String()
}
