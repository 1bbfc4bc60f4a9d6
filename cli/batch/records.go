package batch

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sealvk/cli/openai"
	"sealvk/engine"
)

// Records encodes what becomes of lines: as lines of JSON, or as records of CSV.
type Records struct {
	Format Format // JSONL or CSV

	names    []string // of the CSV's columns, once they are known
	begun    bool     // they are in the output
	namesEnd int64    // where they end in a file that was read
}

// answerColumns are what a CSV record has behind the input's own columns.
var answerColumns = []string{"answer", "finish_reason", "prompt_tokens", "completion_tokens", "seed", "error", "index", "hash"}

// placeOf is where a line stands, for its result.
func placeOf(l *Line) openai.Place {
	at := openai.Place{Index: l.Index, Hash: l.Hash.String()}
	for _, c := range l.Columns {
		at.Columns = append(at.Columns, openai.Column(c))
	}
	return at
}

// header is the CSV's first record for lines with these columns; where the input has a column by a name of an
// answer's, the answer's gets a number.
func header(columns []Column) []string {
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	for _, name := range answerColumns {
		unique := name
		for n := 2; slices.Contains(names, unique); n++ {
			unique = fmt.Sprintf("%s_%d", name, n)
		}
		names = append(names, unique)
	}
	return names
}

// answer is a line's record with the results of what it asked for.
func (r *Records) answer(l *Line, asked *openai.Asked, results []engine.Result) ([]byte, error) {
	if r.Format == CSV {
		plain, problem := asked.Plain(placeOf(l), results), ""
		if err := results[0].Err; err != nil {
			plain.PlainAnswer, problem = nil, err.Error()
		}
		return r.csv(l, plain.PlainAnswer, problem)
	}
	line, err := asked.Line(placeOf(l), results)
	return append(line, '\n'), err
}

// failure is the record of a line that was refused; of is nil where nothing is known of the request.
func (r *Records) failure(l *Line, j *openai.Job, of *openai.Request, problem error) ([]byte, error) {
	if r.Format == CSV {
		return r.csv(l, nil, problem.Error())
	}
	line, err := j.Failure(of, placeOf(l), problem)
	return append(line, '\n'), err
}

// csv encodes a line's one answer, or what is wrong with the line, as a record.
func (r *Records) csv(l *Line, a *openai.PlainAnswer, problem string) ([]byte, error) {
	fields := make([]string, 0, len(l.Columns)+len(answerColumns))
	for _, c := range l.Columns {
		fields = append(fields, c.Value)
	}
	if a == nil {
		fields = append(fields, "", "error", "", "", "")
	} else {
		seed := ""
		if a.Seed != nil {
			seed = strconv.FormatInt(*a.Seed, 10)
		}
		fields = append(fields, a.Text, a.FinishReason, strconv.Itoa(a.PromptTokens), strconv.Itoa(a.CompletionTokens), seed)
	}
	fields = append(fields, problem, strconv.FormatInt(l.Index, 10), l.Hash.String())
	if names := header(l.Columns); r.names == nil {
		r.names = names
	} else if !slices.Equal(r.names, names) {
		return nil, fmt.Errorf("%s: its columns are not those of the output, which are %s: want inputs with the same columns, or --format jsonl", l.Where(), strings.Join(r.names, ", "))
	}
	return csvRow(fields), nil
}

func csvRow(fields []string) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(fields) // into memory
	w.Flush()
	return out.Bytes()
}

// Begin is to be called with every record in the order of writing: the first gets the names of the columns in front of it,
// where the output has some and they are not there.
func (r *Records) Begin(record []byte) []byte {
	if r.Format != CSV || r.begun {
		return record
	}
	r.begun = true
	return append(csvRow(r.names), record...)
}

// mark is a record of an output as a resume sees it.
type mark struct {
	start, end int64 // bytes of the file
	index      int64
	hash       Hash
	failed     bool
}

// errTorn says that what is left of a file is no whole record.
var errTorn = errors.New("the last record is not whole")

