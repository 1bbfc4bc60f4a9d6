package serve

import (
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"sealvk/cli/openai"
	"sealvk/cli/resident"
	"sealvk/weights"
)

// Config is what a server answers with.
type Config struct {
	Model   *resident.Model
	File    *weights.Model // the model's, whose metadata are told; it may be closed
	Job     openai.Job     // Created and Context are set for each request
	Aliases []string       // names of the model; the first is that of results; at least one
	Queue   int            // requests to the model that may wait: what comes beyond them gets 429
	Version string
	Guard   Guard
	Log     *slog.Logger // takes a line for each request, and what goes wrong; nil: none
}

// Server answers HTTP requests from a model.
type Server struct {
	Config
	handler    http.Handler
	begun      time.Time
	keepAlive  time.Duration // that a stream says nothing at most
	parameters int64         // of the model
	door       *door
	gate       *gate
	admission  admission
	metrics    metrics
	asked      atomic.Int64 // requests so far, each of which draws on its own
	known      atomic.Pointer[known]
}

// known is what a model tells once it is loaded, kept for while it is not.
type known struct {
	context   int // tokens of a prompt and its answer
	sequences int // that it computes together
}

// handler answers a request, or says why not, before anything is written.
type handler func(w http.ResponseWriter, r *http.Request) error

// failing writes the response of a request that was refused or failed.
type failing func(w http.ResponseWriter, r *http.Request, err error)

// route is a method and a path, as http.ServeMux writes it, and what answers there.
type route struct {
	method, path string
	handler
	fail failing
}

// New makes a server, guarded as the configuration says.
func New(c Config) *Server {
	s := &Server{Config: c, begun: time.Now(), keepAlive: 5 * time.Second, door: newDoor(c.Guard), gate: newGate()}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.metrics = newMetrics(s)
	s.Job.Model = c.Aliases[0]
	for _, t := range c.File.Tensors {
		s.parameters += int64(t.Rows) * int64(t.Cols)
	}
	s.handler = s.guarded(s.routed(s.routes()))
	return s
}

// routes are all that the server answers. Those below /v1 are there without it too.
func (s *Server) routes() []route {
	files := pageHandler()
	page := func(w http.ResponseWriter, r *http.Request) error {
		files.ServeHTTP(w, r)
		return nil
	}
	return append(s.ollamaRoutes(), []route{
		{"POST", "/v1/chat/completions", s.chat, failOpenAI},
		{"POST", "/v1/completions", s.completion, failOpenAI},
		{"GET", "/v1/models", s.models, failOpenAI},
		{"GET", "/v1/models/{id...}", s.model, failOpenAI},
		{"POST", "/tokenize", s.tokenize, failOpenAI},
		{"POST", "/detokenize", s.detokenize, failOpenAI},
		{"GET", "/version", s.version, failOpenAI},
		{"GET", healthPath, s.health, failOpenAI},
		{"GET", metricsPath, s.exposition, failOpenAI},
		{"GET", "/{$}", page, failOpenAI},
		{"GET", "/page/{file...}", page, failOpenAI},
	}...)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// routed finds a request's route.
func (s *Server) routed(routes []route) http.Handler {
	byPath := map[string]map[string]route{}
	add := func(at string, r route) {
		if byPath[at] == nil {
			byPath[at] = map[string]route{}
		}
		byPath[at][r.method] = r
	}
	for _, r := range routes {
		add(r.path, r)
		if short, ok := strings.CutPrefix(r.path, "/v1"); ok {
			add(short, r)
		}
	}
	mux := http.NewServeMux()
	nothing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.door.check(r, true)
		if err == nil {
			err = &statusError{status: http.StatusNotFound, kind: invalidRequest, code: "not_found",
				message: r.Method + " " + r.URL.Path + " is nothing that this server has"}
		}
		noteError(r.Context(), err)
		failOpenAI(w, r, err)
	})
	mux.Handle("/", nothing)
	for at, methods := range byPath {
		mux.HandleFunc(at, s.dispatch(methods))
		if folder, _, ok := strings.Cut(at, "/{"); ok && folder != "" && byPath[folder] == nil {
			mux.Handle(folder, nothing) // else it is redirected to itself with a slash, which is taken away below
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Bases of URLs are given with and without a slash at their end; a redirect would lose a POST's body.
		if clean := path.Clean("/" + r.URL.Path); clean != r.URL.Path {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = clean, ""
		}
		mux.ServeHTTP(w, r)
	})
}

// dispatch answers at a path by the request's method, if it may come in.
func (s *Server) dispatch(methods map[string]route) http.HandlerFunc {
	allowed := slices.Sorted(maps.Keys(methods))
	any := methods[allowed[0]]
	if _, ok := methods[http.MethodGet]; ok {
		allowed = append(allowed, http.MethodHead)
	}
	allow := strings.Join(append(allowed, http.MethodOptions), ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		noteEndpoint(r.Context(), any.path)
		refuse := func(err error) {
			noteError(r.Context(), err)
			any.fail(w, r, err)
		}
		free := slices.Contains(freePaths, any.path)
		if err := s.door.check(r, free); err != nil {
			refuse(err)
			return
		}
		if !free && any.path != metricsPath {
			if err := s.gate.enter(); err != nil {
				refuse(err)
				return
			}
			defer s.gate.leave()
		}
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		route, ok := methods[method]
		switch {
		case ok:
			err := checkContent(r)
			if err == nil {
				err = route.handler(w, r)
			}
			if err != nil {
				refuse(err)
			}
		case method == http.MethodOptions:
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", allow)
			refuse(&statusError{status: http.StatusMethodNotAllowed, kind: invalidRequest, code: "method_not_allowed",
				message: r.URL.Path + " takes " + strings.Join(allowed, " or ") + ", not " + r.Method})
		}
	}
}

// place is what the model tells of itself, the last time that it was loaded; nil if it never was.
func (s *Server) place() *known {
	if m := s.Model.Loaded(); m != nil {
		s.known.Store(&known{context: m.Context(), sequences: m.Sequences()})
	}
	return s.known.Load()
}
