package serve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is what files hold. They are read again once they have changed.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	looked  time.Time // when the files' times were compared
	changed [2]time.Time
	now     *tls.Certificate
}

// lookAgain is how long files are taken for unchanged.
const lookAgain = 10 * time.Second

// TLS is the configuration of a server with a certificate and key in PEM files, of TLS 1.2 and newer. Files that are replaced
// hold from then on; what cannot be read of them is told the log, and the last ones stay.
func TLS(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(time.Now()), nil },
	}, nil
}

// read takes what the files hold.
func (c *certificate) read() error {
	changed, err := c.times()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("serve: certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.now, c.changed = &pair, changed
	return nil
}

func (c *certificate) times() (changed [2]time.Time, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return changed, fmt.Errorf("serve: %w", err)
		}
		changed[i] = info.ModTime()
	}
	return changed, nil
}

// current is the certificate that the files hold now, if it can be read.
func (c *certificate) current(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) < lookAgain {
		return c.now
	}
	c.looked = now
	changed, err := c.times()
	if err == nil && changed != c.changed {
		if err = c.read(); err == nil {
			c.log.Info("certificate", "read again", c.certFile)
		}
	}
	if err != nil {
		c.log.Warn("certificate", "kept, as what replaces it cannot be read", err.Error())
	}
	return c.now
}
