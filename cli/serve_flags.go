package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sealvk/cli/serve"
)

// guardFlags say where a server listens, and who may ask it.
type guardFlags struct {
	host string
	port whole

	keys           cli.StringSlice
	keyFile        string
	noKey          bool
	names, origins cli.StringSlice
	cert, key      string

	body, connections whole
	grace             long
	log               choice
}

const (
	categoryServer = "Server:"
	categoryGuard  = "Who may ask:"
)

const (
	logText = "text"
	logJSON = "json"
	logNone = "none"
)

// long is a time that a flag takes.
type long struct {
	value time.Duration
	none  string // what 0 is called; "": 0s
}

func (l *long) String() string {
	if l.value == 0 && l.none != "" {
		return l.none
	}
	return l.value.String()
}

func (l *long) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return errors.New("want a time such as 30s or 10m")
	}
	l.value = v
	return nil
}

func newGuardFlags() *guardFlags {
	return &guardFlags{
		port: whole{8080, 0, 1<<16 - 1},
		body: whole{serve.DefaultMaxBody >> 20, 1, 1 << 12}, connections: whole{serve.DefaultConnections, 1, 1 << 20},
		grace: long{value: 30 * time.Second}, log: choice{logText, []string{logText, logJSON, logNone}},
	}
}

func (g *guardFlags) all() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "host", Value: "127.0.0.1", Destination: &g.host, Category: categoryServer,
			Usage: "listen at `ADDRESS`: one of this machine's, 0.0.0.0 or :: for all, a name, or unix:PATH for a socket"},
		valueFlag(&g.port, categoryServer, "port", "listen on `PORT`; 0: any that is free"),
		valueFlag(&g.grace, categoryServer, "grace", "when stopped, finish within so `LONG` what has begun"),
		valueFlag(&g.log, categoryServer, "log", "`FORM` of the access log on standard error: text, json or none"),
		valueFlag(&g.body, categoryServer, "max-body", "refuse requests of more than so many `MIB`"),
		valueFlag(&g.connections, categoryServer, "max-connections", "have at most `N` connections open; others wait"),

		&cli.StringSliceFlag{Name: "api-key", Destination: &g.keys, EnvVars: []string{"SEALVK_API_KEY"}, Category: categoryGuard, KeepSpace: true,
			Usage: "answer only who sends `KEY` (may be given several times); other users of this machine can read it here, not in --api-key-file"},
		fileFlag(&g.keyFile, categoryGuard, "api-key-file", "the same with each line of `FILE`"),
		toggleFlag(&g.noKey, categoryGuard, "insecure-no-key", "let everybody ask who reaches this machine, where --host lets them"),
		&cli.StringSliceFlag{Name: "allowed-host", Destination: &g.names, Category: categoryGuard,
			Usage: "the server may be called `NAME`, beside localhost and by its addresses (may be given several times)"},
		&cli.StringSliceFlag{Name: "cors", Destination: &g.origins, Category: categoryGuard,
			Usage: "pages of `ORIGIN`, such as https://chat.example.com, may ask from browsers (may be given several times); \"*\", with a key: all"},
		fileFlag(&g.cert, categoryGuard, "tls-cert", "serve HTTPS with the certificate, and those behind it, in `FILE` (PEM)"),
		fileFlag(&g.key, categoryGuard, "tls-key", "the certificate's key is in `FILE` (PEM)"),
	}
}

// guard is what the flags say.
func (g *guardFlags) guard(log *slog.Logger) (serve.Guard, error) {
	guard := serve.Guard{
		Keys: g.keys.Value(), Hosts: g.names.Value(), Origins: g.origins.Value(),
		MaxBody: int64(g.body.value) << 20, Connections: int(g.connections.value),
	}
	if g.keyFile != "" {
		keys, err := readKeys(g.keyFile)
		if err != nil {
			return guard, fmt.Errorf("--api-key-file: %w", err)
		}
		guard.Keys = append(guard.Keys, keys...)
	}
	if err := guard.Check(); err != nil {
		return guard, err
	}
	if (g.cert == "") != (g.key == "") {
		return guard, errors.New("--tls-cert and --tls-key: want both or none")
	}
	if g.cert != "" {
		var err error
		if guard.TLS, err = serve.TLS(g.cert, g.key, log); err != nil {
			return guard, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
	}
	return guard, nil
}

// readKeys reads a file of keys, one a line.
func readKeys(path string) (keys []string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(strings.TrimPrefix(string(content), "\uFEFF")) { // which editors on Windows put in front
		if key := strings.TrimSpace(line); key != "" {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s has no key: want one a line", path)
	}
	return keys, nil
}

// logger writes to standard error in the form that --log names.
func (p *program) logger(form string) *slog.Logger {
	switch form {
	case logText:
		return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.LevelKey && a.Value.Any() == slog.LevelInfo { // which says nothing
				return slog.Attr{}
			}
			return a
		}}))
	case logJSON:
		return slog.New(slog.NewJSONHandler(p.stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}
