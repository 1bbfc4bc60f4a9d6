package batch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// collect reads a source to its end; err is what ended it but for io.EOF.
func collect(t *testing.T, in Input) (lines []*Line, err error) {
	t.Helper()
	s, err := Open(in)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for {
		l, err := s.Next(t.Context())
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, l)
	}
}

// show is a line in short.
func show(l *Line) string {
	text := string(l.Text)
	if l.Err != nil {
		text = "! " + l.Err.Error()
	}
	return fmt.Sprintf("%d:%d %s", l.Index, l.Number, text)
}

func showAll(lines []*Line) (shown []string) {
	for _, l := range lines {
		shown = append(shown, show(l))
	}
	return shown
}

func write(t *testing.T, name string, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

func zstandard(t *testing.T, text string, options ...zstd.EOption) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

func TestLines(t *testing.T) {
	const bom = "\xef\xbb\xbf"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"none":           {"", nil},
		"plain":          {"\"a\"\n{}\n", []string{`0:1 "a"`, `1:2 {}`}},
		"no last break":  {"1\n2", []string{"0:1 1", "1:2 2"}},
		"CRLF":           {"1\r\n2\r\n", []string{"0:1 1", "1:2 2"}},
		"CR at the end":  {"1\r", []string{"0:1 1"}},
		"blank lines":    {"\n1\n \t\r\n\r\n2\n\n", []string{"0:2 1", "1:5 2"}},
		"BOM":            {bom + "1\n2\n", []string{"0:1 1", "1:2 2"}},
		"BOM alone":      {bom, nil},
		"BOM, blank":     {bom + "\n1", []string{"0:2 1"}},
		"blanks stay":    {" 1 \n", []string{"0:1  1 "}},
		"null":           {"null\n", []string{"0:1 null"}},
		"NUL":            {"\"\x00\"\n2\n", []string{"0:1 ! byte 2 of the line is NUL, which no text has; is the file UTF-16? UTF-8 is wanted", "1:2 2"}},
		"not UTF-8":      {"\"a\xff\"\n2\n", []string{"0:1 ! the line is not UTF-8: byte 3 is 0xff", "1:2 2"}},
		"surrogate":      {"\"\xed\xa0\x80\"\n2\n", []string{"0:1 ! the line is not UTF-8: byte 2 is 0xed", "1:2 2"}},
		"cut character":  {"\"\xe0\xb8\n2\n", []string{"0:1 ! the line is not UTF-8: byte 2 is 0xe0", "1:2 2"}},
		"gzip":           {gzipped(bom + "1\n2"), []string{"0:1 1", "1:2 2"}},
		"gzip members":   {gzipped("1\n2") + gzipped("3\n4\n"), []string{"0:1 1", "1:2 23", "2:3 4"}},
		"zstd":           {zstandard(t, bom+"1\n2"), []string{"0:1 1", "1:2 2"}},
		"zstd frames":    {zstandard(t, "1\n2") + zstandard(t, "3\n4\n"), []string{"0:1 1", "1:2 23", "2:3 4"}},
		"zstd skippable": {"\x50\x2a\x4d\x18\x02\x00\x00\x00ab" + zstandard(t, "1\n"), []string{"0:1 1"}},
		"empty gzip":     {gzipped(""), nil},
		"PK":             {"PK\n", []string{"0:1 PK"}},
	} {
		t.Run(name, func(t *testing.T) {
			for how, in := range map[string]Input{
				"stdin": {Stdin: strings.NewReader(c.text)},
				"-":     {Stdin: strings.NewReader(c.text), Names: []string{"-"}},
				"file":  {Names: []string{write(t, "lines", c.text)}},
			} {
				lines, err := collect(t, in)
				if got := showAll(lines); err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%s: %q, %v, want %q", how, got, err, c.want)
				}
			}
		})
	}
}

