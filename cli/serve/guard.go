package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Guard says who may ask, and how much.
type Guard struct {
	Keys    []string    // each of them opens the API; none: it is open
	Hosts   []string    // names by which the server may be called, beside localhost and every address; "*", with a key: any
	Origins []string    // of the web pages that may ask, scheme://host[:port]; "*", with a key: of all
	TLS     *tls.Config // nil: plain HTTP

	MaxBody     int64 // bytes of a request's; 0: 32 MiB
	Connections int   // open at once; 0: 1024

	// How long a client may take: to send a request's head, to send its body, to take a piece of
	// the answer, and to ask again over the same connection. 0: 10 s, 1 min, 30 s, 2 min.
	HeadTime, BodyTime, WriteTime, IdleTime time.Duration
}

// Defaults of Guard.
const (
	DefaultMaxBody     = 32 << 20
	DefaultConnections = 1024
)

// maxHead is the most bytes of a request's head.
const maxHead = 64 << 10

// Check is an error if the guard cannot do what it says: an origin is none, or "*" goes without a key.
func (g *Guard) Check() error {
	for i, k := range g.Keys {
		if k == "" || strings.ContainsFunc(k, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return fmt.Errorf("serve: API key %d of %d is empty, or has blanks or letters that no header can carry", i+1, len(g.Keys))
		}
	}
	for _, h := range g.Hosts {
		if h == "*" && len(g.Keys) == 0 {
			return errors.New(`serve: --allowed-host "*" needs an API key: every web page could ask, by a name that leads here`)
		}
		if h != "*" && hostOf(h) != strings.ToLower(h) {
			return fmt.Errorf("serve: --allowed-host %q: want a name without scheme, port and path", h)
		}
	}
	for _, o := range g.Origins {
		if o == "*" && len(g.Keys) == 0 {
			return errors.New(`serve: --cors "*" needs an API key: every web page could ask`)
		}
		if o != "*" {
			if err := http.NewCrossOriginProtection().AddTrustedOrigin(o); err != nil {
				return fmt.Errorf("serve: --cors: %w; want scheme://host[:port], such as http://localhost:3000", err)
			}
		}
	}
	return nil
}

// withDefaults fills in what is 0.
func (g Guard) withDefaults() Guard {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&g.HeadTime, 10*time.Second)
	set(&g.BodyTime, time.Minute)
	set(&g.WriteTime, 30*time.Second)
	set(&g.IdleTime, 2*time.Minute)
	if g.MaxBody == 0 {
		g.MaxBody = DefaultMaxBody
	}
	if g.Connections == 0 {
		g.Connections = DefaultConnections
	}
	return g
}

// door checks each request against a Guard.
type door struct {
	Guard
	keys    [][sha256.Size]byte
	foreign *http.CrossOriginProtection
}

func newDoor(g Guard) *door {
	d := &door{Guard: g.withDefaults(), foreign: http.NewCrossOriginProtection()}
	for _, k := range g.Keys {
		d.keys = append(d.keys, sha256.Sum256([]byte(k)))
	}
	d.Origins = nil
	for _, o := range g.Origins {
		o = asSent(o)
		d.Origins = append(d.Origins, o)
		_ = d.foreign.AddTrustedOrigin(o) // Check has seen them; "*" is none
	}
	return d
}

// asSent is an origin as browsers send it: in lower case, without the scheme's own port.
func asSent(origin string) string {
	origin = strings.ToLower(origin)
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if strings.HasPrefix(origin, scheme) {
			origin = strings.TrimSuffix(origin, port)
		}
	}
	return origin
}

// freePaths are those of the routes that need no key: the page, which asks for one, and what tells nothing of the model.
var freePaths = []string{"/{$}", "/page/{file...}", healthPath, "/version"}

const healthPath = "/health"

// metricsPath is there while the server stops, too. It needs the key: how much a server is asked, and when, is nobody's business.
const metricsPath = "/metrics"

// check returns why a request is refused, nil if it is not. A free one needs no key.
func (d *door) check(r *http.Request, free bool) error {
	if err := d.checkHost(r); err != nil {
		return err
	}
	if err := d.checkOrigin(r); err != nil {
		return err
	}
	if !free {
		return d.checkKey(r)
	}
	return nil
}

// checkHost refuses names that are not the server's. A web page whose name was made to lead here (DNS
// rebinding) is, for the browser, of the same origin; only the name tells. An address is no name. Whoever
// sends none is no browser.
func (d *door) checkHost(r *http.Request) error {
	host := hostOf(r.Host)
	if host == "" || host == "localhost" || isAddress(host) {
		return nil
	}
	for _, h := range d.Hosts {
		if h == "*" || strings.EqualFold(h, host) {
			return nil
		}
	}
	return &statusError{
		status: http.StatusForbidden, kind: "permission_error", code: "host_not_allowed",
		message: fmt.Sprintf("the server is not known as %q; if it should be, start it with --allowed-host %[1]s", host),
	}
}

// hostOf is a Host header's name or address, in lower case, without port and brackets.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// checkOrigin refuses what pages of other servers have browsers send.
func (d *door) checkOrigin(r *http.Request) error {
	if d.foreign.Check(r) == nil || slices.Contains(d.Origins, "*") {
		return nil
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		origin = "ORIGIN"
	}
	return &statusError{
		status: http.StatusForbidden, kind: "permission_error", code: "origin_not_allowed",
		message: fmt.Sprintf("a web page of another server sent the request; if it may, start this one with --cors %s", origin),
	}
}

// checkKey takes the same time for every wrong key.
func (d *door) checkKey(r *http.Request) error {
	if len(d.keys) == 0 {
		return nil
	}
	refused := &statusError{
		status: http.StatusUnauthorized, kind: "invalid_request_error", code: "invalid_api_key",
		message: "the API key is wrong",
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if key = strings.TrimSpace(key); key == "" || !strings.EqualFold(scheme, "Bearer") {
		refused.message = "the server wants an API key, in a header Authorization: Bearer KEY"
		return refused
	}
	sum, right := sha256.Sum256([]byte(key)), 0
	for i := range d.keys {
		right |= subtle.ConstantTimeCompare(sum[:], d.keys[i][:])
	}
	if right == 0 {
		return refused
	}
	return nil
}

// checkContent refuses bodies that are not plain JSON. A browser sends JSON to another server only after
// asking it, but text/plain, a form, or a body of no type at once.
func checkContent(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	unsupported := func(message string) error {
		return &statusError{status: http.StatusUnsupportedMediaType, kind: "invalid_request_error", code: "unsupported_media_type", message: message}
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return unsupported("the header Content-Type must be application/json")
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return unsupported("the body must not be compressed: the header Content-Encoding is not supported")
	}
	return nil
}
