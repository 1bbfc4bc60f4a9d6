// Package score is the arithmetic on log-probabilities behind sealvk score and sealvk perplexity.
//
// [Split] makes ids of a prompt and its continuation, [Of] a [Value] of the log-probabilities that a
// model gives these, and [Best] compares the values of several continuations. [Chunks] and [Strides]
// cut a text into [Window]s, of which a [Perplexity] takes the log-probabilities.
package score
