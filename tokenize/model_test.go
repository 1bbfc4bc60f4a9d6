package tokenize

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// protoModel serializes a ModelProto. Specs without a field keep its default.
func protoModel(pieces []Piece, trainer, normalizer []byte) []byte {
	var b []byte
	for _, p := range pieces {
		b = protowire.AppendTag(b, 1, protowire.BytesType)
		b = protowire.AppendBytes(b, protoPiece(p))
	}
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendBytes(b, trainer)
	b = protowire.AppendTag(b, 3, protowire.BytesType)
	return protowire.AppendBytes(b, normalizer)
}

func protoPiece(p Piece) []byte {
	var b []byte
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendString(b, p.Text)
	b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
	b = protowire.AppendFixed32(b, math.Float32bits(p.Score))
	return append(b, varints(3, uint64(p.Kind))...)
}

// varints serializes pairs of field number and value.
func varints(pairs ...uint64) (b []byte) {
	for i := 0; i < len(pairs); i += 2 {
		b = protowire.AppendTag(b, protowire.Number(pairs[i]), protowire.VarintType)
		b = protowire.AppendVarint(b, pairs[i+1])
	}
	return b
}

func protoBytes(number protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), s)
}

// What Gemma's tokenizer.model says.
var (
	gemmaTrainer    = varints(3, 2, 35, 1)
	gemmaNormalizer = append(protoBytes(1, "identity"), varints(3, 0, 4, 0, 5, 1)...)
)

func TestParseModel(t *testing.T) {
	want := with(Piece{"▁a", -1.5, Normal}, Piece{"\n\n", 0, UserDefined}, Piece{"x", 1, Unused})
	data := protoModel(want.Pieces, gemmaTrainer, gemmaNormalizer)
	// Fields that don't matter: self_test_data, an extension.
	data = append(data, protoBytes(4, "junk")...)
	data = append(data, varints(200, 1<<40)...)
	// The kind's default is normal.
	data = append(data, protoBytes(1, string(protoBytes(1, "y")))...)
	want.Pieces = append(want.Pieces, Piece{"y", 0, Normal})
	got, err := parseModel(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.BOS != 1 || got.EOS != 2 || got.UNK != 0 {
		t.Errorf("bos %d, eos %d, unk %d, want 1, 2, 0", got.BOS, got.EOS, got.UNK)
	}
	if len(got.Pieces) != len(want.Pieces) {
		t.Fatalf("%d pieces, want %d", len(got.Pieces), len(want.Pieces))
	}
	for i := range want.Pieces {
		if got.Pieces[i] != want.Pieces[i] {
			t.Errorf("piece %d: got %+v, want %+v", i, got.Pieces[i], want.Pieces[i])
		}
	}
	if _, err := New(got); err != nil {
		t.Error(err)
	}
}

func TestParseModelNamesSpecialPieces(t *testing.T) {
	v := byteVocab()
	v.Pieces[1].Text = "<|im_end|>"
	trainer := append(varints(3, 2, 35, 1), protoBytes(47, "<|im_end|>")...)
	got, err := parseModel(protoModel(v.Pieces, trainer, gemmaNormalizer))
	if err != nil || got.EOS != 1 || got.BOS != -1 {
		t.Errorf("eos %d, bos %d, %v, want 1, -1", got.EOS, got.BOS, err)
	}
}

func TestParseModelRefuses(t *testing.T) {
	pieces := byteVocab().Pieces
	good := protoModel(pieces, gemmaTrainer, gemmaNormalizer)
	normalizer := func(fields ...[]byte) []byte {
		n := gemmaNormalizer
		for _, f := range fields {
			n = append(n[:len(n):len(n)], f...)
		}
		return protoModel(pieces, gemmaTrainer, n)
	}
	trainer := func(pairs ...uint64) []byte {
		return protoModel(pieces, append(gemmaTrainer[:len(gemmaTrainer):len(gemmaTrainer)], varints(pairs...)...), gemmaNormalizer)
	}
	path := filepath.Join(t.TempDir(), "test.model")
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":             {nil, "not a SentencePiece model"},
		"json":              {[]byte(`{"version": "1.0"}`), "not a tokenizer.json"},
		"gguf":              {[]byte("GGUF\x03\x00\x00\x00"), "not a SentencePiece model"},
		"no pieces":         {varints(9, 9), "no pieces"},
		"unigram":           {trainer(3, 1), "model type unigram"},
		"word":              {trainer(3, 3), "model type word"},
		"type 9":            {trainer(3, 9), "model type 9"},
		"no trainer_spec":   {protoModel(pieces, nil, gemmaNormalizer), "model type unigram"},
		"no bytes":          {trainer(35, 0), "byte_fallback is off"},
		"suffix":            {trainer(24, 1), "treat_whitespace_as_suffix"},
		"dummy prefix":      {normalizer(varints(3, 1)), "add_dummy_prefix"},
		"extra blanks":      {normalizer(varints(4, 1)), "remove_extra_whitespaces"},
		"no escape":         {normalizer(varints(5, 0)), "escape_whitespaces"},
		"nfkc":              {normalizer(protoBytes(1, "nmt_nfkc")), `"nmt_nfkc"`},
		"charsmap":          {normalizer(protoBytes(2, "\x04\x00\x00\x00abcd")), "precompiled_charsmap of 8 bytes"},
		"denormalizer":      {append(good[:len(good):len(good)], protoBytes(5, string(protoBytes(2, "xx")))...), "precompiled_charsmap"},
		"default settings":  {protoModel(pieces, gemmaTrainer, nil), "add_dummy_prefix"},
		"piece kind":        {append(good[:len(good):len(good)], protoBytes(1, string(varints(3, 7)))...), "piece 259 at byte"},
		"score as integer":  {append(good[:len(good):len(good)], protoBytes(1, string(varints(2, 7)))...), "piece 259 at byte"},
		"piece as integer":  {append(good[:len(good):len(good)], varints(1, 7)...), "field 1"},
		"text as integer":   {protoBytes(1, string(varints(1, 7))), "piece 0 at byte 2"},
		"flag as text":      {normalizer(protoBytes(3, "x")), "normalizer_spec at byte"},
		"truncated":         {good[:len(good)-1], "unexpected EOF"},
		"endless varint":    {append([]byte{0x0a}, strings.Repeat("\xff", 40)...), "not a SentencePiece model: byte 0"},
		"length past end":   {[]byte{0x0a, 0x7f, 0}, "byte 0"},
		"field 0":           {[]byte{0x02, 0x00}, "byte 0"},
		"group never ends":  {[]byte{0x0b}, "byte 0"},
		"truncated in text": {good[:200], "byte 198: unexpected EOF"},
	} {
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		tok, err := Load(path)
		if err == nil {
			t.Errorf("%s: no error, %d pieces", name, tok.Size())
			continue
		}
		if msg := err.Error(); !strings.HasPrefix(msg, "tokenize: "+path+": ") || !strings.Contains(msg, c.want) {
			t.Errorf("%s: got %q, want it to name the file and %q", name, msg, c.want)
		}
	}
}

