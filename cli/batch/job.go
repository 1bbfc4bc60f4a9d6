package batch

import (
	"errors"
	"strings"

	"sealvk/cli/openai"
	"sealvk/engine"
)

// Job makes the work of lines that are requests.
type Job struct {
	Requests *openai.Job
	Template *Template // makes a plain prompt of a line's fields; nil: a line is a request, or a CSV record with a prompt
	Seen     *Seen     // custom_ids
	Records  *Records
}

// Ask is Run's.
func (j *Job) Ask(l *Line, done bool) (Work, error) {
	r, err := j.parse(l)
	if r != nil && r.CustomID != "" {
		fresh, seenErr := j.Seen.Add(r.CustomID)
		if seenErr != nil {
			return Work{}, seenErr
		}
		if !fresh && err == nil {
			err = &openai.FieldError{Field: "custom_id", Problem: "is that of an earlier line"}
		}
	}
	if done {
		return Work{}, nil
	}
	if err != nil {
		return j.refused(l, r, err), nil
	}
	asked, err := j.Requests.Ask(r, l.Index)
	if err != nil {
		return j.refused(l, r, err), nil
	}
	if j.Records.Format == CSV && (len(asked.Requests) != 1 || r.Logprobs || r.PromptLogprobs != nil) {
		return j.refused(l, r, &openai.FieldError{Problem: "asks for what a record of CSV does not hold, several answers or log-probabilities: want --format jsonl"}), nil
	}
	again := func() ([]engine.Request, error) {
		asked, err := j.Requests.Ask(r, l.Index)
		if err != nil {
			return nil, err
		}
		return asked.Requests, nil
	}
	return Work{Requests: asked.Requests, Again: again, Record: func(results []Result) ([]byte, bool, error) {
		failed, theirs := false, make([]engine.Result, len(results))
		for i := range results {
			theirs[i] = results[i].Result
			failed = failed || results[i].Err != nil
		}
		record, err := j.Records.answer(l, asked, theirs)
		return record, failed, err
	}}, nil
}

// parse makes a line's request. With an error may come what is known of the request.
func (j *Job) parse(l *Line) (*openai.Request, error) {
	if l.Err != nil {
		return nil, ofLine(l.Err)
	}
	switch {
	case j.Template != nil:
		text, err := j.Template.Fill(l)
		if err != nil {
			return nil, ofLine(err)
		}
		return openai.Text(text), nil
	case l.Prompt >= 0:
		return openai.Text(l.Columns[l.Prompt].Value), nil
	}
	return openai.Parse(l.Text)
}

// ofLine is the error of what is wrong with a line as the fault of its request.
func ofLine(err error) error {
	var field *openai.FieldError
	if errors.As(err, &field) {
		return err
	}
	return &openai.FieldError{Problem: "cannot be read: " + strings.TrimPrefix(err.Error(), "batch: ")}
}

// refused is the work of a line that gets an error at once.
func (j *Job) refused(l *Line, r *openai.Request, err error) Work {
	return Work{Err: err, Record: func([]Result) ([]byte, bool, error) {
		record, err := j.Records.failure(l, j.Requests, r, err)
		return record, true, err
	}}
}
