package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certify writes a certificate for 127.0.0.1 with this serial number, and its key.
func certify(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "sealvk"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(serial*1000, 0) // files written within one tick of the clock differ too
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTLS(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	log := &lines{}
	if _, err := TLS(cert, key, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("no file: %v", err)
	}
	certify(t, cert, key, 1)
	if _, err := TLS(cert, cert, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "certificate "+cert+" with key "+cert) {
		t.Errorf("no key: %v", err)
	}
	config, err := TLS(cert, key, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s := New(with(func(c *Config) { c.Guard.TLS = config }))
	address, _ := running(t, s, 0)
	ask := func(config *tls.Config) (*http.Response, error) {
		config.InsecureSkipVerify = true
		transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		r, err := (&http.Client{Transport: transport}).Get("https://" + address + "/health")
		if err == nil {
			r.Body.Close()
		}
		return r, err
	}
	r, err := ask(&tls.Config{})
	if err != nil || r.StatusCode != 200 || r.Proto != "HTTP/2.0" || r.TLS.PeerCertificates[0].SerialNumber.Int64() != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := ask(&tls.Config{MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is good enough")
	}
	if got := says(t, dial(t, address), "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"); !strings.Contains(got, "400 Bad Request") {
		t.Errorf("HTTP without TLS: %q", got)
	}

	serial := func(c *certificate, now time.Time) int64 {
		leaf, err := x509.ParseCertificate(c.current(now).Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	c := &certificate{certFile: cert, keyFile: key, log: slog.New(slog.NewTextHandler(log, nil))}
	if err := c.read(); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	serial(c, now)
	certify(t, cert, key, 2)
	if got := serial(c, now.Add(lookAgain/2)); got != 1 {
		t.Errorf("looked at too often: %d", got)
	}
	if got := serial(c, now.Add(lookAgain)); got != 2 {
		t.Errorf("replaced files: %d", got)
	}
	certify(t, cert, filepath.Join(t.TempDir(), "other"), 3)
	if got := serial(c, now.Add(2*lookAgain)); got != 2 || !strings.Contains(log.taken(), "kept") {
		t.Errorf("half replaced: %d", got)
	}
	certify(t, cert, key, 4)
	if got := serial(c, now.Add(3*lookAgain)); got != 4 {
		t.Errorf("then the other half: %d", got)
	}
}
