package prompt

import (
	"errors"
	"os"
	"slices"
	"testing"

	"sealvk/tokenize"
)

func TestLossMask(t *testing.T) {
	nano := load(t, nanoModel)
	for _, l := range readGolden(t, testdata) {
		checkLossMask(t, nano, l, l.NanoTrain)
	}
	path := shared + "/golden/chat-template.jsonl"
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return
	}
	gemma := load(t, shared+"/models/gemma-vocab/tokenizer.model")
	for _, l := range readGolden(t, path) {
		checkLossMask(t, nano, l, l.NanoTrain)
		checkLossMask(t, gemma, l, l.GemmaTrain)
	}
}

func checkLossMask(t *testing.T, tok *tokenize.Tokenizer, l goldenLine, want masked) {
	t.Helper()
	m, err := NewLossMask(tok)
	if err != nil {
		t.Fatal(err)
	}
	ids, mask := m.Append([]int32{7}, []byte{9}, l.Messages, l.AddGenerationPrompt)
	got := make([]int, len(mask))
	for i, b := range mask {
		got[i] = int(b)
	}
	if len(want.IDs) < 3 || !slices.Equal(ids, append([]int32{7}, want.IDs...)) || !slices.Equal(got, append([]int{9}, want.Mask...)) {
		t.Errorf("line %d:\n got %v\n     %v\nwant %v\n     %v", l.N, ids[1:], got[1:], want.IDs, want.Mask)
	}
}

func TestLossMaskNeedsEOS(t *testing.T) {
	for _, change := range []func(v *tokenize.Vocab){
		func(v *tokenize.Vocab) { v.BOS = -1 }, func(v *tokenize.Vocab) { v.EOS = -1 },
	} {
		if _, err := NewLossMask(nanoVocab(t, change)); err == nil {
			t.Error("no error")
		}
	}
	m, err := NewLossMask(plainVocab(t))
	if err != nil {
		t.Fatal(err)
	}
	if ids, mask := m.Append(nil, nil, nil, true); ids != nil || mask != nil {
		t.Errorf("no messages: %v, %v", ids, mask)
	}
}
