package serve

import (
	"net/http"

	"sealvk/cli/resident"
)

// condition is how the server is, as /health tells.
type condition struct {
	Status string `json:"status"` // ok, idle, loading, lost, failed or stopping
	Reason string `json:"reason,omitzero"`
}

// condition tells how the server is, and whether it takes requests.
func (s *Server) condition() (c condition, takes bool) {
	status := s.Model.Status()
	c.Reason = status.Reason
	switch {
	case s.gate.stopping():
		return condition{"stopping", errStopping.message}, false
	case status.State == resident.Ready:
		return condition{Status: "ok"}, true
	case status.State == resident.Unloaded, status.Waking:
		c.Status = "idle"
		return c, true
	case status.State == resident.Failed:
		c.Status = "failed"
	case status.Losses > 0:
		c.Status = "lost"
	default:
		c.Status = "loading"
	}
	return c, false
}

// health answers GET /health: 503 while requests would get no answer.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	c, takes := s.condition()
	status := http.StatusOK
	if !takes {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, status, c)
}
