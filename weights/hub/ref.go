package hub

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Ref names a model as a user does: org/repo[@revision][:what].
type Ref struct {
	Repo     string // "org/name"
	Revision string // branch, tag or commit; "main" if none was given
	What     string // a file's name or a quantization such as "Q4_K_M"; "" for the usual one
}

// repoPart is what the Hub allows in the name of an organisation or a repository.
var repoPart = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$`)

// ParseRef reads org/repo[@revision][:file-or-quant], or the address of a repository or of
// one of its files: hf.co/org/repo[:quant] as for Ollama, https://huggingface.co/org/repo/….
func ParseRef(s string) (Ref, error) {
	fail := func(why string) (Ref, error) {
		return Ref{}, fmt.Errorf("hub: %q is no model's name: %s; want org/repo[@revision][:file-or-quant]", s, why)
	}
	name, ok := nameOfAddress(s)
	if !ok {
		return fail("the address is of no repository and of no file")
	}
	rest, what, hasWhat := strings.Cut(name, ":")
	repo, revision, hasRevision := strings.Cut(rest, "@")
	org, name, ok := strings.Cut(repo, "/")
	switch {
	case !ok:
		return fail("it has no slash")
	case !validRepoPart(org) || !validRepoPart(name):
		return fail("organisation and repository are letters, digits and single - _ . inside")
	case hasRevision && !validName(revision):
		return fail("the revision is a branch, a tag or a commit")
	case hasWhat && !validName(what):
		return fail("after the colon goes a file of the repository or a quantization")
	}
	if !hasRevision {
		revision = "main"
	}
	return Ref{repo, revision, what}, nil
}

func validRepoPart(s string) bool {
	return repoPart.MatchString(s) && !strings.Contains(s, "--") && !strings.Contains(s, "..") && !strings.HasSuffix(s, ".git")
}

// String gives r as ParseRef reads it.
func (r Ref) String() string {
	s := r.Repo
	if r.Revision != "main" {
		s += "@" + r.Revision
	}
	if r.What != "" {
		s += ":" + r.What
	}
	return s
}

// validName reports whether a name with slashes, from a user, the cache or a server, may
// become a path and be printed.
func validName(name string) bool { return staysInside(name) && printable(name) }

// staysInside reports whether a name with slashes stays inside the folder that it is
// joined to, on every system.
func staysInside(name string) bool {
	local, err := filepath.Localize(name)
	return err == nil && local != "." && len(name) <= 1024 && !strings.Contains(name, `\`)
}

// printable reports whether a name does nothing to a terminal but to stand there.
func printable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

var (
	commitName = regexp.MustCompile(`^[0-9a-f]{40}$`)
	// etagName is the name of a blob whose bytes can be checked: SHA-256 or git's SHA-1.
	etagName = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)
