package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Each of the two pages shows every command, and the manual every flag.
func TestReadmeAndManualTellEveryCommandAndFlag(t *testing.T) {
	readme, manual := string(readFile(t, "../README.md")), string(readFile(t, "../docs/manual.md"))
	for name, c := range documented() {
		for page, text := range map[string]string{"README.md": readme, "docs/manual.md": manual} {
			if !strings.Contains(text, "sealvk "+name) {
				t.Errorf("%s: no example of sealvk %s", page, name)
			}
		}
		for _, f := range c.Flags {
			shown := f.(cli.VisibleFlag).IsVisible()
			found := slices.ContainsFunc(f.Names(), func(name string) bool { return strings.Contains(manual, dashed(name)) })
			if shown && !found {
				t.Errorf("docs/manual.md: sealvk %s %s is not there", name, dashed(f.Names()[0]))
			}
		}
	}
}

// documented is the commands by their names, such as "profile diff".
func documented() map[string]*cli.Command {
	app := (&program{stdout: &output{w: io.Discard}, stderr: io.Discard}).app()
	all := map[string]*cli.Command{}
	for _, c := range app.Commands {
		all[c.Name] = c
		for _, sub := range c.Subcommands {
			all[c.Name+" "+sub.Name] = sub
		}
	}
	return all
}

// What follows "sealvk" or "./build.sh run" in a page's examples, up to a pipe, a comment or the end.
var example = regexp.MustCompile(`(?m)^    [^{\n]*?(?:\bsealvk|\./build\.sh run) ([a-z][^\n|>#]*)`)

// The commands and flags in the pages' examples are ones that the program has.
func TestExamplesNameCommandsAndFlagsThatThereAre(t *testing.T) {
	commands, quoted := documented(), regexp.MustCompile(`\$?'[^']*'|"[^"]*"`)
	for page, least := range map[string]int{"README.md": 8, "docs/manual.md": 30} {
		found := example.FindAllStringSubmatch(string(readFile(t, filepath.Join("..", page))), -1)
		if len(found) < least {
			t.Errorf("%s: only %d examples found", page, len(found))
		}
		for _, m := range found {
			words := strings.Fields(quoted.ReplaceAllString(m[1], "TEXT"))
			c := commands[words[0]]
			if c == nil {
				t.Errorf("%s: no command %s: %s", page, words[0], m[0])
				continue
			}
			if len(words) > 1 && commands[words[0]+" "+words[1]] != nil {
				c = commands[words[0]+" "+words[1]]
			}
			for _, word := range words {
				name := strings.TrimLeft(word, "-")
				if name == word || name == "" {
					continue
				}
				if !slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }) {
					t.Errorf("%s: sealvk %s has no flag %s: %s", page, c.Name, word, m[0])
				}
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// Links from page to page, and to headings, lead somewhere.
func TestLinksBetweenPagesWork(t *testing.T) {
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/results/*.md"} {
		pages, err := filepath.Glob(pattern)
		if err != nil || len(pages) == 0 {
			t.Fatalf("%s: %v, %v", pattern, pages, err)
		}
		for _, page := range pages {
			for _, m := range link.FindAllStringSubmatch(string(readFile(t, page)), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				file, anchor, _ := strings.Cut(m[1], "#")
				target := page
				if file != "" {
					target = filepath.Join(filepath.Dir(page), file)
				}
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s: %v", page, err)
				} else if anchor != "" && !slices.Contains(anchors(string(readFile(t, target))), anchor) {
					t.Errorf("%s: no heading #%s in %s", page, anchor, target)
				}
			}
		}
	}
}

var sourceFile = regexp.MustCompile("`([a-z0-9_/]+\\.(?:go|comp|glsl|c|h))`")

// Source files that pages name are there: at that path, or a bare name in any folder.
func TestPagesNameFilesThatThereAre(t *testing.T) {
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if err == nil {
			names[d.Name()] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"../CONTRIBUTING.md", "../WHY.md", "../docs/architecture.md", "../docs/manual.md"} {
		for _, m := range sourceFile.FindAllStringSubmatch(string(readFile(t, page)), -1) {
			_, err := os.Stat(filepath.Join("..", m[1]))
			if strings.Contains(m[1], "/") && err != nil || !names[filepath.Base(m[1])] {
				t.Errorf("%s: there is no %s", page, m[1])
			}
		}
	}
}

// anchors are a page's headings as links name them.
func anchors(text string) (all []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}
