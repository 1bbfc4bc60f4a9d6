package serve

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

// page asks the page's handler.
func page(method, at string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, at, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	pageHandler().ServeHTTP(w, r)
	return w.Result()
}

// Every file comes as what it is, with a policy that lets nothing foreign in, and once as long as it stays the same.
func TestPageFiles(t *testing.T) {
	err := fs.WalkDir(pageFiles, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		at := "/" + name
		if at == "/page/index.html" {
			at = "/"
		}
		got := page("GET", at)
		if got.StatusCode != 200 || got.ContentLength == 0 {
			t.Errorf("%s: %s, %d bytes", at, got.Status, got.ContentLength)
		}
		if want := pageTypes[path.Ext(name)]; want == "" || got.Header.Get("Content-Type") != want {
			t.Errorf("%s is %q, want %q", at, got.Header.Get("Content-Type"), want)
		}
		policy := got.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, ":") {
			t.Errorf("%s: policy %q", at, policy)
		}
		for name, want := range pageHeaders {
			if got.Header.Get(name) != want {
				t.Errorf("%s: %s is %q", at, name, got.Header.Get(name))
			}
		}
		if kept := got.Header.Get("Cache-Control"); (kept == "no-cache") == strings.HasSuffix(at, ".svg") {
			t.Errorf("%s is kept: %s", at, kept)
		}
		tag := got.Header.Get("Etag")
		if again := page("GET", at, "If-None-Match", tag); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %s for what the browser has", at, again.Status)
		}
		if again := page("GET", at, "If-None-Match", `"other"`); again.StatusCode != 200 || again.Header.Get("Etag") != tag {
			t.Errorf("%s: %s for another version", at, again.Status)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Nothing else is served, in whatever way it is asked for.
func TestPageHasNothingElse(t *testing.T) {
	for _, at := range []string{"/page", "/page/", "/page/index.html", "/page/../page.go", "/page/missing.js", "/page.go", "/page/app.js/"} {
		if got := page("GET", at); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", at, got.Status)
		}
	}
}

// foreign is what would make a page load from elsewhere, run what stands in its markup, or take text for markup.
var foreign = regexp.MustCompile(`(src|href)="(https?:|//|/)|<script>|<style|\son\w+="|\sstyle="|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|url\(|@import|from "[^.]|import\("`)

// The page's addresses are relative, its scripts and styles are files, and no text becomes markup in it.
func TestPageIsItsOwn(t *testing.T) {
	err := fs.WalkDir(pageFiles, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := pageFiles.ReadFile(name)
		if err != nil {
			return err
		}
		if found := foreign.Find(body); found != nil && !(name == "page/dom.js" && string(found) == "innerHTML") { // it says that it does not
			t.Errorf("%s has %q", name, found)
		}
		if lines := strings.Count(string(body), "\n"); lines > 400 {
			t.Errorf("%s has %d lines", name, lines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