// TestTruncatedModel cuts a real file everywhere in its first and last pieces.
func TestTruncatedModel(t *testing.T) {
	data, err := os.ReadFile(testdata + "/nano.model")
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if n > 400 && n < len(data)-400 {
			continue
		}
		v, err := parseModel(data[:n])
		if err == nil {
			_, err = New(v)
		}
		if err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(data))
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(v *Vocab)
		want   string
	}{
		"empty":            {func(v *Vocab) { v.Pieces = nil }, "vocabulary is empty"},
		"duplicate":        {func(v *Vocab) { v.Pieces[260].Text = "a" }, `pieces 259 and 260 have the same text "a"`},
		"duplicate kinds":  {func(v *Vocab) { v.Pieces[260] = Piece{"a", 0, UserDefined} }, `pieces 259 and 260 have the same text "a"`},
		"duplicate byte":   {func(v *Vocab) { v.Pieces[4].Text = "<0x00>" }, "pieces 3 and 4"},
		"missing byte":     {func(v *Vocab) { v.Pieces[3+0xab].Kind = Normal }, "<0xAB> is missing"},
		"byte name":        {func(v *Vocab) { v.Pieces[3].Text = "<0xg0>" }, `piece 3 ("<0xg0>")`},
		"byte lower case":  {func(v *Vocab) { v.Pieces[3+0xab].Text = "<0xab>" }, "piece 174"},
		"no text":          {func(v *Vocab) { v.Pieces[259].Text = "" }, "piece 259 is empty"},
		"not UTF-8":        {func(v *Vocab) { v.Pieces[259].Text = "\xe0\xb8" }, "piece 259"},
		"NaN":              {func(v *Vocab) { v.Pieces[259].Score = float32(math.NaN()) }, "piece 259"},
		"infinite":         {func(v *Vocab) { v.Pieces[259].Score = float32(math.Inf(1)) }, "piece 259"},
		"minus infinite":   {func(v *Vocab) { v.Pieces[259].Score = float32(math.Inf(-1)) }, "piece 259"},
		"kind 0":           {func(v *Vocab) { v.Pieces[259].Kind = 0 }, "piece 259"},
		"kind 7":           {func(v *Vocab) { v.Pieces[259].Kind = 7 }, "piece 259"},
		"two unknown":      {func(v *Vocab) { v.Pieces[259].Kind = Unknown }, "pieces 0"},
		"no unknown":       {func(v *Vocab) { v.Pieces[0].Kind = Control }, "kind unknown"},
		"unknown id":       {func(v *Vocab) { v.UNK = 5 }, "unknown id is 5"},
		"bos too large":    {func(v *Vocab) { v.BOS = 261 }, "bos id 261"},
		"bos negative":     {func(v *Vocab) { v.BOS = -2 }, "bos id -2"},
		"eos is ordinary":  {func(v *Vocab) { v.EOS = 259 }, "eos id 259"},
		"eos is a byte":    {func(v *Vocab) { v.EOS = 3 }, "eos id 3"},
		"bos is unknown":   {func(v *Vocab) { v.BOS = 0 }, "bos id 0"},
		"endless piece":    {func(v *Vocab) { v.Pieces[259].Text = strings.Repeat("a", 1025) }, "piece 259 (\"aaaaaaaaaaaaaaaaaaaa\"…) has 1025 bytes"},
		"eos far negative": {func(v *Vocab) { v.EOS = math.MinInt32 }, "eos id"},
	} {
		v := with(Piece{"a", -1, Normal}, Piece{"b", -1, Normal})
		c.change(&v)
		if _, err := New(v); err == nil || !strings.HasPrefix(err.Error(), "tokenize: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if _, err := New(with(Piece{strings.Repeat("a", 1024), -1, Normal})); err != nil {
		t.Errorf("a piece of 1024 bytes: %v", err)
	}
	v := byteVocab()
	v.BOS, v.EOS = -1, -1
	if _, err := New(v); err != nil {
		t.Errorf("without bos and eos: %v", err)
	}
}

