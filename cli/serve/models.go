package serve

import (
	"fmt"
	"net/http"
	"slices"
)

// modelList is OpenAI's list of models.
type modelList struct {
	Object string      `json:"object"`
	Data   []modelInfo `json:"data"`
}

// modelInfo is OpenAI's model, with what vLLM and llama-server tell beside.
type modelInfo struct {
	ID          string    `json:"id"`
	Object      string    `json:"object"`
	Created     int64     `json:"created"`
	OwnedBy     string    `json:"owned_by"`
	MaxModelLen int       `json:"max_model_len,omitzero"` // vLLM's: the context; left out before it is known
	Meta        modelMeta `json:"meta"`                   // llama-server's
}

type modelMeta struct {
	Vocab        int   `json:"n_vocab"`
	TrainContext int   `json:"n_ctx_train"`
	Dim          int   `json:"n_embd"`
	Parameters   int64 `json:"n_params"`
	Size         int64 `json:"size"` // bytes of the file
}

// models answers GET /v1/models.
func (s *Server) models(w http.ResponseWriter, _ *http.Request) error {
	list := modelList{Object: "list"}
	for _, name := range s.Aliases {
		list.Data = append(list.Data, s.about(name))
	}
	return writeJSON(w, http.StatusOK, list)
}

// model answers GET /v1/models/{id}.
func (s *Server) model(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if !slices.Contains(s.Aliases, id) {
		return &statusError{status: http.StatusNotFound, kind: invalidRequest, code: "model_not_found",
			message: fmt.Sprintf("there is no model %q here; GET /v1/models lists what there is", id)}
	}
	return writeJSON(w, http.StatusOK, s.about(id))
}

func (s *Server) about(id string) modelInfo {
	c := s.File.Config
	info := modelInfo{
		ID: id, Object: "model", Created: s.begun.Unix(), OwnedBy: "sealvk",
		Meta: modelMeta{Vocab: c.Vocab, TrainContext: c.Context, Dim: c.Dim, Parameters: s.parameters, Size: s.File.Size},
	}
	if place := s.place(); place != nil {
		info.MaxModelLen = place.context
	}
	return info
}

// version answers GET /version.
func (s *Server) version(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{"version": s.Version})
}
