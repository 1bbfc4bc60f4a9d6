package tokenize

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Decode returns the text of ids: U+2581 becomes a blank, byte pieces are
// joined to characters, and a byte that is part of none becomes U+FFFD, one
// each, as in the reference (sentencepiece_processor.cc). Control and unknown
// pieces are spelled out as in the vocabulary. An id outside the vocabulary is
// an error.
func (t *Tokenizer) Decode(ids []int32) (string, error) {
	s := Stream{t: t}
	var b []byte
	for i, id := range ids {
		if id < 0 || int(id) >= len(t.vocab.Pieces) {
			return "", fmt.Errorf("tokenize: id %d at position %d is outside the vocabulary of %d pieces",
				id, i, len(t.vocab.Pieces))
		}
		b = s.push(b, id)
	}
	return string(s.flush(b)), nil
}

// Bytes returns the text of an id inside the vocabulary: of a byte piece its
// byte, which may be a part of a character, of others what Decode gives.
func (t *Tokenizer) Bytes(id int32) []byte {
	if p := t.vocab.Pieces[id]; p.Kind == Byte {
		b, _ := byteValue(p.Text)
		return []byte{b}
	}
	s := Stream{t: t}
	return s.push(nil, id)
}

// Stream decodes id by id. What Push and Flush return, put together, is what
// Decode returns for the same ids. It is not safe for concurrent use.
type Stream struct {
	t       *Tokenizer
	partial [utf8.UTFMax]byte // bytes of a character that is not complete
	n       int               // how many
}

// NewStream returns a stream at the start of a text.
func (t *Tokenizer) NewStream() *Stream { return &Stream{t: t} }

// Push returns the text that id completes: none while the bytes of a character
// are incomplete. An id outside the vocabulary stands for U+FFFD.
func (s *Stream) Push(id int32) string {
	if s.n == 0 && id >= 0 && int(id) < len(s.t.vocab.Pieces) {
		p := &s.t.vocab.Pieces[id]
		if p.Kind != Byte && !strings.Contains(p.Text, space) {
			return p.Text // the common case needs no memory
		}
	}
	return string(s.push(nil, id))
}

// Flush returns U+FFFD for each byte that still waits for the rest of its
// character, and puts the stream back to the start.
func (s *Stream) Flush() string { return string(s.flush(nil)) }

// push appends the text that id completes.
func (s *Stream) push(dst []byte, id int32) []byte {
	if id < 0 || int(id) >= len(s.t.vocab.Pieces) {
		return append(s.flush(dst), string(utf8.RuneError)...)
	}
	p := &s.t.vocab.Pieces[id]
	switch p.Kind {
	case Byte:
		b, _ := byteValue(p.Text)
		s.partial[s.n] = b
		s.n++
		return s.complete(dst)
	case Control, Unknown:
		return append(s.flush(dst), p.Text...)
	}
	dst = s.flush(dst)
	text := p.Text
	for {
		i := strings.Index(text, space)
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:i]...), ' ')
		text = text[i+len(space):]
	}
}

// complete moves whole characters and bytes that can't begin one from partial
// to dst.
func (s *Stream) complete(dst []byte) []byte {
	for s.n > 0 && utf8.FullRune(s.partial[:s.n]) {
		r, n := utf8.DecodeRune(s.partial[:s.n])
		dst = utf8.AppendRune(dst, r)
		s.n = copy(s.partial[:], s.partial[n:s.n])
	}
	return dst
}

// flush gives up on the bytes in partial.
func (s *Stream) flush(dst []byte) []byte {
	for range s.n {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	s.n = 0
	return dst
}
