package serve

import (
	"net/http"
	"slices"
)

// cors tells the browser that a page of another server may read the answer, if it may, and reports
// whether the request was the browser's question for that, which is answered then.
func (d *door) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(d.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(d.Origins, origin) && !slices.Contains(d.Origins, "*") {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
		h.Set("Access-Control-Allow-Headers", wanted) // none of them lets a page do what it should not
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Access-Control-Max-Age", "7200") // seconds; no browser takes more
	w.WriteHeader(http.StatusNoContent)
	return true
}
