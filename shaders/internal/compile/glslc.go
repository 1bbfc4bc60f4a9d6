package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sealvk/shaders/internal/spv"
)

// Where the pinned glslc comes from. A Debian stable release keeps its versions,
// so that suite and version name the same binary for years. The C libraries
// that it runs with come along unpinned: they don't decide what it writes.
const (
	suite   = "trixie"
	version = "2025.2-1"
	keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
)

var packages = []string{"glslc=" + version, "libshaderc1=" + version, "libc6", "libgcc-s1", "libstdc++6"}

// findGlslc gives the command line that runs the pinned glslc: the one on PATH if
// it is that version, else one from the user's cache folder, fetched on first use.
func findGlslc(mirror string) ([]string, error) {
	if isPinned([]string{"glslc"}) {
		return []string{"glslc"}, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(cache, "sealvk", "glslc-"+version+"-"+runtime.GOARCH)
	if cmd := command(root); isPinned(cmd) {
		return cmd, nil
	}
	if err := fetch(root, mirror); err != nil {
		return nil, fmt.Errorf("%w\nglslc (%s) is needed: on PATH, or from Debian %s by apt", err, spv.Compiler, suite)
	}
	cmd := command(root)
	if !isPinned(cmd) {
		return nil, fmt.Errorf("glslc of Debian %s, unpacked in %s, does not run or is not %s", suite, root, spv.Compiler)
	}
	return cmd, nil
}

// isPinned asks glslc for its version and compares it with spv.Compiler.
func isPinned(cmd []string) bool {
	if cmd == nil {
		return false
	}
	out, err := exec.Command(cmd[0], append(cmd[1:], "--version")...).Output()
	if err != nil {
		return false
	}
	lines := strings.Split(string(out), "\n")
	return len(lines) >= 3 && strings.Join(lines[:3], ", ") == spv.Compiler
}

// command runs glslc unpacked in root with its own loader and libraries, which
// may be newer than the machine's; nil if they are not there.
func command(root string) []string {
	loader, _ := filepath.Glob(filepath.Join(root, "usr/lib/*/ld-linux*.so.*"))
	if len(loader) != 1 {
		return nil
	}
	return []string{loader[0], "--library-path", filepath.Dir(loader[0]), filepath.Join(root, "usr/bin/glslc")}
}

// fetch unpacks the packages into root. apt checks the archive's signature; it
// works in a folder of its own here, so that neither root rights nor a change of
// the machine's package lists are needed.
func fetch(root, mirror string) error {
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("no %s on this machine", tool)
		}
	}
	if _, err := os.Stat(keyring); err != nil {
		return errors.New("no " + keyring + ": install debian-archive-keyring")
	}
	if mirror == "" {
		var err error
		if mirror, err = debianMirror(); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "compile: fetching glslc %s of Debian %s into %s\n", version, suite, root)
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(root), "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "debs", "root"} {
		if err := os.MkdirAll(filepath.Join(work, d), 0o755); err != nil {
			return err
		}
	}
	sources := fmt.Sprintf("deb [signed-by=%s] %s %s main\n", keyring, mirror, suite)
	for name, text := range map[string]string{"sources.list": sources, "status": ""} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	options := []string{"-q",
		"-o", "Dir::State=" + filepath.Join(work, "state"),
		"-o", "Dir::State::status=" + filepath.Join(work, "status"),
		"-o", "Dir::Cache=" + filepath.Join(work, "cache"),
		"-o", "Dir::Etc::sourcelist=" + filepath.Join(work, "sources.list"),
		"-o", "Dir::Etc::sourceparts=/dev/null",
		"-o", "Dir::Etc::preferences=/dev/null",
		"-o", "Dir::Etc::preferencesparts=/dev/null",
		"-o", "APT::Sandbox::User=root", // the folder may be closed to apt's own user
		"-o", "Acquire::Languages=none",
		"-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"-o", "APT::Get::AllowUnauthenticated=false",
		"-o", "Acquire::AllowInsecureRepositories=false",
	}
	if err := inFolder(work, "apt-get", append(options, "update")...); err != nil {
		return err
	}
	debs := filepath.Join(work, "debs")
	if err := inFolder(debs, "apt-get", slices.Concat(options, []string{"download"}, packages)...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := inFolder(work, "dpkg-deb", "-x", f, filepath.Join(work, "root")); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(filepath.Join(work, "root"), root)
}

// inFolder runs a program and gives its output only when it fails.
func inFolder(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, args[len(args)-1], err, strings.TrimSpace(string(out)))
	}
	return nil
}

// debianMirror finds the Debian archive that this machine's apt uses: the first
// source whose path ends in /debian.
func debianMirror() (string, error) {
	out, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		return "", fmt.Errorf("apt-get indextargets: %w", err)
	}
	for _, uri := range strings.Fields(string(out)) {
		if path.Base(strings.TrimRight(uri, "/")) == "debian" {
			return uri, nil
		}
	}
	return "", errors.New("no Debian archive among apt's sources: name one with `go run ./internal/compile -mirror URL` in shaders")
}
