package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sealvk/engine/profile/static"
)

// compileFor compiles the kernels for each family, each in a process of its own: RADV and the
// loader read their environment when they please, and RADV ends the process over a family
// that it does not know or was not tried with.
func (p *program) compileFor(families []*static.Family, f *staticFlags, kernels []string) ([]*static.Compilation, error) {
	manifest, err := radvManifest()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, release := stoppable()
	defer release()
	args := []string{"profile", "static", "--here", "--format", "json", "--type", f.types}
	if f.isa {
		args = append(args, "--isa")
	}
	if f.validate {
		args = append(args, "--validate")
	}
	args = append(append(args, "--"), kernels...)
	var list []*static.Compilation
	for _, family := range families {
		c, err := p.compileOne(ctx, self, args, manifest, family)
		if err != nil {
			return nil, stopCause(ctx, fmt.Errorf("%v: %w", family, err))
		}
		c.Family, c.Architecture, c.MaxWaves = family.String(), family.Architecture, family.Waves
		list = append(list, c)
	}
	return list, nil
}

// compileOne tries the family's names until RADV knows one.
func (p *program) compileOne(ctx context.Context, self string, args []string, manifest string, family *static.Family) (*static.Compilation, error) {
	var err error
	for _, name := range family.Names {
		var stdout, stderr bytes.Buffer
		child := exec.CommandContext(ctx, self, args...)
		child.Env = radvEnvironment(os.Environ(), manifest, name)
		child.Stdout, child.Stderr = &stdout, &stderr
		if err = child.Run(); err == nil {
			return readChild(stdout.Bytes(), name, manifest)
		}
		if slices.Contains(args, "--validate") {
			p.stderr.Write(stderr.Bytes())
		}
		if err = childError(err, stderr.String(), manifest); !errors.Is(err, errUnknownFamily) {
			return nil, err
		}
	}
	return nil, err
}

// errUnknownFamily: another version of Mesa may know the chip, or knows it by another name.
var errUnknownFamily = errors.New("this version of Mesa does not know the chip")

func childError(failure error, stderr, manifest string) error {
	var exit *exec.ExitError
	if !errors.As(failure, &exit) {
		return failure
	}
	if strings.Contains(stderr, "Unknown family") {
		return fmt.Errorf("%s: %w", manifest, errUnknownFamily)
	}
	if exit.ExitCode() != 1 { // a signal's, or that of Go's report of one
		return fmt.Errorf("%s: this version of Mesa crashes on the chip (%v); another may not", manifest, exit)
	}
	text := failure.Error()
	for line := range strings.Lines(stderr) { // the last is the error; drivers print too
		if own, ok := strings.CutPrefix(strings.TrimSpace(line), "sealvk: "); ok {
			text = own
		}
	}
	return fmt.Errorf("%s: %s", manifest, text)
}

func readChild(out []byte, name, manifest string) (*static.Compilation, error) {
	var r static.Report
	if err := json.Unmarshal(out, &r); err != nil || len(r.Compilations) != 1 {
		return nil, fmt.Errorf("the process for %s answered with %d profiles (%w)", name, len(r.Compilations), err)
	}
	if device := r.Compilations[0].Device.Name; !strings.Contains(strings.ToLower(device), name) {
		return nil, fmt.Errorf("%s: asked for %s, RADV shows %q", manifest, name, device)
	}
	return r.Compilations[0], nil
}

// radvEnvironment is env with RADV alone, on the chip.
func radvEnvironment(env []string, manifest, family string) []string {
	set := []string{
		"VK_DRIVER_FILES=" + manifest, "VK_ICD_FILENAMES=" + manifest, // the second for loaders before 1.3.207
		"RADV_FORCE_FAMILY=" + family,
		"MESA_SHADER_CACHE_DISABLE=true", // its statistics would be those of the day it was filled
	}
	drop := []string{"VK_ADD_DRIVER_FILES", "VK_LOADER_DRIVERS_SELECT", "VK_LOADER_DRIVERS_DISABLE"}
	for _, s := range set {
		name, _, _ := strings.Cut(s, "=")
		drop = append(drop, name)
	}
	kept := slices.DeleteFunc(slices.Clone(env), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains(drop, name)
	})
	return append(kept, set...)
}

// radvManifest finds the manifest by which the Vulkan loader finds RADV: among the drivers
// that the environment names, or in the loader's folders, where that of this architecture
// comes first.
func radvManifest() (string, error) {
	var named []string
	for _, variable := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"} {
		named = append(named, filepath.SplitList(os.Getenv(variable))...)
	}
	for _, path := range named {
		if ok, _ := filepath.Match("radeon*icd*.json", filepath.Base(path)); ok && exists(path) {
			return path, nil
		}
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "loong64": "loongarch64"}[runtime.GOARCH]
	if machine == "" {
		machine = runtime.GOARCH
	}
	folders := append(named, manifestFolders()...)
	for _, name := range []string{"radeon_icd." + machine + ".json", "radeon_icd.json"} {
		for _, folder := range folders {
			if path := filepath.Join(folder, name); exists(path) {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("the driver RADV of Mesa is not installed (no radeon_icd.%s.json or radeon_icd.json in %s): on Debian or Ubuntu: apt install mesa-vulkan-drivers",
		machine, strings.Join(manifestFolders(), ", "))
}

// manifestFolders are those that the Vulkan loader looks for drivers in, on Linux.
func manifestFolders() []string {
	list := func(variable, standard string) []string {
		if value := os.Getenv(variable); value != "" {
			standard = value
		}
		return filepath.SplitList(standard)
	}
	home, _ := os.UserHomeDir()
	roots := list("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	roots = append(roots, list("XDG_CONFIG_DIRS", "/etc/xdg")...)
	roots = append(roots, "/usr/local/etc", "/etc")
	roots = append(roots, list("XDG_DATA_HOME", filepath.Join(home, ".local/share"))...)
	roots = append(roots, list("XDG_DATA_DIRS", "/usr/local/share:/usr/share")...)
	var folders []string
	for _, root := range roots {
		folders = append(folders, filepath.Join(root, "vulkan", "icd.d"))
	}
	return folders
}
