package hub

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// usualQuant is what a repository of many GGUF files is asked for when the user does not say.
const usualQuant = "Q4_K_M"

// ggufModel is one GGUF model of a repository.
type ggufModel struct {
	stem  string   // base name without ".gguf" and without the shard's number
	files []string // one, or all shards in order
}

var (
	ggufFile  = regexp.MustCompile(`(?i)\.gguf$`)
	ggufOther = regexp.MustCompile(`(?i)(^|/)(mmproj[^/]*|imatrix)\.gguf$`) // projectors and importance matrices are no models
	ggufShard = regexp.MustCompile(`^(.*)-([0-9]{5})-of-([0-9]{5})$`)
)

// ggufModels gathers the GGUF models among names, sorted; a set of shards counts only
// if it is whole.
func ggufModels(names []string) []ggufModel {
	var models []ggufModel
	shards := map[string][]string{} // by everything but the shard's number
	for _, name := range slices.Sorted(slices.Values(names)) {
		if !ggufFile.MatchString(name) || ggufOther.MatchString(name) {
			continue
		}
		stem := name[:len(name)-len(".gguf")]
		part := ggufShard.FindStringSubmatch(stem)
		if part == nil {
			models = append(models, ggufModel{path.Base(stem), []string{name}})
			continue
		}
		set := part[1] + "/" + part[3]
		shards[set] = append(shards[set], name)
		if of := part[3]; part[2] == of && fmt.Sprintf("%05d", len(shards[set])) == of {
			models = append(models, ggufModel{path.Base(part[1]), shards[set]})
		}
	}
	return models
}

// is reports whether what is the model's quantization, or a longer end of its name that
// begins where a word does: "Q4_K_M" or "chatml.Q4_K_M". Case does not matter.
func (m ggufModel) is(what string) bool {
	start := len(m.stem) - len(what)
	if what == "" || start < 0 || !strings.EqualFold(m.stem[start:], what) {
		return false
	}
	if start == 0 {
		return true
	}
	before := rune(m.stem[start-1])
	return before != '_' && before < unicode.MaxASCII && !unicode.IsLetter(before) && !unicode.IsDigit(before)
}

// quant is the last word of the model's name if it looks like a type mix, else "".
func (m ggufModel) quant() string { return strings.ToUpper(quantName.FindString(m.stem)) }

var quantName = regexp.MustCompile(`(?i)\b(I?Q[1-8](_[A-Z0-9]+)*|TQ[12]_0|MXFP4|BF16|F16|F32)$`)

// chooseGGUF gives the files of the one model among names that what means: a file's
// name, a quantization, or "" for the only model or the usual one.
func chooseGGUF(names []string, what string) ([]string, error) {
	models := ggufModels(names)
	for _, m := range models {
		if slices.Contains(m.files, what) {
			return m.files, nil
		}
	}
	if what != "" && slices.Contains(names, what) && !ggufShard.MatchString(strings.TrimSuffix(what, ".gguf")) {
		return []string{what}, nil
	}
	if what == "" && len(models) == 1 {
		return models[0].files, nil
	}
	wanted := cmp.Or(what, usualQuant)
	fit := slices.DeleteFunc(slices.Clone(models), func(m ggufModel) bool { return !m.is(wanted) })
	if i := plainest(fit); i >= 0 {
		return fit[i].files, nil
	}
	switch {
	case len(fit) > 1:
		return nil, fmt.Errorf("several files are %s: %s; name one after a colon", wanted, listModels(fit))
	case len(models) == 0 && what == "":
		return nil, errNoModel
	case len(models) == 0:
		return nil, fmt.Errorf("no file is %q, and there is no GGUF model", what)
	case what == "":
		return nil, fmt.Errorf("several GGUF models and none is %s: %s; name one after a colon", usualQuant, listModels(models))
	}
	return nil, fmt.Errorf("no file is %q; there are %s", what, listModels(models))
}

var errNoModel = errors.New("neither safetensors with a config.json nor a GGUF file")

// name is the model's name without its quantization.
func (m ggufModel) name() string {
	return strings.TrimRight(m.stem[:len(m.stem)-len(m.quant())], ".-_")
}

// plainest gives the index of the one model whose name begins the names of all others,
// as model.Q4_K_M.gguf beside model-chatml.Q4_K_M.gguf; -1 if there is none.
func plainest(models []ggufModel) int {
	plain := -1
	for i, m := range models {
		if slices.ContainsFunc(models, func(o ggufModel) bool { return !strings.HasPrefix(o.name(), m.name()) }) {
			continue
		}
		if plain >= 0 { // of the same name, in two folders
			return -1
		}
		plain = i
	}
	return plain
}

// listModels names models for an error, not too many.
func listModels(models []ggufModel) string {
	const most = 24
	var names []string
	for _, m := range models {
		if len(names) == most {
			names = append(names, fmt.Sprintf("and %d more", len(models)-most))
			break
		}
		names = append(names, m.files[0])
	}
	return strings.Join(names, ", ")
}

// isFolder reports whether names are those of a safetensors or MLX model.
func isFolder(names []string) bool {
	return slices.Contains(names, "config.json") && slices.ContainsFunc(names, isWeights)
}

// isWeights reports whether a file holds a folder model's tensors; others are adapters or
// for other programs (consolidated.safetensors).
var isWeights = regexp.MustCompile(`^(model|weight)[^/]*\.safetensors$`).MatchString

// weightForms are the names of one complete set of weights, the best first: others beside
// them are a second copy, such as model.fp16.safetensors.
var weightForms = []*regexp.Regexp{
	regexp.MustCompile(`^model\.safetensors$`), weightShard, regexp.MustCompile(`^model`), regexp.MustCompile(`^weight`),
}

// folderFiles gives what a safetensors or MLX model needs of a repository: configuration,
// tokenizer and index, then the weights, so that a model that was broken off lacks weights.
func folderFiles(names []string) []string {
	var files, weights []string
	for _, form := range weightForms {
		if len(weights) == 0 {
			weights = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !isWeights(n) || !form.MatchString(n) })
		}
	}
	slices.Sort(weights)
	for _, name := range slices.Sorted(slices.Values(names)) {
		switch {
		case strings.Contains(name, "/"):
		case strings.HasSuffix(name, ".safetensors.index.json"), strings.HasPrefix(name, "tokenizer"),
			slices.Contains([]string{"config.json", "generation_config.json", "special_tokens_map.json",
				"added_tokens.json", "chat_template.jinja", "chat_template.json"}, name):
			files = append(files, name)
		}
	}
	return append(files, weights...)
}

// weightShard is a file of a model that needs an index.
var weightShard = regexp.MustCompile(`^model-[0-9]{5}-of-[0-9]{5}\.safetensors$`)
