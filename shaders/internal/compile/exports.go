package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// exported is a constant or struct of the sources that Go has too: the comment in front of it,
// which becomes Go's, begins with its name there and ends with "// export" in a line of its own.
var (
	exported   = regexp.MustCompile(`(?m)((?:^// [^\n]+\n)+)// export\n(?:const uint \w+ = (\w+?)u?;|struct \w+ \{\n([^}]*)\};)`)
	exportLine = regexp.MustCompile(`(?m)^// export$`)
	field      = regexp.MustCompile(`^\s*(\w+) (\w+);\s*(//.*)?$`)
	goTypes    = map[string]string{"uint": "uint32", "int": "int32", "float": "float32"}
)

// exports is Go's text of what the files of the kernels export.
func exports(dir string) (string, error) {
	var g source
	for _, pattern := range []string{"*.glsl", "*.comp"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		slices.Sort(files)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			if err := g.export(string(text)); err != nil {
				return "", fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return g.String(), nil
}

// export writes what a file exports.
func (g *source) export(text string) error {
	found := exported.FindAllStringSubmatch(text, -1)
	if n := len(exportLine.FindAllString(text, -1)); n != len(found) {
		return fmt.Errorf("%d lines say export, and %d declarations follow that can be: want a comment in front, and const uint NAME = NUMBER; or a struct of numbers", n, len(found))
	}
	for _, m := range found {
		doc, value, fields := m[1], m[2], m[3]
		name := strings.Fields(doc)[1]
		g.line("")
		g.WriteString(doc)
		if value != "" {
			g.line("const %s = %s", name, value)
			continue
		}
		g.line("type %s struct {", name)
		for line := range strings.Lines(fields) {
			f := field.FindStringSubmatch(strings.TrimRight(line, "\n"))
			if f == nil || goTypes[f[1]] == "" {
				return fmt.Errorf("struct %s: %q: want a number", name, line)
			}
			g.line("%s %s %s", goName(f[2], true), goTypes[f[1]], f[3])
		}
		g.line("}")
	}
	return nil
}