func TestFilesAreOneStream(t *testing.T) {
	names := []string{write(t, "a.jsonl", "1\n\n2"), write(t, "empty", ""), write(t, "b.jsonl.gz", gzipped("\xef\xbb\xbf3\n")), "-"}
	lines, err := collect(t, Input{Names: names, Stdin: strings.NewReader("4\n")})
	if got, want := showAll(lines), []string{"0:1 1", "1:3 2", "2:1 3", "3:1 4"}; err != nil || !slices.Equal(got, want) {
		t.Fatalf("%q, %v, want %q", got, err, want)
	}
	if got, want := lines[2].Where(), names[2]+": line 1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := lines[3].Where(), "standard input: line 1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The hash is of the content alone, so that a run can be resumed from the same lines in another
// form, and a line with an error has one too.
func TestHash(t *testing.T) {
	hash := func(text string) Hash {
		lines, err := collect(t, Input{Stdin: strings.NewReader(text)})
		if err != nil || len(lines) != 1 {
			t.Fatal(lines, err)
		}
		return lines[0].Hash
	}
	h := hash(`"hi"`)
	if got := h.String(); got != "b49177e05868b7af" { // printf '"hi"' | sha256sum
		t.Errorf("the hash is %s", got)
	}
	for _, same := range []string{"\"hi\"\n", "\"hi\"\r\n", "\xef\xbb\xbf\n\"hi\"", gzipped(`"hi"`)} {
		if hash(same) != h {
			t.Errorf("%q has another hash", same)
		}
	}
	if a, b := hash("\xff"), hash("\xfe"); a == b || a == h {
		t.Error("wrong lines have no hash of their own")
	}
	if hashOf([32]byte{}) == 0 {
		t.Error("a hash is 0, which stands for none")
	}
	if got, err := ParseHash(h.String()); got != h || err != nil {
		t.Error(got, err)
	}
	for _, bad := range []string{"", "0", "0000000000000000", "B49177E05868B7AF", "b49177e05868b7a", "b49177e05868b7af0", "+49177e05868b7af"} {
		if got, err := ParseHash(bad); err == nil {
			t.Errorf("%q is the hash %v", bad, got)
		}
	}
}

// What is wrong with an input as a whole ends it, behind the lines in front of it.
func TestBrokenInputs(t *testing.T) {
	packed := gzipped("1\n2\n3")
	zst := zstandard(t, "1\n2\n3", zstd.WithEncoderCRC(true))
	damagedZst := []byte(zst)
	damagedZst[len(zst)-1] ^= 1 // of the checksum
	damagedGzip := []byte(packed)
	damagedGzip[len(packed)-6] ^= 1
	for name, c := range map[string]struct {
		text  string
		lines int
		want  string
	}{
		"UTF-16 LE":        {"\xff\xfe1\x00", 0, "is UTF-16, and UTF-8 is wanted: convert it"},
		"UTF-16 BE":        {"\xfe\xff\x001", 0, "is UTF-16"},
		"UTF-16 in gzip":   {gzipped("\xff\xfe1\x00"), 0, "is UTF-16"},
		"xz":               {"\xfd7zXZ\x00abc", 0, "it is compressed by xz: unpack it first"},
		"zip":              {"PK\x03\x04abc", 0, "it is a zip archive"},
		"cut gzip":         {packed[:len(packed)-8], 2, "ends behind line 2 in the middle of its compressed text, at byte"},
		"cut gzip header":  {packed[:5], 0, "ends in the middle of its compressed text, at byte 5: copy it again"},
		"damaged gzip":     {string(damagedGzip), 2, "behind line 2, near byte"},
		"behind gzip":      {gzipped("1\n2\n") + "xyz" + strings.Repeat("z", 20), 2, "behind line 2, near byte"},
		"cut zstd":         {zst[:len(zst)-6], 0, "ends in the middle of its compressed text"}, // a block is all or nothing
		"damaged zstd":     {string(damagedZst), 2, "the file is damaged: copy it again"},
		"zstd's long":      {"\x28\xb5\x2f\xfd\x00\xa8\x09\x00\x001", 0, "compress it again without --long"},
		"zstd behind cut":  {zstandard(t, "1\n2\n") + "\x28\xb5\x2f\xfd\x00", 2, "behind line 2"},
		"CSV without any":  {"", 0, "is empty; its first line names the columns"},
		"CSV blank":        {"\n \n", 0, "is empty"},
		"CSV no prompt":    {"a,b\n", 0, `line 1: which column holds the prompt? None is called "prompt"; there are "a", "b"`},
		"CSV semicolon":    {"a;prompt\n", 0, `is ";" what separates them?`},
		"CSV twice":        {"\nprompt,a,prompt\n", 0, `line 2: columns 1 and 3 are both called "prompt"`},
		"CSV open quote":   {"a,\"prompt\n1,2\n", 0, "line 1: field 2 begins with a quote that is never closed"},
		"CSV not UTF-8":    {"a,pr\xffmpt\n", 0, "line 1: the header is not UTF-8: byte 5 is 0xff"},
		"CSV many columns": {strings.Repeat(",", maxColumns), 0, "more than 10000 fields"},
	} {
		t.Run(name, func(t *testing.T) {
			format := JSONL
			if strings.HasPrefix(name, "CSV") {
				format = CSV
			}
			path := write(t, "broken", c.text)
			lines, err := collect(t, Input{Names: []string{"-"}, Format: format, Stdin: strings.NewReader(c.text)})
			if err == nil || !strings.HasPrefix(err.Error(), "batch: standard input") || !strings.Contains(err.Error(), c.want) || len(lines) != c.lines {
				t.Errorf("%d lines, %v, want %d, and %q", len(lines), err, c.lines, c.want)
			}
			lines, err = collect(t, Input{Names: []string{path}, Format: format})
			if err == nil || !strings.HasPrefix(err.Error(), "batch: "+path) || !strings.Contains(err.Error(), c.want) || len(lines) != c.lines {
				t.Errorf("%d lines, %v, want %d, and %q", len(lines), err, c.lines, c.want)
			}
		})
	}
}

// What can be known of files is said before any of them is read.
func TestOpenLooksAtAllFiles(t *testing.T) {
	good := write(t, "good.jsonl", "1\n")
	dir := t.TempDir()
	for name, c := range map[string]struct {
		bad, want string
	}{
		"missing":  {filepath.Join(dir, "nope"), "no such file"},
		"folder":   {dir, "is a folder; name the files in it"},
		"UTF-16":   {write(t, "b.jsonl", "\xff\xfe"), "is UTF-16"},
		"xz":       {write(t, "b.xz", "\xfd7zXZ\x00"), "compressed by xz"},
		"a header": {write(t, "b.csv", "a,b\n"), "which column"},
		"stdin":    {"-", "only once"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(Input{Names: []string{good, "-", c.bad}, Stdin: iotestErr{t}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err == nil {
				s.Close()
			}
		})
	}
	a, b := write(t, "a.csv", "prompt,x\n1,2\n"), write(t, "b.csv", "x,prompt\n1,2\n")
	if _, err := Open(Input{Names: []string{a, b}}); err == nil || !strings.Contains(err.Error(), `the columns are "x", "prompt", and those of another input are "prompt", "x"`) {
		t.Error(err)
	}
	if _, err := Open(Input{Names: []string{good}, Format: "xml"}); err == nil || !strings.Contains(err.Error(), `"xml" is no format`) {
		t.Error(err)
	}
}

// iotestErr is a standard input that nobody may read.
type iotestErr struct{ t *testing.T }

func (r iotestErr) Read([]byte) (int, error) {
	r.t.Error("standard input is read")
	return 0, errors.New("it was read")
}

// A line that is too long is an error, wherever its end is; those behind it are read.
func TestLongLines(t *testing.T) {
	const most = 3 << 20
	long := strings.Repeat("x", most+1)
	fits := long[:most]
	for name, c := range map[string]struct {
		format Format
		text   string
		want   []string
	}{
		"JSONL":      {JSONL, fits + "\r\n" + long + "\n1\n", []string{"0:1 " + fits, "1:2 ! the line is longer than 3 MiB", "2:3 1"}},
		"much":       {JSONL, long + long + long + "\n1\n", []string{"0:1 ! the line is longer than 3 MiB", "1:2 1"}},
		"at the end": {JSONL, "1\n" + long + "xxx", []string{"0:1 1", "1:2 ! the line is longer than 3 MiB"}},
		"CSV": {CSV, "prompt\n\"" + long + "\n\n\"\"a\nb\"\"\n\"\nc\n",
			[]string{"0:2 ! the record is longer than 3 MiB; is a quote never closed?", `1:7 {"prompt":"c"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := collect(t, Input{Stdin: strings.NewReader(c.text), Format: c.format, maxLine: most})
			if got := showAll(lines); err != nil || !slices.Equal(got, c.want) {
				for i := range got {
					got[i] = fmt.Sprintf("%.80s", got[i])
				}
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	hashes := map[Hash]bool{}
	for _, text := range []string{long, "a" + long, "b" + long, long + "a", long + "b"} {
		lines, err := collect(t, Input{Stdin: strings.NewReader(text), maxLine: most})
		if err != nil || len(lines) != 1 || hashes[lines[0].Hash] {
			t.Errorf("%d lines, %v, or a hash that another line has too", len(lines), err)
			continue
		}
		hashes[lines[0].Hash] = true
	}
}

// A producer gives the next line when it has seen that the one before was read: lines come as
// soon as they are there, also compressed, and a silent producer can be left.
func TestPipe(t *testing.T) {
	for name, pack := range map[string]func(io.Writer) interface {
		io.Writer
		Flush() error
	}{
		"plain": func(w io.Writer) interface {
			io.Writer
			Flush() error
		} {
			return plainWriter{w}
		},
		"gzip": func(w io.Writer) interface {
			io.Writer
			Flush() error
		} {
			return gzip.NewWriter(w)
		},
		"zstd": func(w io.Writer) interface {
			io.Writer
			Flush() error
		} {
			z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			return z
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, pipe, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer pipe.Close()
			s, err := Open(Input{Stdin: r})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			w := pack(pipe)
			for i := range 3 {
				fmt.Fprintf(w, "%d\n", i)
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				l, err := s.Next(t.Context())
				if err != nil || show(l) != fmt.Sprintf("%d:%d %d", i, i+1, i) {
					t.Fatal(l, err)
				}
			}
			cause := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
			if l, err := s.Next(ctx); l != nil || err != cause {
				t.Fatal(l, err)
			}
			fmt.Fprint(w, "3\n")
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if l, err := s.Next(t.Context()); err != nil || show(l) != "3:4 3" {
				t.Fatal(l, err)
			}
		})
	}
}

type plainWriter struct{ io.Writer }

func (plainWriter) Flush() error { return nil }

// endless gives lines and counts them.
type endless struct{ bytes int }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, bytes.Repeat([]byte("\"hi\"\n"), len(p)/5))
	e.bytes += n
	return n, nil
}

func TestReadsNoFurtherThanAsked(t *testing.T) {
	e := new(endless)
	s, err := Open(Input{Stdin: e})
	if err != nil {
		t.Fatal(err)
	}
	if e.bytes > 0 {
		t.Errorf("%d bytes were read before a line was asked for", e.bytes)
	}
	for range 3 {
		if _, err := s.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if read, total := s.Progress(); e.bytes > readBytes || read <= 0 || read > int64(e.bytes) || total != -1 {
		t.Errorf("%d bytes of %d, %d were read", read, total, e.bytes)
	}
}

func TestProgress(t *testing.T) {
	a, b := write(t, "a.jsonl", "1\n2\n"), write(t, "b.jsonl.gz", gzipped("3\n"))
	s, err := Open(Input{Names: []string{a, b}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := int64(4 + len(gzipped("3\n")))
	if read, total := s.Progress(); read != 0 || total != want {
		t.Errorf("%d of %d, want 0 of %d", read, total, want)
	}
	if _, err := s.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if read, _ := s.Progress(); read != 2 { // though the file was read to its end
		t.Errorf("%d bytes behind the first line, want 2", read)
	}
	for err == nil {
		_, err = s.Next(t.Context())
	}
	if read, total := s.Progress(); read != want || total != want {
		t.Errorf("%d of %d, want %d", read, total, want)
	}
	if _, again := s.Next(t.Context()); err != io.EOF || again != io.EOF {
		t.Error(err, again)
	}
}

func BenchmarkSource(b *testing.B) {
	for name, line := range map[string]string{
		"short": "\"hi\"\n",
		"1MB":   "\"" + strings.Repeat("x", 1<<20) + "\"\n",
	} {
		for _, format := range []Format{JSONL, CSV} {
			b.Run(name+"/"+string(format), func(b *testing.B) {
				text := strings.Repeat(line, max(1, 10<<20/len(line)))
				b.SetBytes(int64(len(text)))
				lines := 0
				for b.Loop() {
					in := Input{Stdin: strings.NewReader(text), Format: format, Column: "1"}
					if format == CSV {
						in.Stdin = io.MultiReader(strings.NewReader("prompt\n"), in.Stdin)
					}
					s, err := Open(in)
					if err != nil {
						b.Fatal(err)
					}
					for {
						if _, err := s.Next(b.Context()); err != nil {
							break
						}
						lines++
					}
					s.Close()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(lines), "ns/line")
			})
		}
	}
}
