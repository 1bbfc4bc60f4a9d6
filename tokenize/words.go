package tokenize

import "hash/maphash"

// word is a run of text and its ids, in one cache line. It is empty while
// size is 0.
type word struct {
	text  [30]byte
	size  uint8
	count uint8
	ids   [8]int32
}

// words remembers the ids of runs: natural text is the same few thousand words
// again and again. A run has one place, and the latest takes it.
type words struct {
	places []word
	seed   maphash.Seed
	bytes  int // of text encoded with it
}

const (
	wordPlaces = 1 << 13  // 512 KiB: about what a core's own cache holds
	wordsAfter = 64 << 10 // bytes; for less text they are not worth their memory
)

// place returns where run is or would be, nil if it is not remembered.
func (w *words) place(run string) *word {
	if w.places == nil || len(run) > len(word{}.text) {
		return nil
	}
	return &w.places[maphash.String(w.seed, run)%wordPlaces]
}

// use counts the text to be encoded and makes room for words when it pays.
func (w *words) use(bytes int) {
	if w.places == nil && w.bytes+bytes >= wordsAfter {
		w.places, w.seed = make([]word, wordPlaces), maphash.MakeSeed()
	}
	w.bytes += bytes
}

func (w *word) is(run string) bool { return string(w.text[:w.size]) == run }

func (w *word) set(run string, ids []int32) {
	if len(ids) > len(w.ids) {
		return
	}
	w.size, w.count = uint8(copy(w.text[:], run)), uint8(copy(w.ids[:], ids))
}
