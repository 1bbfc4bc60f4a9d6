// Command compile makes spv/*.spv and spv/MANIFEST from *.comp with the pinned
// glslc. It runs in the folder of the kernels: go generate ./shaders.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"sealvk/shaders/internal/spv"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("compile: ")
	dir := flag.String("C", ".", "`folder` of the kernels")
	mirror := flag.String("mirror", "", "`URL` of a Debian archive to take glslc from (default: the one in apt's sources)")
	flag.Parse()
	if err := run(*dir, *mirror); err != nil {
		log.Fatal(err)
	}
}

func run(dir, mirror string) error {
	names, err := spv.Kernels(dir)
	if err != nil {
		return err
	}
	if len(names) == 0 {
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

	entries := make([]spv.Entry, len(names))
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for i, name := range names {
		wg.Go(func() {
			slots <- struct{}{}
			entries[i], errs[i] = compile(glslc, dir, name)
			<-slots
		})
	}
	wg.Wait()
	var failed bytes.Buffer
	for i, err := range errs {
		if err != nil {
			fmt.Fprintf(&failed, "\n%s.comp: %v", names[i], err)
		}
	}
	if failed.Len() > 0 {
		return fmt.Errorf("glslc failed:%s", failed.String())
	}
	if err := removeStale(out, names); err != nil {
		return err
	}
	return writeIfChanged(filepath.Join(out, spv.ManifestName), spv.FormatManifest(entries))
}

// compile makes spv/NAME.spv. The source is hashed before it is compiled: an
// edit in between then shows as stale rather than passing unseen.
func compile(glslc []string, dir, name string) (spv.Entry, error) {
	source, err := spv.SourceHash(dir, name)
	if err != nil {
		return spv.Entry{}, err
	}
	args := append(append([]string{}, glslc[1:]...), spv.Flags...)
	cmd := exec.Command(glslc[0], append(args, "-o", "-", name+".comp")...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return spv.Entry{}, fmt.Errorf("%w\n%s", err, strings.TrimSpace(stderr.String()))
	}
	os.Stderr.Write(stderr.Bytes()) // warnings
	code := stdout.Bytes()
	if err := writeIfChanged(filepath.Join(dir, "spv", name+".spv"), code); err != nil {
		return spv.Entry{}, err
	}
	return spv.Entry{Name: name, Source: source, SPIRV: spv.Hash(code)}, nil
}

func removeStale(out string, names []string) error {
	keep := map[string]bool{}
	for _, name := range names {
		keep[name+".spv"] = true
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
