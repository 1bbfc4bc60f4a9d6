package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// unixPrefix is in front of the path of a socket, instead of an address.
const unixPrefix = "unix:"

// listen opens what the flags name. keyed is whether only those may ask who have a key.
func (g *guardFlags) listen(keyed bool) (net.Listener, error) {
	if path, ok := strings.CutPrefix(g.host, unixPrefix); ok {
		if path == "" { // the system would make up a name, which every user could open
			return nil, errors.New("--host unix: has no path: want one behind it, such as unix:/run/sealvk.sock")
		}
		return listenUnix(path)
	}
	port := strconv.FormatUint(g.port.value, 10)
	host := strings.TrimSuffix(strings.TrimPrefix(g.host, "["), "]")
	if host == "" {
		return nil, errors.New("--host is empty: want an address of this machine, or 0.0.0.0 or :: for all")
	}
	at, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("--host %s is no address, and no name of one: %w", g.host, err)
	}
	if !at.IP.IsLoopback() && !keyed && !g.noKey {
		return nil, fmt.Errorf("--host %s is reached from other machines: want a key, by --api-key-file, SEALVK_API_KEY or --api-key; "+
			"or let everybody ask with --insecure-no-key", g.host)
	}
	network := "tcp6"
	if at.IP.To4() != nil { // "tcp" would take 0.0.0.0 for all addresses of IPv6 too
		network = "tcp4"
	} else if at.IP.IsUnspecified() {
		network = "tcp"
	}
	l, err := net.ListenTCP(network, at)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--port %s is in use: another program listens on it (ss -ltnp 'sport = :%[1]s' names it); choose another, or 0 for any that is free", port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("--port %s needs root's rights, as those below 1024 do: choose one above, behind a proxy if need be, or allow it with setcap cap_net_bind_service=+ep", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("--host %s is no address of this machine (ip address lists them)", g.host)
	}
	return nil, fmt.Errorf("--host %s, --port %s: %w", g.host, port, err)
}

// listenUnix opens a socket of the file system. One that a server has left that was killed is replaced.
func listenUnix(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		conn, dialled := net.Dial("unix", path)
		if dialled == nil {
			conn.Close()
			return nil, fmt.Errorf("--host %s%s is in use: another program listens there", unixPrefix, path)
		}
		if info, failed := os.Lstat(path); failed == nil && info.Mode()&os.ModeSocket != 0 && errors.Is(dialled, syscall.ECONNREFUSED) {
			if err = os.Remove(path); err == nil {
				l, err = net.Listen("unix", path)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("--host %s%s: %w", unixPrefix, path, err)
	}
	return l, nil
}

// whereItListens is what a user is told.
func whereItListens(l net.Listener, tls bool) string {
	scheme := "http"
	if tls {
		scheme = "https"
	}
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Sprintf("listening on %s%s, OpenAI's API below /v1", unixPrefix, l.Addr())
	}
	url, all := fmt.Sprintf("%s://%s", scheme, at), ""
	if at.IP.IsUnspecified() {
		url, all = fmt.Sprintf("%s://localhost:%d", scheme, at.Port), " and all addresses of this machine"
	}
	return fmt.Sprintf("listening on %s (chat page)%s, OpenAI's API at %[1]s/v1", url, all)
}
