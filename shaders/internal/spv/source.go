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

// Declaration is what a kernel's source says and its optimized SPIR-V may not: names, and
// what is declared but not used.
type Declaration struct {
	Push      []string // names of the members of the push-constant block
	Constants []Named  // specialization constants, by their ids
	Bindings  []Named  // by their numbers; of buffers that share one the first
}

// Named is a name of the source and the number that SPIR-V has for it.
type Named struct {
	Number int
	Name   string // "" of a constant that is a size of the workgroup alone
}

// Shared is a part of several kernels' interfaces, as an included file says by a line like
//
//	// interface product: 9 push constants, 7 specialization constants
//
// The interface of each kernel that includes the file begins with so many.
type Shared struct {
	Name            string
	Push, Constants int
}

var (
	comment    = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
	macro      = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+((?:[^\n]*\\\n)*[^\n]*)`)
	word       = regexp.MustCompile(`\w+`)
	pushBlock  = regexp.MustCompile(`(?s)layout\s*\([^)]*push_constant[^)]*\)\s*uniform\s+\w+\s*\{([^}]*)\}`)
	pushMember = regexp.MustCompile(`(\w+)\s*(?:\[[^\]]*\]\s*)?[;,]`)
	constant   = regexp.MustCompile(`layout\s*\([^)]*\b(?:constant_id|local_size_[xyz]_id)\s*=\s*(\d+)[^)]*\)\s*(?:const\s+\w+\s+(\w+))?`)
	binding    = regexp.MustCompile(`layout\s*\([^)]*\bbinding\s*=\s*(\d+)[^)]*\)[\w\s]*?(\w+)\s*\{`)
	sharedLine = regexp.MustCompile(`(?m)^// interface (\w+): (\d+) push constants(?:, (\d+) specialization constants)?$`)
)

// Declare reads the declarations in a source that went through the preprocessor.
func Declare(text string) Declaration {
	var d Declaration
	for _, block := range pushBlock.FindAllStringSubmatch(text, -1) {
		for _, m := range pushMember.FindAllStringSubmatch(block[1], -1) {
			d.Push = append(d.Push, m[1])
		}
	}
	d.Constants = named(constant.FindAllStringSubmatch(text, -1))
	d.Bindings = named(binding.FindAllStringSubmatch(text, -1))
	return d
}

// named sorts by number; of several with one number the first that has a name counts.
func named(matches [][]string) []Named {
	var list []Named
	for _, m := range matches {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		i := slices.IndexFunc(list, func(v Named) bool { return v.Number == n })
		switch {
		case i < 0:
			list = append(list, Named{n, m[2]})
		case list[i].Name == "":
			list[i].Name = m[2]
		}
	}
	slices.SortFunc(list, func(a, b Named) int { return a.Number - b.Number })
	return list
}

// Declared reads the declarations of a kernel and its includes without a preprocessor, but for
// macros without parameters, which mean their first definition; both arms of an #if count.
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
	var all strings.Builder
	for _, f := range files {
		all.WriteString(word.ReplaceAllStringFunc(f.text, func(w string) string {
			if body, ok := macros[w]; ok {
				return body
			}
			return w
		}))
	}
	return Declare(all.String()), nil
}

// SharedBy lists what the files that a kernel includes say of its interface, the shortest first.
func SharedBy(dir, kernel string) ([]Shared, error) {
	files, err := sources(dir, kernel)
	if err != nil {
		return nil, err
	}
	var list []Shared
	for _, f := range files {
		for _, m := range sharedLine.FindAllStringSubmatch(f.text, -1) {
			s := Shared{Name: m[1]}
			s.Push, _ = strconv.Atoi(m[2]) // digits
			s.Constants, _ = strconv.Atoi(m[3])
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Shared) int { return a.Push - b.Push })
	return list, nil
}
