package spv

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// source is one file of a kernel.
type source struct{ name, text string }

var includeLine = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]+["<]([^">\n]+)[">]`)

// sources reads NAME.comp and each file that it includes, directly or not, in
// the order of first mention; line ends are LF.
func sources(dir, name string) ([]source, error) {
	var files []source
	seen := map[string]bool{}
	var add func(file string) error
	add = func(file string) error {
		if seen[file] {
			return nil
		}
		seen[file] = true
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return fmt.Errorf("spv: source of kernel %q: %w", name, err)
		}
		text := strings.ReplaceAll(string(b), "\r\n", "\n")
		files = append(files, source{file, text})
		for _, m := range includeLine.FindAllStringSubmatch(text, -1) {
			if err := add(m[1]); err != nil {
				return err
			}
		}
		return nil
	}
	return files, add(name + ".comp")
}

// Declaration is what a kernel's source says and its optimized SPIR-V may not:
// names, and what is declared but not used. It is read from the text, almost without a
// preprocessor: macros without parameters mean their first definition, and both arms of
// an #if count.
type Declaration struct {
	Push      []string // names of the members of the push-constant block
	Constants []int    // ids of the specialization constants, ascending
	Bindings  []int    // numbers of the bindings, ascending
}

var (
	comment    = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
	macro      = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+((?:[^\n]*\\\n)*[^\n]*)`)
	word       = regexp.MustCompile(`\w+`)
	pushBlock  = regexp.MustCompile(`(?s)layout\s*\([^)]*push_constant[^)]*\)\s*uniform\s+\w+\s*\{([^}]*)\}`)
	pushMember = regexp.MustCompile(`(\w+)\s*(?:\[[^\]]*\]\s*)?[;,]`)
	constantID = regexp.MustCompile(`\b(?:constant_id|local_size_[xyz]_id)\s*=\s*(\d+)`)
	bindingID  = regexp.MustCompile(`\bbinding\s*=\s*(\d+)`)
)

// Declared reads the declarations of a kernel and its includes.
func Declared(dir, name string) (Declaration, error) {
	files, err := sources(dir, name)
	if err != nil {
		return Declaration{}, err
	}
	macros := map[string]string{}
	for i, f := range files {
		files[i].text = comment.ReplaceAllString(f.text, " ")
		for _, m := range macro.FindAllStringSubmatch(files[i].text, -1) {
			if _, ok := macros[m[1]]; !ok {
				macros[m[1]] = strings.ReplaceAll(m[2], "\\\n", " ")
			}
		}
	}
	var d Declaration
	for _, f := range files {
		text := word.ReplaceAllStringFunc(f.text, func(w string) string {
			if body, ok := macros[w]; ok {
				return body
			}
			return w
		})
		for _, block := range pushBlock.FindAllStringSubmatch(text, -1) {
			for _, m := range pushMember.FindAllStringSubmatch(block[1], -1) {
				d.Push = append(d.Push, m[1])
			}
		}
		d.Constants = append(d.Constants, numbers(constantID, text)...)
		d.Bindings = append(d.Bindings, numbers(bindingID, text)...)
	}
	for _, ids := range []*[]int{&d.Constants, &d.Bindings} {
		slices.Sort(*ids)
		*ids = slices.Compact(*ids)
	}
	return d, nil
}

func numbers(pattern *regexp.Regexp, text string) []int {
	var ns []int
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			ns = append(ns, n)
		}
	}
	return ns
}
