package main

import (
	"bytes"
	"io"
	"os"
	"testing"

	"sealvk/cli/openai"
	"sealvk/prompt"
	"sealvk/tokenize"
)

// BenchmarkLossMask prepares conversations for training on all cores; its rate is
// of the text in the messages. SEALVK_BENCH_CHATS names a larger file of
// conversations and SEALVK_BENCH_TOKENIZER a larger vocabulary.
func BenchmarkLossMask(b *testing.B) { benchmarkChats(b, true) }

// BenchmarkChatTemplate is the same through a Jinja template.
func BenchmarkChatTemplate(b *testing.B) { benchmarkChats(b, false) }

func benchmarkChats(b *testing.B, lossMask bool) {
	path, vocab := "../testdata/prompt/chat-template.jsonl", "../testdata/tokenize/nano.model"
	repeat := 200
	if p := os.Getenv("SEALVK_BENCH_CHATS"); p != "" {
		path, repeat = p, 1
	}
	if p := os.Getenv("SEALVK_BENCH_TOKENIZER"); p != "" {
		vocab = p
	}
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	tok, err := tokenize.Load(vocab)
	if err != nil {
		b.Fatal(err)
	}
	var size int64
	for line := range bytes.Lines(data) {
		msgs, _, err := openai.ParseConversation(line)
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range msgs {
			size += int64(len(m.Content))
		}
	}
	b.SetBytes(size * int64(repeat))
	p := &program{}
	var do lineFunc
	if lossMask {
		masker, err := prompt.NewLossMask(tok)
		if err != nil {
			b.Fatal(err)
		}
		do = p.maskedConversations(masker, false)
	} else if do, err = p.chatLine(&tokenizeFlags{template: "../testdata/prompt/seallm.json"}, tok); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := mapLines(b.Context(), bytes.NewReader(bytes.Repeat(data, repeat)), io.Discard, do); err != nil {
			b.Fatal(err)
		}
	}
}
