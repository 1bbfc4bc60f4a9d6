package batch

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRecords(t *testing.T) {
	for name, c := range map[string]struct {
		format Format
		text   string
		want   []string
	}{
		"plain":             {CSV, "id,prompt\n1,a b\n2,\n", []string{`0:2 {"id":"1","prompt":"a b"}`, `1:3 {"id":"2","prompt":""}`}},
		"quotes":            {CSV, "prompt,id\n\"a,\"\"b\"\"\",1\n\"\",2\n", []string{`0:2 {"prompt":"a,\"b\"","id":"1"}`, `1:3 {"prompt":"","id":"2"}`}},
		"line breaks":       {CSV, "prompt,id\n\"a\n\nb\r\nc\",1\n2,2\n", []string{`0:2 {"prompt":"a\n\nb\r\nc","id":"1"}`, `1:6 {"prompt":"2","id":"2"}`}},
		"CRLF":              {CSV, "prompt,id\r\na,1\r\n\"b\",\"2\"\r\n", []string{`0:2 {"prompt":"a","id":"1"}`, `1:3 {"prompt":"b","id":"2"}`}},
		"no last break":     {CSV, "prompt\n\"a\"", []string{`0:2 {"prompt":"a"}`}},
		"header alone":      {CSV, "prompt,id", nil},
		"BOM, quoted":       {CSV, "\xef\xbb\xbf\"prompt\"\na\n", []string{`0:2 {"prompt":"a"}`}},
		"blank lines":       {CSV, "\n\nprompt\n\na\n  \n\r\n\"\"\nb\n\n", []string{`0:5 {"prompt":"a"}`, `1:8 {"prompt":""}`, `2:9 {"prompt":"b"}`}},
		"empty name":        {CSV, ",prompt\n0,a\n", []string{`0:2 {"":"0","prompt":"a"}`}}, // as pandas names its index
		"bare quotes":       {CSV, "prompt\na \"b\" c\n5\"\n", []string{`0:2 {"prompt":"a \"b\" c"}`, `1:3 {"prompt":"5\""}`}},
		"blanks stay":       {CSV, "prompt, id\n a , \"b\n", []string{`0:2 {"prompt":" a "," id":" \"b"}`}},
		"TSV":               {TSV, "prompt\tid\na,b\t1\n\"c\td\n\"\t2\n\t\n", []string{`0:2 {"prompt":"a,b","id":"1"}`, `1:3 {"prompt":"c\td\n","id":"2"}`, `2:5 {"prompt":"","id":""}`}},
		"few fields":        {CSV, "prompt,id,x\na,1\nb,2,3\n", []string{"0:2 ! the record has 2 fields, and the header names 3", `1:3 {"prompt":"b","id":"2","x":"3"}`}},
		"many fields":       {CSV, "prompt,id\na,1,\nb,2\n", []string{"0:2 ! the record has more than 2 fields, the most that there may be", `1:3 {"prompt":"b","id":"2"}`}},
		"text behind quote": {CSV, "prompt,id\n\"a\"b\",1\nb,2\n", []string{"0:2 ! field 1 goes on with \"b\\\",1\" behind its closing quote: write a quote inside of quotes twice", `1:3 {"prompt":"b","id":"2"}`}},
		"open quote":        {CSV, "prompt,id\na,1\nb,\"2\nc,3\n", []string{`0:2 {"prompt":"a","id":"1"}`, "1:3 ! field 2 begins with a quote that is never closed: close it, or write it twice inside of quotes"}},
		"open at the end":   {CSV, "prompt\n\"", []string{"0:2 ! field 1 begins with a quote that is never closed: close it, or write it twice inside of quotes"}},
		"not UTF-8":         {CSV, "prompt\n\"a\n\xff\"\nb\n", []string{"0:2 ! the record is not UTF-8: byte 4 is 0xff", `1:4 {"prompt":"b"}`}},
		"NUL":               {CSV, "prompt\na\x00\nb\n", []string{"0:2 ! byte 2 of the record is NUL, which no text has; is the file UTF-16? UTF-8 is wanted", `1:3 {"prompt":"b"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := collect(t, Input{Stdin: strings.NewReader(c.text), Format: c.format})
			if got := showAll(lines); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
			for _, l := range lines {
				if l.Err == nil && (l.Columns[l.Prompt].Name != "prompt" || l.Hash != hashText(l.Text)) || l.Err != nil && (l.Text != nil || len(l.Columns) == 0 || l.Columns[0].Value != "" || l.Hash == 0) {
					t.Errorf("%+v", l)
				}
			}
		})
	}
}

func TestPromptColumn(t *testing.T) {
	for name, c := range map[string]struct {
		in   Input
		want string // of the record 1,2,3
	}{
		"by default":   {Input{}, "3"},
		"by name":      {Input{Column: "q"}, "1"},
		"by number":    {Input{Column: "2"}, "2"},
		"name first":   {Input{Column: "1"}, "2"},
		"too large":    {Input{Column: "4"}, `batch: standard input: line 1: which column holds the prompt? None is called "4"; there are "q", "1", "prompt"`},
		"zero":         {Input{Column: "0"}, "which column"},
		"other letter": {Input{Column: "Prompt"}, "which column"},
		"template":     {Input{Template: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.Format, c.in.Stdin = CSV, strings.NewReader("q,1,prompt\n1,2,3\n")
			lines, err := collect(t, c.in)
			got := ""
			if err != nil {
				got = err.Error()
			} else if l := lines[0]; l.Prompt >= 0 {
				got = l.Columns[l.Prompt].Value
			}
			if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestFormatByName(t *testing.T) {
	for name, want := range map[string]Format{
		"a.csv": CSV, "A.CSV": CSV, "a.csv.gz": CSV, "a.tsv.zst": TSV, "a.tab": TSV, "a.TSV.Zstd": TSV,
		"a.jsonl": JSONL, "a.csv.jsonl": JSONL, "a.gz": JSONL, "a": JSONL, "-": JSONL, "csv": JSONL,
	} {
		if got := (&Input{}).of(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
		if got := (&Input{Format: TSV}).of(name); got != TSV {
			t.Errorf("%s is %s", name, got)
		}
		if in := (Input{Names: []string{"a.jsonl", name}}); in.HasColumns() != (want != JSONL) {
			t.Errorf("%s: HasColumns is %v", name, in.HasColumns())
		}
		in := Input{Column: "q"}
		if !in.HasColumns() { // standard input
			t.Error("a column is named and there is none")
		}
		if unknown := !strings.ContainsAny(name, "."); unknown && in.of(name) != CSV || in.of("a.jsonl") != JSONL {
			t.Errorf("%s is %s", name, in.of(name))
		}
	}
}

// Whatever the bytes are, every line and record that a naive reader finds is given once, in order.
func FuzzSource(f *testing.F) {
	for _, seed := range []string{"", "\n", "{}\r\n1", "\xef\xbb\xbf1\n\n2\xff\n\x00", "a,prompt\n\"b\n\"\"\",c\n\"d", "prompt\n\"a\"b\n", "\x1f\x8b", "\x28\xb5\x2f\xfd", gzipped("1\n2")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := collect(t, Input{Stdin: strings.NewReader(text), Format: CSV, Template: true})
		if records, ok := naiveRecords(text); ok {
			if err != nil || len(lines) != len(records) {
				t.Fatalf("%q gives %q, %v, want %q", text, showAll(lines), err, records)
			}
			for i, l := range lines {
				var fields []string
				for _, c := range l.Columns {
					fields = append(fields, c.Value)
				}
				if l.Err != nil || l.Index != int64(i) || !slices.Equal(fields, records[i]) || !json.Valid(l.Text) {
					t.Fatalf("record %d is %+v, want %q", i, l, records[i])
				}
			}
		}

		lines, err = collect(t, Input{Stdin: strings.NewReader(text)})
		if err != nil || mayBePacked(text) {
			return
		}
		for i, line := range strings.Split(strings.TrimPrefix(text, "\xef\xbb\xbf"), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if strings.Trim(line, " \t\r") == "" {
				continue
			}
			if len(lines) == 0 {
				t.Fatalf("%q is lost", line)
			}
			l, bad := lines[0], !utf8.ValidString(line) || strings.Contains(line, "\x00")
			lines = lines[1:]
			if l.Number != int64(i+1) || (l.Err != nil) != bad || !bad && string(l.Text) != line || l.Hash != hashText([]byte(line)) {
				t.Fatalf("%+v of %q", l, line)
			}
		}
		if len(lines) > 0 {
			t.Fatalf("there is no line %s", show(lines[0]))
		}
	})
}

func mayBePacked(text string) bool {
	return text != "" && (text[0] == 0x1f || text[0] == 0x28 || text[0]&0xf0 == 0x50)
}

// naiveRecords reads with encoding/csv what it reads alike: records behind a header, all of as
// many fields, without CR or lines of blanks.
func naiveRecords(text string) ([][]string, bool) {
	s := strings.TrimPrefix(text, "\xef\xbb\xbf")
	if strings.ContainsAny(s, "\r\x00") || !utf8.ValidString(s) || mayBePacked(text) {
		return nil, false
	}
	for line := range strings.Lines(s) {
		if strings.Trim(line, " \n") == "" && line != "\n" {
			return nil, false
		}
	}
	records, err := csv.NewReader(strings.NewReader(s)).ReadAll()
	if err != nil || len(records) == 0 {
		return nil, false
	}
	header := slices.Sorted(slices.Values(records[0]))
	if len(slices.Compact(header)) < len(records[0]) {
		return nil, false
	}
	return records[1:], true
}
