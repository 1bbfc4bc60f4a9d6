package hub

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config says where models come from and go to. Zero values mean the defaults.
type Config struct {
	Cache    string // folder of the cache (HF_HUB_CACHE); must be given
	Endpoint string // default https://huggingface.co
	Token    string // sent to the endpoint's host only
	Offline  bool   // Pull refuses
	// Notice, if not nil, gets one-line messages: waiting for another download, trying
	// again. It may be called from several goroutines.
	Notice func(text string)

	Connections int           // per file; default 8
	Part        int64         // bytes that one request asks for; default 32 MiB
	Stall       time.Duration // without a byte, until a request is given up; default 30 s
	Tries       int           // without a byte, until a download is given up; default 7
	Backoff     time.Duration // before the second try, doubled for each further one; default 0.5 s
	MaxBackoff  time.Duration // the longest wait, also for a server that names one; default 2 min
}

// Hub is a cache and the server it is filled from. Its methods may run at the same
// time, in several processes too.
type Hub struct {
	config    Config
	endpoint  *url.URL
	transport *http.Transport
	notices   throttle

	symlink   func(target, link string) error // os.Symlink; a test takes the ability away
	saveEvery time.Duration                   // between two notes of what is there
}

// New checks a configuration.
func New(c Config) (*Hub, error) {
	if c.Cache == "" {
		return nil, fmt.Errorf("hub: no folder for the cache: set HF_HUB_CACHE or HF_HOME")
	}
	endpoint, err := url.Parse(strings.TrimRight(cmp.Or(c.Endpoint, "https://huggingface.co"), "/"))
	if err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "" {
		return nil, fmt.Errorf("hub: the endpoint (HF_ENDPOINT) is no http or https address") // it may hold a password
	}
	if c.Token = strings.TrimSpace(c.Token); strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("hub: the token (HF_TOKEN) has characters that no token has; set it anew")
	}
	if c.Notice == nil {
		c.Notice = func(string) {}
	}
	c.Connections, c.Part = cmp.Or(c.Connections, 8), cmp.Or(c.Part, 32<<20)
	c.Stall, c.Tries = cmp.Or(c.Stall, 30*time.Second), cmp.Or(c.Tries, 7)
	c.Backoff, c.MaxBackoff = cmp.Or(c.Backoff, time.Second/2), cmp.Or(c.MaxBackoff, 2*time.Minute)
	return &Hub{config: c, endpoint: endpoint, transport: newTransport(c.Connections),
		symlink: os.Symlink, saveEvery: time.Second}, nil
}

// page is the address of a repository's page, for people.
func (h *Hub) page(repo string) string { return h.endpoint.Redacted() + "/" + repo }

// folder is the cache's folder for a repository.
func (h *Hub) folder(repo string) string {
	return filepath.Join(h.config.Cache, folderName(repo))
}

const folderPrefix = "models--"

func folderName(repo string) string { return folderPrefix + strings.ReplaceAll(repo, "/", "--") }