// TestBadFiles reads broken tokenizers: copies made here and, where shared data
// lies beside the clone, the reference's.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	good, err := os.ReadFile(testdata + "/nano.model")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad := []string{
		write("empty.model", nil),
		write("cut.model", good[:len(good)/2]),
		write("twice.model", append(good[:len(good):len(good)], good...)),
		write("tokenizer.json", []byte(`{"version":"1.0"}`)),
		write("text.model", []byte("Hello, this is no model at all.")),
		dir,
		filepath.Join(dir, "absent.model"),
	}
	if _, err := os.Stat(shared); err == nil {
		shared, err := filepath.Glob(shared + "/golden/bad-files/tokenizer-*/tokenizer.*")
		if err != nil || len(shared) != 5 {
			t.Fatalf("%d broken tokenizers, want 5: %v", len(shared), err)
		}
		bad = append(bad, shared...)
	}
	for _, path := range bad {
		_, err := Load(path)
		if err == nil {
			t.Errorf("%s: no error", path)
			continue
		}
		if !strings.HasPrefix(err.Error(), "tokenize: ") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %q does not name it", path, err)
		}
	}
}

func TestAccessors(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	if tok.BOS() != 2 || tok.EOS() != 1 || tok.UNK() != 3 || tok.Size() != 2048 {
		t.Errorf("bos %d, eos %d, unk %d, size %d", tok.BOS(), tok.EOS(), tok.UNK(), tok.Size())
	}
	for id := range int32(tok.Size()) {
		if got, ok := tok.ID(tok.Piece(id).Text); !ok || got != id {
			t.Errorf("ID(%q) = %d, %v, want %d", tok.Piece(id).Text, got, ok, id)
		}
	}
	if id, ok := tok.ID("no such piece"); ok {
		t.Errorf("ID of an unknown text is %d", id)
	}
}
