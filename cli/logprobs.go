package main

import (
	"context"
	"math"

	"sealvk/engine"
)

// promptLogprobs computes the log-probabilities of ids: [i] is of ids[i+1].
func (o *opened) promptLogprobs(ctx context.Context, ids []int32) (list []engine.Logprob, err error) {
	return list, o.session.Logits(ctx, ids, true, func(position int, logits []float32) error {
		if position+1 == len(ids) {
			return nil
		}
		most, sum := float64(logits[0]), 0.0
		for _, v := range logits {
			most = max(most, float64(v))
		}
		for _, v := range logits {
			sum += math.Exp(float64(v) - most)
		}
		v := float64(logits[ids[position+1]])
		list = append(list, engine.Logprob{ID: ids[position+1], Value: float32(v - most - math.Log(sum)), Greedy: v == most})
		return nil
	})
}

func (o *opened) submit(ctx context.Context, requests ...engine.Request) error {
	go func() {
		for _, r := range requests {
			list, err := o.promptLogprobs(ctx, r.Prompt)
			r.Done(engine.Result{PromptLogprobs: list, Err: err})
		}
	}()
	return nil
}
