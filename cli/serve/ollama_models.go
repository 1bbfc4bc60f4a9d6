package serve

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sealvk/cli/openai"
	"sealvk/prompt"
)

// ollamaAPI is the version of Ollama whose API this is. Clients read a number there.
const ollamaAPI = "0.12.11"

// ollamaModel is a model in Ollama's lists.
type ollamaModel struct {
	Name       string        `json:"name"`
	Model      string        `json:"model"`
	ModifiedAt time.Time     `json:"modified_at,omitzero"` // of /api/tags
	Size       int64         `json:"size"`                 // of the file, in bytes
	Digest     string        `json:"digest"`               // of what the file's metadata say
	Details    ollamaDetails `json:"details"`

	ExpiresAt     time.Time `json:"expires_at,omitzero"` // of /api/ps, as the rest
	SizeVRAM      int64     `json:"size_vram,omitzero"`
	ContextLength int       `json:"context_length,omitzero"`
}

type ollamaDetails struct {
	ParentModel       string   `json:"parent_model"`
	Format            string   `json:"format"`
	Family            string   `json:"family"`
	Families          []string `json:"families"`
	ParameterSize     string   `json:"parameter_size"`
	QuantizationLevel string   `json:"quantization_level"`
}

// ollamaName is the model's in results and lists.
func (s *Server) ollamaName() string { return tagged(s.Aliases[0]) }

// tagged is a name with the tag that Ollama gives those without.
func tagged(name string) string {
	if strings.LastIndexByte(name, ':') > strings.LastIndexByte(name, '/') {
		return name
	}
	return name + ":latest"
}

func (s *Server) ollamaAbout(name string) ollamaModel {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %+v %v", s.File.Format, s.File.Size, s.File.Config, s.File.FileType))
	return ollamaModel{Name: tagged(name), Model: tagged(name), Size: s.File.Size, Digest: hex.EncodeToString(sum[:]), Details: s.ollamaDetails()}
}

func (s *Server) ollamaDetails() ollamaDetails {
	format, _, _ := strings.Cut(strings.ToLower(s.File.Format), " ")
	d := ollamaDetails{
		Format: format, Family: s.File.Config.Arch, Families: []string{s.File.Config.Arch}, QuantizationLevel: s.File.FileType.String(),
	}
	switch n := float64(s.parameters); {
	case n >= 1e9:
		d.ParameterSize = fmt.Sprintf("%.1fB", n/1e9)
	default:
		d.ParameterSize = fmt.Sprintf("%.2fM", n/1e6)
	}
	return d
}

// ollamaTags answers GET /api/tags.
func (s *Server) ollamaTags(w http.ResponseWriter, _ *http.Request) error {
	list := struct {
		Models []ollamaModel `json:"models"`
	}{[]ollamaModel{}}
	for _, name := range s.Aliases {
		m := s.ollamaAbout(name)
		m.ModifiedAt = s.begun.UTC()
		list.Models = append(list.Models, m)
	}
	return writeJSON(w, http.StatusOK, list)
}

// ollamaRunning answers GET /api/ps.
func (s *Server) ollamaRunning(w http.ResponseWriter, _ *http.Request) error {
	list := struct {
		Models []ollamaModel `json:"models"`
	}{[]ollamaModel{}}
	if loaded := s.Model.Loaded(); loaded != nil {
		m := s.ollamaAbout(s.Aliases[0])
		m.ExpiresAt = s.begun.UTC().AddDate(200, 0, 0) // clients show so far a time as never
		m.SizeVRAM, m.ContextLength = s.File.Size, loaded.Context()
		list.Models = append(list.Models, m)
	}
	return writeJSON(w, http.StatusOK, list)
}

// ollamaVersion answers GET /api/version.
func (s *Server) ollamaVersion(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, struct {
		Version string `json:"version"`
		Sealvk  string `json:"sealvk"`
	}{ollamaAPI, s.Version})
}

// ollamaShow answers POST /api/show.
func (s *Server) ollamaShow(w http.ResponseWriter, r *http.Request) error {
	body, err := s.body(r)
	if err != nil {
		return err
	}
	name, err := openai.ParseOllamaShow(body)
	if err != nil {
		return err
	}
	known := false
	for _, alias := range s.Aliases {
		known = known || tagged(name) == tagged(alias)
	}
	if !known {
		return &statusError{status: http.StatusNotFound, kind: invalidRequest, code: "model_not_found",
			message: fmt.Sprintf("there is no model %q here; GET /api/tags lists what there is", name)}
	}
	c := s.File.Config
	key := func(name string) string { return c.Arch + "." + name }
	info := map[string]any{
		"general.architecture": c.Arch, "general.parameter_count": s.parameters, "general.basename": c.Name,
		key("context_length"): c.Context, key("embedding_length"): c.Dim, key("block_count"): c.Layers, key("feed_forward_length"): c.FFNDim,
		key("attention.head_count"): c.Heads, key("attention.head_count_kv"): c.KVHeads, key("attention.key_length"): c.HeadDim,
		key("attention.value_length"): c.HeadDim, key("attention.layer_norm_rms_epsilon"): c.NormEps, key("rope.freq_base"): c.RopeTheta,
		key("vocab_size"): c.Vocab,
	}
	ordered, err := json.Marshal(info, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("serve: encoding a response: %w", err)
	}
	capabilities := []string{"completion"}
	if form := s.Job.Template.CallForm(s.Job.Tokenizer); form == prompt.TaggedCalls || form == prompt.PlainCalls {
		capabilities = append(capabilities, "tools")
	}
	return writeJSON(w, http.StatusOK, struct {
		Modelfile    string         `json:"modelfile"`
		Parameters   string         `json:"parameters"`
		Template     string         `json:"template"` // Jinja, not Ollama's own
		Details      ollamaDetails  `json:"details"`
		ModelInfo    jsontext.Value `json:"model_info"`
		Capabilities []string       `json:"capabilities"`
		ModifiedAt   time.Time      `json:"modified_at"`
	}{"", "", s.Job.Template.Source(), s.ollamaDetails(), ordered, capabilities, s.begun.UTC()})
}