// marks calls do for every record of an output. It gives where the last whole one ends, and errTorn if there is more.
func (r *Records) marks(in io.Reader, do func(mark) error) (end int64, err error) {
	if r.Format == CSV {
		return r.csvMarks(in, do)
	}
	b := bufio.NewReaderSize(in, 1<<20)
	for number := 1; ; number++ {
		line, err := readLine(b)
		if errors.Is(err, io.EOF) {
			if len(line) > 0 {
				err = errTorn
			} else {
				err = nil
			}
			return end, err
		}
		if err != nil {
			return end, err
		}
		m, problem := markOf(line)
		if problem != nil {
			if _, err := b.ReadByte(); errors.Is(err, io.EOF) { // as a machine that lost power may leave it
				return end, errTorn
			}
			return end, fmt.Errorf("line %d: %w", number, problem)
		}
		m.start, m.end = end, end+int64(len(line))
		if err := do(m); err != nil {
			return end, err
		}
		end = m.end
	}
}

// readLine reads a line of any length with its break; the slice is valid until the next read.
func readLine(b *bufio.Reader) ([]byte, error) {
	line, err := b.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	line = slices.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		var more []byte
		more, err = b.ReadSlice('\n')
		line = append(line, more...)
	}
	return line, err
}

// markOf reads what tells a line of output apart.
func markOf(line []byte) (m mark, err error) {
	var v struct {
		ID       string `json:"id"` // of a batch line's result
		Response *struct {
			Status int `json:"status_code"`
		} `json:"response"`
		Index *int64          `json:"index"` // of the others
		Hash  string          `json:"hash"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return m, fmt.Errorf("no line that this command writes: %w", err)
	}
	if rest, ok := strings.CutPrefix(v.ID, "batch_req_"); ok {
		index, hash, _ := strings.Cut(rest, "_")
		if n, err := strconv.ParseInt(index, 10, 64); err == nil {
			v.Index, v.Hash = &n, hash
		}
	}
	if v.Index == nil || *v.Index < 0 {
		return m, errors.New("no line that this command writes: it has no index")
	}
	m.index = *v.Index
	m.failed = len(v.Error) > 0 && string(v.Error) != "null" || v.Response != nil && v.Response.Status != 200
	m.hash, err = ParseHash(v.Hash)
	return m, err
}

func (r *Records) csvMarks(in io.Reader, do func(mark) error) (end int64, err error) {
	last := &lastByte{r: in}
	c := csv.NewReader(last)
	c.ReuseRecord = true
	for {
		fields, err := c.Read()
		switch {
		case errors.Is(err, io.EOF):
			return end, nil
		case err != nil && last.ended && c.InputOffset() == last.read: // a quote is open, or fields are missing
			return end, errTorn
		case err != nil:
			return end, err
		}
		at := c.InputOffset()
		if last.ended && at == last.read && last.b != '\n' {
			return end, errTorn
		}
		if end == 0 {
			if r.names = slices.Clone(fields); len(fields) < len(answerColumns) {
				return 0, errors.New("no file that this command writes: it lacks columns")
			}
			end, r.namesEnd, r.begun = at, at, true
			continue
		}
		n := len(fields)
		m := mark{start: end, end: at, failed: fields[n-3] != ""}
		if m.index, err = strconv.ParseInt(fields[n-2], 10, 64); err == nil {
			m.hash, err = ParseHash(fields[n-1])
		}
		if err != nil {
			line, _ := c.FieldPos(0)
			return end, fmt.Errorf("line %d: no record that this command writes: %w", line, err)
		}
		if err := do(m); err != nil {
			return end, err
		}
		end = at
	}
}

// lastByte knows the last byte that was read, and whether that was all.
type lastByte struct {
	r     io.Reader
	read  int64
	b     byte
	ended bool
}

func (l *lastByte) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if n > 0 {
		l.b = p[n-1]
	}
	l.read += int64(n)
	l.ended = l.ended || errors.Is(err, io.EOF)
	return n, err
}
