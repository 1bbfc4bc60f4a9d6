// Package tokenize turns text into token ids and back with Gemma's tokenizer:
// SentencePiece BPE with byte fallback, an identity normalizer, no dummy
// prefix and every blank kept.
//
// A [Vocab] (pieces, scores, kinds) comes from a SentencePiece tokenizer.model
// ([Load], [ParseModel]) or from the metadata of a GGUF file. [New] makes a
// [Tokenizer] of it, which is immutable and safe for concurrent use.
// [Tokenizer.Encode] and [Tokenizer.Decode] work on whole texts; a [Stream]
// decodes id by id and never returns half a UTF-8 sequence.
//
// The reference is the sentencepiece library (src/bpe_model.cc,
// src/normalizer.cc and src/sentencepiece_processor.cc of release 0.2): the
// ids are the same for every text, valid UTF-8 or not. Two things differ on
// purpose: Decode spells control and unknown pieces out, and Encode can be
// asked to take their literal text for the piece.
package tokenize
