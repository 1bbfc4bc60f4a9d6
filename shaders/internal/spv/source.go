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

// Shared is a part of several kernels' interfaces, as an included file says by a line like
//
//	// interface product: 9 push constants, 7 specialization constants
//
// The interface of each kernel that includes the file begins with so many.
type Shared struct {
	Name            string
	Push, Constants int
}

var sharedLine = regexp.MustCompile(`(?m)^// interface (\w+): (\d+) push constants(?:, (\d+) specialization constants)?$`)

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
