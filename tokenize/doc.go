// Package tokenize turns text into token ids and back with Gemma's tokenizer:
// BPE with byte fallback, an identity normalizer, no dummy prefix and every
// blank kept.
//
// [Load] reads a tokenizer from a SentencePiece tokenizer.model, from a
// tokenizer.json (Hugging Face tokenizers) or from a folder with one of them.
// [New] makes one of a [Vocab] (pieces, scores, kinds), as GGUF files hold it.
// A [Tokenizer] is immutable and safe for concurrent use; [Tokenizer.Vocab]
// gives its vocabulary back, to be written to a GGUF file.
// [Tokenizer.Encode] and [Tokenizer.Decode] work on whole texts; a [Stream]
// decodes id by id and never returns half a UTF-8 sequence.
//
// The two forms differ in what may be merged: SentencePiece merges whatever
// makes a piece, by the scores of the pieces (learn.go), a tokenizer.json lists
// the merges in their order (learnmerges.go). Both end in one table of pairs,
// which is all that the encoder knows.
//
// The references are the sentencepiece library (src/bpe_model.cc,
// src/normalizer.cc and src/sentencepiece_processor.cc of release 0.2) and the
// tokenizers library (models/bpe and added_vocabulary.rs of release 0.23): the
// ids are the same for every text, valid UTF-8 or not. Three things differ on
// purpose: Decode spells control and unknown pieces out; Encode takes the
// literal text of special pieces for them only if asked, where tokenizers
// always does; and bytes that are no UTF-8 decode as in sentencepiece, one
// U+FFFD for each, whatever byte pieces stand beside them.
package tokenize
