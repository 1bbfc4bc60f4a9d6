// Command compile makes spv/*.spv and spv/MANIFEST from *.comp with the pinned glslc, and
// with -package kernels_gen.go, by which Go knows the kernels' interfaces. It runs in the
// folder of the kernels: go generate ./shaders.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"sealvk/shaders/internal/spv"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("compile: ")
	dir := flag.String("C", ".", "`folder` of the kernels")
	mirror := flag.String("mirror", "", "`URL` of a Debian archive to take glslc from (default: the one in apt's sources)")
	pkg := flag.String("package", "", "`NAME` of the package of "+spv.GeneratedName+" (default: it is not written)")
	flag.Parse()
	if err := compileAll(*dir, *mirror, *pkg); err != nil {
		log.Fatal(err)
	}
}

func compileAll(dir, mirror, pkg string) error {
	builds, err := spv.Builds(dir)
	if err != nil {
		return err
	}
	if len(builds) == 0 {
		return fmt.Errorf("no kernels (*.comp) in %s", dir)
	}
	glslc, err := findGlslc(mirror)
	if err != nil {
		return err
	}
	out := filepath.Join(dir, "spv")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}

	entries := make([]spv.Entry, len(builds))
	binaries := make([][]byte, len(builds))
	errs := make([]error, len(builds))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for i, b := range builds {
		wg.Go(func() {
			slots <- struct{}{}
			entries[i], binaries[i], errs[i] = compile(glslc, dir, b)
			<-slots
		})
	}
	wg.Wait()
	var failed bytes.Buffer
	for i, err := range errs {
		if err != nil {
			fmt.Fprintf(&failed, "\n%s: %v", builds[i].Name(), err)
		}
	}
	if failed.Len() > 0 {
		return fmt.Errorf("glslc failed:%s", failed.String())
	}
	if err := removeStale(out, builds); err != nil {
		return err
	}
	if pkg != "" {
		text, err := generate(glslc, dir, pkg, builds, binaries)
		if err != nil {
			return err
		}
		if err := writeIfChanged(filepath.Join(dir, spv.GeneratedName), text); err != nil {
			return err
		}
		entries = append(entries, spv.GeneratedEntry(entries, text))
	}
	return writeIfChanged(filepath.Join(out, spv.ManifestName), spv.FormatManifest(entries))
}

// generate makes the text of spv.GeneratedName.
func generate(glslc []string, dir, pkg string, builds []spv.Build, binaries [][]byte) ([]byte, error) {
	kernels, err := interfaces(glslc, dir, builds, binaries)
	if err != nil {
		return nil, err
	}
	text, err := goSource(pkg, kernels)
	if err != nil {
		return nil, err
	}
	shared, err := exports(dir)
	if err != nil {
		return nil, err
	}
	return format.Source([]byte(text + shared))
}

// compile makes spv/NAME.spv. The source is hashed before it is compiled: an
// edit in between then shows as stale rather than passing unseen.
func compile(glslc []string, dir string, b spv.Build) (spv.Entry, []byte, error) {
	source, err := spv.SourceHash(dir, b)
	if err != nil {
		return spv.Entry{}, nil, err
	}
	code, err := run(glslc, dir, append(b.Flags(), "-o", "-", b.Kernel+".comp"))
	if err != nil {
		return spv.Entry{}, nil, err
	}
	if err := writeIfChanged(filepath.Join(dir, "spv", b.Name()+".spv"), code); err != nil {
		return spv.Entry{}, nil, err
	}
	return spv.Entry{Name: b.Name(), Source: source, Made: spv.Hash(code)}, code, nil
}

// run gives what glslc writes; its warnings are shown.
func run(glslc []string, dir string, args []string) ([]byte, error) {
	cmd := exec.Command(glslc[0], append(slices.Clone(glslc[1:]), args...)...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, strings.TrimSpace(stderr.String()))
	}
	os.Stderr.Write(stderr.Bytes())
	return stdout.Bytes(), nil
}

func removeStale(out string, builds []spv.Build) error {
	keep := map[string]bool{}
	for _, b := range builds {
		keep[b.Name()+".spv"] = true
	}
	files, err := filepath.Glob(filepath.Join(out, "*.spv"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if !keep[filepath.Base(f)] {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeIfChanged leaves an equal file alone, so that the build cache and the
// reader of `ls -l` see only real changes.
func writeIfChanged(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return os.WriteFile(path, data, 0o644)
}
