package bench

import (
	"math"
	"reflect"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Row is a result as files have it. Fields of llama-bench's names mean what they mean there.
// Pointers are nil where something is not known.
type Row struct {
	BuildCommit   string `json:"build_commit,omitempty"`
	CPU           string `json:"cpu_info,omitempty"`
	GPU           string `json:"gpu_info"`
	Driver        string `json:"driver,omitempty"` // ours
	Backends      string `json:"backends"`
	ModelFilename string `json:"model_filename"`
	ModelType     string `json:"model_type"`
	ModelSize     int64  `json:"model_size"` // bytes of the tensors
	ModelParams   int64  `json:"model_n_params"`
	Batch         int    `json:"n_batch"`
	UBatch        int    `json:"n_ubatch"` // tokens of the largest prefill chunk
	TypeK         string `json:"type_k"`
	TypeV         string `json:"type_v"`
	GPULayers     int    `json:"n_gpu_layers"`
	Prompt        int    `json:"n_prompt"`
	Gen           int    `json:"n_gen"`
	Depth         int    `json:"n_depth"`
	Parallel      int    `json:"n_parallel"`         // ours: sequences at once
	Numerics      string `json:"numerics,omitempty"` // ours: engine.Numerics
	TestTime      string `json:"test_time"`

	AvgNS    int64   `json:"avg_ns"`
	StddevNS int64   `json:"stddev_ns"` // of the sample
	AvgTS    float64 `json:"avg_ts"`    // tokens a second, all sequences together
	StddevTS float64 `json:"stddev_ts"`

	// Ours.
	AvgTSSequence    float64  `json:"avg_ts_sequence"`                  // of one sequence
	LoadNS           *int64   `json:"load_ns,omitempty"`                // weights from the file onto the device
	LoadGBPerS       *float64 `json:"load_gb_per_s,omitempty"`          // of the weights in that time
	FirstTokenNS     *int64   `json:"first_token_ns,omitempty"`         // from the request on, mean
	FirstTokenColdNS *int64   `json:"first_token_cold_ns,omitempty"`    // of the first request after loading
	WeightBytes      *float64 `json:"weight_bytes_per_token,omitempty"` // read from device memory
	KVBytes          *float64 `json:"kv_bytes_per_token,omitempty"`
	GBPerS           *float64 `json:"gb_per_s,omitempty"`        // both × tokens a second
	ReadShare        *float64 `json:"read_share,omitempty"`      // of the measured bandwidth; 1 is all
	CPUJoules        *float64 `json:"cpu_j_per_token,omitempty"` // of all packages, idle consumption included
	GPUJoules        *float64 `json:"gpu_j_per_token,omitempty"` // of the device, likewise
	Tuning           string   `json:"tuning,omitempty"`          // knobs of kernels that were set: matmul_add.lanes=128,…

	SamplesNS []int64   `json:"samples_ns,omitempty"`
	SamplesTS []float64 `json:"samples_ts,omitempty"`
}

// Row puts a result onto base, which says what it was measured on. readRoof is the device's
// measured bandwidth in bytes a second, 0 if it isn't known.
func (r *Result) Row(base Row, readRoof float64) Row {
	row := base
	row.Prompt, row.Gen, row.Depth, row.Parallel = r.Prompt, r.Gen, r.Depth, r.Parallel
	row.TestTime = r.Begun.UTC().Format(time.RFC3339)
	var ns []float64
	for _, s := range r.Samples {
		ns = append(ns, float64(s))
		row.SamplesNS = append(row.SamplesNS, int64(s))
		row.SamplesTS = append(row.SamplesTS, float64(r.Tokens())/s.Seconds())
	}
	mean, stddev := meanStddev(ns)
	row.AvgNS, row.StddevNS = int64(math.Round(mean)), int64(math.Round(stddev))
	row.AvgTS, row.StddevTS = meanStddev(row.SamplesTS)
	row.AvgTSSequence = row.AvgTS / float64(r.Parallel)
	if len(r.FirstTokens) > 0 {
		ns = ns[:0]
		for _, s := range r.FirstTokens {
			ns = append(ns, float64(s))
		}
		mean, _ := meanStddev(ns)
		row.FirstTokenNS = new(int64(math.Round(mean)))
	}
	if r.Cold > 0 {
		row.FirstTokenColdNS = new(int64(r.Cold))
	}
	if r.WeightBytes > 0 {
		rate := (r.WeightBytes + r.KVBytes) * row.AvgTS
		row.WeightBytes, row.KVBytes, row.GBPerS = new(r.WeightBytes), new(r.KVBytes), new(rate/1e9)
		if readRoof > 0 {
			row.ReadShare = new(rate / readRoof)
		}
	}
	for of, to := range map[string]**float64{"cpu": &row.CPUJoules, "gpu": &row.GPUJoules} {
		if joules, ok := r.Joules[of]; ok && !math.IsNaN(joules) {
			*to = new(joules / float64(r.Tokens()*len(r.Samples)))
		}
	}
	return row
}

// meanStddev are the mean and the standard deviation of a sample, 0 of one value.
func meanStddev(v []float64) (mean, stddev float64) {
	if len(v) < 2 {
		return stat.Mean(v, nil), 0
	}
	return stat.MeanStdDev(v, nil)
}

// Column is a field of a row that is one value.
type Column struct {
	Name  string
	SQL   string // its type there
	field int
}

var sqlTypes = map[reflect.Kind]string{reflect.String: "TEXT", reflect.Int: "INTEGER", reflect.Int64: "INTEGER", reflect.Float64: "REAL"}

// Columns are all but the samples.
func Columns() []Column {
	var list []Column
	for i, f := range reflect.VisibleFields(reflect.TypeFor[Row]()) {
		if f.Type.Kind() == reflect.Pointer {
			f.Type = f.Type.Elem()
		}
		if sql, ok := sqlTypes[f.Type.Kind()]; ok {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			list = append(list, Column{name, sql, i})
		}
	}
	return list
}

// Values are those of Columns: string, int64, float64, or nil where something is not known.
func (r *Row) Values() []any {
	var list []any
	for _, c := range Columns() {
		switch f := reflect.Indirect(reflect.ValueOf(r).Elem().Field(c.field)); {
		case !f.IsValid() || f.Kind() == reflect.String && f.Len() == 0:
			list = append(list, nil)
		case f.CanInt():
			list = append(list, f.Int())
		default:
			list = append(list, f.Interface())
		}
	}
	return list
}
