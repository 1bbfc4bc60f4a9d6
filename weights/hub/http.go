package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// newTransport uses a connection for each request: HTTP/2 would put all parts of a file
// on one. It is no http.Client: that reads redirects even where it is told not to follow
// them, and its errors quote malformed ones.
func newTransport(connections int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.ForceAttemptHTTP2 = false
	t.MaxIdleConnsPerHost = connections
	t.DisableCompression = true // sizes and hashes are those of the file
	return t
}

// ours reports whether an address is the endpoint's, which alone gets the token.
func (h *Hub) ours(u *url.URL) bool {
	return u.Scheme == h.endpoint.Scheme && u.Host == h.endpoint.Host
}

// request sends one request and gives the answer, whatever its status. first and last
// are the bytes it asks for, first < 0 for all. Errors name the host and nothing more
// of the address, which may be signed.
func (h *Hub) request(ctx context.Context, method string, u *url.URL, first, last int64) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(h.config.Stall, func() { cancel(errStalled) })
	fail := func(err error) (*http.Response, error) {
		watch.Stop()
		cause := context.Cause(ctx)
		cancel(nil)
		return nil, requestError(u, err, cause, h.config.Stall)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return fail(errors.New("the address is malformed"))
	}
	req.Header.Set("User-Agent", "sealvk")
	req.Header.Set("Accept-Encoding", "identity")
	if user := h.endpoint.User; h.ours(u) && h.config.Token != "" {
		req.Header.Set("Authorization", "Bearer "+h.config.Token)
	} else if h.ours(u) && user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	if first >= 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", first, last))
	}
	resp, err := h.transport.RoundTrip(req)
	if err != nil {
		return fail(err)
	}
	watch.Stop()
	resp.Body = &watchedBody{resp.Body, u, ctx, cancel, watch, h.config.Stall}
	return resp, nil
}

var errStalled = errors.New("stalled")

// requestError describes what went wrong at a host. Most of it passes with time; an
// unknown host, a bad certificate or our own context's end do not.
func requestError(u *url.URL, err, cause error, stall time.Duration) error {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(cause, errStalled):
		return transient{error: fmt.Errorf("%s sent nothing for %v", u.Host, stall)}
	case cause != nil:
		return cause
	case errors.As(err, &dns) && dns.IsNotFound, errors.As(err, &certificate):
		return fmt.Errorf("%s: %w", u.Host, err)
	}
	return transient{error: fmt.Errorf("%s: %w", u.Host, err)}
}

// watchedBody gives a request up when nothing arrives for a while. Time in which nobody
// reads does not count.
type watchedBody struct {
	io.ReadCloser
	from   *url.URL
	ctx    context.Context
	cancel context.CancelCauseFunc
	watch  *time.Timer
	stall  time.Duration
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.Reset(b.stall)
	n, err := b.ReadCloser.Read(p)
	b.watch.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = requestError(b.from, err, context.Cause(b.ctx), b.stall)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watch.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// maxRedirects is the longest chain of redirects that is followed.
const maxRedirects = 10

// plainHost is a host that errors may name: nothing that a terminal obeys.
var plainHost = regexp.MustCompile(`^[!-~]+$`)

// redirect gives the address that an answer points to, nil if it is no redirect.
func redirect(resp *http.Response) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	from := resp.Request.URL
	to, err := from.Parse(resp.Header.Get("Location"))
	switch {
	case err != nil || !plainHost.MatchString(to.Host) || to.Scheme != "http" && to.Scheme != "https":
		return nil, fmt.Errorf("%s redirects to no valid address", from.Host)
	case from.Scheme == "https" && to.Scheme != "https":
		return nil, fmt.Errorf("%s redirects to %q without encryption; refused", from.Host, to.Host)
	}
	return to, nil
}

// get follows redirects to the bytes first to last of an address; the answer's status
// is 200 or 206.
func (h *Hub) get(ctx context.Context, u *url.URL, first, last int64) (*http.Response, error) {
	from := u
	for range maxRedirects {
		resp, err := h.request(ctx, http.MethodGet, u, first, last)
		if err != nil {
			return nil, err
		}
		if s := resp.StatusCode; s == http.StatusOK || s == http.StatusPartialContent {
			return resp, nil
		}
		next, err := redirect(resp)
		if err == nil && next == nil {
			err = h.statusError(resp)
		}
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		u = next
	}
	return nil, fmt.Errorf("%s redirects without an end", from.Host)
}

// statusError describes a status that is no success. 429, 408 and 5xx pass with time, and
// so does a storage server's refusal: its addresses expire.
func (h *Hub) statusError(resp *http.Response) error {
	u, s := resp.Request.URL, resp.StatusCode
	err := error(refusal{host: u.Host, status: s, code: resp.Header.Get("X-Error-Code")})
	switch {
	case s == http.StatusTooManyRequests, s == http.StatusRequestTimeout, s >= 500:
		return transient{err, retryAfter(resp.Header.Get("Retry-After"))}
	case !h.ours(u) && s != http.StatusRequestedRangeNotSatisfiable:
		return transient{error: err}
	}
	return err
}

// refusal is a status other than success.
type refusal struct {
	host   string
	status int
	code   string // X-Error-Code, as the Hub explains some statuses: "GatedRepo", "RevisionNotFound", …
}

func (r refusal) Error() string {
	return fmt.Sprintf("%s answers %d %s", r.host, r.status, http.StatusText(r.status))
}

// retryAfter reads Retry-After, seconds or a date; 0 if it says nothing.
func retryAfter(s string) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}
