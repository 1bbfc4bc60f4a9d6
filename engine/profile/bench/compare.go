package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// ReadRows reads what sealvk bench or llama-bench wrote as json or jsonl, several runs of it
// too. A byte order mark in front, as editors write one, is passed over.
func ReadRows(r io.Reader) ([]Row, error) {
	var rows []Row
	text := bufio.NewReader(r)
	const mark = "\ufeff"
	if head, _ := text.Peek(len(mark)); string(head) == mark {
		_, _ = text.Discard(len(mark)) // of what was peeked at
	}
	dec := json.NewDecoder(text)
	for {
		var value json.RawMessage
		if err := dec.Decode(&value); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("bench: value %d is no JSON: %w; want the output of -o jsonl or -o json", len(rows)+1, err)
		}
		var some []Row
		if value[0] == '[' {
			if err := json.Unmarshal(value, &some); err != nil {
				return nil, fmt.Errorf("bench: %w; want an array of rows as -o json writes it", err)
			}
		} else {
			var row Row
			if err := json.Unmarshal(value, &row); err != nil {
				return nil, fmt.Errorf("bench: row %d: %w", len(rows)+1, err)
			}
			some = append(some, row)
		}
		for i := range some {
			if err := some[i].check(); err != nil {
				return nil, fmt.Errorf("bench: row %d: %w", len(rows)+i+1, err)
			}
		}
		rows = append(rows, some...)
	}
	if len(rows) == 0 {
		return nil, errors.New("bench: no rows; want the output of -o jsonl or -o json")
	}
	return rows, nil
}

// check completes a row of llama-bench, and finds what no bench wrote.
func (r *Row) check() error {
	const least = 1e-12 // tokens a second: what is slower, or its inverse, nobody has measured
	r.Parallel = max(1, r.Parallel)
	if len(r.SamplesTS) == 0 {
		r.SamplesTS = []float64{r.AvgTS}
	}
	for _, v := range r.SamplesTS {
		if !(v > least && v < 1/least) {
			return fmt.Errorf("%v tokens a second (avg_ts, samples_ts): not from a bench", v)
		}
	}
	if r.Prompt < 0 || r.Gen < 0 || r.Depth < 0 || r.Prompt+r.Gen == 0 {
		return fmt.Errorf("n_prompt %d, n_gen %d, n_depth %d: not from a bench", r.Prompt, r.Gen, r.Depth)
	}
	return nil
}

// Compared is a test that the first file has, in all files.
type Compared struct {
	Test  Test      `json:"-"`
	Name  string    `json:"test"` // Test's
	Model string    `json:"model_type"`
	TypeK string    `json:"type_k"`
	TypeV string    `json:"type_v"`
	Npl   int       `json:"n_parallel"`
	Files []Summary `json:"files"` // in the order of the files
	// Scaling is the first file's median over that of the same test with one sequence; 0: it
	// has none.
	Scaling float64 `json:"over_one_sequence,omitempty"`
}

// Summary is of a file's samples of a test. Those of all its runs count alike.
type Summary struct {
	Runs     int     `json:"runs"`
	Samples  int     `json:"samples"`
	MedianTS float64 `json:"median_ts"` // tokens a second; 0: the file lacks the test
	LeastTS  float64 `json:"least_ts"`
	MostTS   float64 `json:"most_ts"`
	// Ratio is the first file's median over this one's; 0: it lacks the test.
	Ratio float64 `json:"ratio"`

	// Medians of the runs, 0 where they have none.
	FirstTokenMS float64 `json:"first_token_ms,omitempty"`
	GBPerS       float64 `json:"gb_per_s,omitempty"`
	ReadShare    float64 `json:"read_share,omitempty"`
	CPUJoules    float64 `json:"cpu_j_per_token,omitempty"`
	GPUJoules    float64 `json:"gpu_j_per_token,omitempty"`
}

// summarize puts the rows of a test in one file together.
func summarize(rows []Row) Summary {
	var samples []float64
	for _, r := range rows {
		samples = append(samples, r.SamplesTS...)
	}
	slices.Sort(samples)
	f := Summary{Runs: len(rows), Samples: len(samples), MedianTS: median(samples), LeastTS: samples[0], MostTS: samples[len(samples)-1]}
	for _, c := range []struct {
		to  *float64
		get func(*Row) *float64
	}{
		{&f.FirstTokenMS, func(r *Row) *float64 {
			if r.FirstTokenNS == nil {
				return nil
			}
			return new(float64(*r.FirstTokenNS) / 1e6)
		}},
		{&f.GBPerS, func(r *Row) *float64 { return r.GBPerS }},
		{&f.ReadShare, func(r *Row) *float64 { return r.ReadShare }},
		{&f.CPUJoules, func(r *Row) *float64 { return r.CPUJoules }},
		{&f.GPUJoules, func(r *Row) *float64 { return r.GPUJoules }},
	} {
		var values []float64
		for i := range rows {
			if v := c.get(&rows[i]); v != nil {
				values = append(values, *v)
			}
		}
		if len(values) > 0 {
			slices.Sort(values)
			*c.to = median(values)
		}
	}
	return f
}

// key is what rows have in common that may be compared.
type key struct {
	test         Test
	model        string
	typeK, typeV string
}

func (r *Row) key() key {
	return key{Test{r.Prompt, r.Gen, r.Depth, r.Parallel}, r.ModelType, r.TypeK, r.TypeV}
}

// chunk is how much of the prompt is computed at once.
func (r *Row) chunk() int { return min(r.Prompt, r.UBatch) }

// Compare sets the first file's tests beside those of the others, in the first one's order.
func Compare(files [][]Row) ([]Compared, error) {
	var keys []key
	found := make([]map[key]Summary, len(files))
	for i, rows := range files {
		runs := map[key][]Row{}
		for _, r := range rows {
			k := r.key()
			if i == 0 && runs[k] == nil {
				keys = append(keys, k)
			}
			runs[k] = append(runs[k], r)
			if n, first := r.chunk(), runs[k][0].chunk(); n != first {
				return nil, fmt.Errorf("bench: file %d has %v with n_ubatch %d and %d: want one of them in a file", i+1, k.test, first, n)
			}
			if name, first := filepath.Base(r.ModelFilename), filepath.Base(runs[k][0].ModelFilename); name != first {
				return nil, fmt.Errorf("bench: file %d has %v of %q and of %q, both %s: want one of them in a file", i+1, k.test, first, name, k.model)
			}
		}
		found[i] = map[key]Summary{}
		for k, list := range runs {
			found[i][k] = summarize(list)
		}
	}
	var list []Compared
	common := len(files) == 1
	for _, k := range keys {
		c := Compared{Test: k.test, Name: k.test.String(), Model: k.model, TypeK: k.typeK, TypeV: k.typeV, Npl: k.test.Parallel}
		for _, of := range found {
			f := of[k]
			if f.Runs > 0 {
				f.Ratio = found[0][k].MedianTS / f.MedianTS
			}
			c.Files = append(c.Files, f)
		}
		for _, f := range c.Files[1:] {
			common = common || f.Samples > 0
		}
		one := k
		one.test.Parallel = 1
		if f := found[0][one]; f.Runs > 0 && k.test.Parallel > 1 {
			c.Scaling = found[0][k].MedianTS / f.MedianTS
		}
		list = append(list, c)
	}
	if !common {
		return nil, errors.New("bench: the files have no test in common (model_type, type_k, type_v, n_prompt, n_gen, n_depth, n_parallel)")
	}
	return list, nil
}

// median of sorted samples.
func median(sorted []float64) float64 {
	n := len(sorted)
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}
