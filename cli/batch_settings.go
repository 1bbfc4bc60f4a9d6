package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"sealvk/prompt"
	"sealvk/tokenize"
)

// settings are what records depend on, by the names that a user knows, but for what is known only
// once the model is on its device.
func (r *batchRun) settings(o *opened, digest string, fields []byte) map[string]string {
	f, s := r.f, r.f.sampling
	all := map[string]string{
		"the model":        fmt.Sprintf("of %d bytes (%s)", o.file.Size, digest), // under whatever name
		"--temp":           s.temperature.String(),
		"--top-k":          s.topK.String(),
		"--top-p":          s.topP.String(),
		"--min-p":          s.minP.String(),
		"--repeat-penalty": s.repeatPenalty.String(),
		"-n":               s.tokens.String(),
		"--kv":             f.model.kv.value,
		"--numerics":       f.model.numerics.value,
		"--order":          f.order.value,
		"--format":         string(r.job.Records.Format),
		"--prompt-column":  f.column,
	}
	if s.system != "" {
		all["--system"] = fmt.Sprintf("%q", s.system)
	}
	for _, text := range s.stop {
		all["--stop"] += fmt.Sprintf("%q ", text)
	}
	if f.raw {
		all["--raw"] = "given"
	}
	if f.special {
		all["--parse-special"] = "given"
	}
	if m := f.model.marks; m != (tokenize.Marks{}) {
		all["--bos and --eos"] = fmt.Sprintf("%q and %q", m.BOS, m.EOS)
	}
	if f.model.intDot {
		all["--int-dot"] = "given"
	}
	if len(f.model.tune) > 0 {
		all["--tune"] = f.model.tune.String()
	}
	if fields != nil {
		all["--template-file"] = digestOf(fields)
	}
	if o.template != (prompt.Template{}) {
		all["the chat template"] = digestOf([]byte(o.template.Source()))
	}
	return all
}

func digestOf(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text))[:16] }

// modelName is the model's name in records: no matter in which folder it lies.
func modelName(path string) string {
	if path == "" {
		return nanoName
	}
	if _, err := os.Stat(path); err == nil {
		return filepath.Base(path)
	}
	return path
}
