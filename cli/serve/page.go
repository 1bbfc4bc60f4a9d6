package serve

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// pageTypes are the page's own: the system's table may call a module text/plain, and no browser runs it then.
var pageTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// pageHeaders let the page load nothing but its own files, speak to nothing but this server and be framed by nobody.
// A model's text that became markup in spite of all could then neither run nor send anything.
var pageHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
}

// pageKept is how long browsers keep a file without asking for it again by its ETag. Another version's script must not
// meet this one's API; pictures may be old, and are asked for with every button that has one.
func pageKept(name string) string {
	if path.Ext(name) == ".svg" {
		return "max-age=3600"
	}
	return "no-cache"
}

// pageFile is a file of the page as it is sent.
type pageFile struct {
	body, contentType, tag, kept string
}

// pageHandler serves the chat page: GET and HEAD of / and of /page/FILE; 404 for all else.
func pageHandler() http.Handler {
	files := map[string]pageFile{}
	err := fs.WalkDir(pageFiles, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := pageFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		files["/"+name] = pageFile{
			body: string(body), contentType: pageTypes[path.Ext(name)],
			tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, kept: pageKept(name),
		}
		return nil
	})
	if err != nil {
		panic("serve: the page's own files: " + err.Error())
	}
	files["/"] = files["/page/index.html"]
	delete(files, "/page/index.html") // its addresses are relative to /
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		for name, value := range pageHeaders {
			header.Set(name, value)
		}
		header.Set("Content-Type", file.contentType)
		header.Set("Etag", file.tag)
		header.Set("Cache-Control", file.kept)
		// ServeContent answers If-None-Match by the tag; the time is unknown, as that of embedded files is.
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(file.body))
	})
}
