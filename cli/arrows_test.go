package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows is the picture of the design: which room imports which.
var arrows = map[string][]string{
	"cli":      {"engine", "prompt", "tokenize", "vk", "weights", tableRoom},
	"engine":   {"shaders", "vk", "weights", tableRoom},
	"prompt":   {"tokenize"},
	"shaders":  {"vk", tableRoom},
	"tokenize": nil,
	"vk":       nil,
	"weights":  {tableRoom},
	tableRoom:  nil,
}

// tableRoom is the table of block formats, the one part of a room that is a room of its
// own: files and kernels have to agree on it, and on nothing else.
const tableRoom = "weights/format"

// room is the folder below the module's root that a package belongs to; "" if
// the package is not of this module.
func room(path string) string {
	rest, ok := strings.CutPrefix(path, "sealvk/")
	if !ok {
		return ""
	}
	if rest == tableRoom {
		return rest
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestImportsFollowTheDesign(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	found := map[string][]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		from := room(p.ImportPath)
		if _, ok := arrows[from]; !ok {
			t.Errorf("package %s is in none of the design's rooms", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if to := room(path); to != "" && to != from && !slices.Contains(found[from], to) {
				found[from] = append(found[from], to)
			}
		}
	}
	for from, want := range arrows {
		got := found[from]
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s imports %v, the design says %v", from, got, want)
		}
	}
}

// goFiles calls f with every Go file of the module that is no test.
func goFiles(t *testing.T, f func(path string, file *ast.File)) {
	t.Helper()
	for name := range arrows {
		err := filepath.WalkDir(filepath.Join("..", name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			f(path, file)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Only programs print, exit or read the environment.
func TestLibrariesKeepQuiet(t *testing.T) {
	forbidden := map[string][]string{
		"fmt": {"Print", "Printf", "Println"},
		"log": {"*"},
		"os":  {"Exit", "Stdout", "Stderr", "Stdin", "Getenv", "LookupEnv", "Environ", "ExpandEnv"},
	}
	goFiles(t, func(path string, file *ast.File) {
		if file.Name.Name == "main" || strings.HasSuffix(file.Name.Name, "test") { // programs, helpers of tests
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok {
				if names := forbidden[pkg.Name]; slices.Contains(names, sel.Sel.Name) || slices.Contains(names, "*") {
					t.Errorf("%s uses %s.%s", path, pkg.Name, sel.Sel.Name)
				}
			}
			return true
		})
	})
}

func TestFilesStayReadable(t *testing.T) {
	for name := range arrows {
		err := filepath.WalkDir(filepath.Join("..", name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !slices.Contains([]string{".go", ".c", ".h", ".comp", ".glsl"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			if bytes.HasPrefix(text, []byte("// Code generated ")) { // nobody reads on from line to line
				return err
			}
			if lines := bytes.Count(text, []byte("\n")); lines > 500 {
				t.Errorf("%s has %d lines; one concept a file, at most 500", path, lines)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
