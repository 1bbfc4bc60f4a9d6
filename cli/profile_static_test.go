package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// asProgram makes the test binary the program: profile static runs itself for each chip.
const asProgram = "SEALVK_TEST_AS_PROGRAM"

func init() {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
}

func TestProfileStaticErrors(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--family", "gfx9000"}, []string{"--family", `"gfx9000"`, "vega10", "gfx1100/navi31"}},
		{[]string{"--family", ""}, []string{"--family"}},
		{[]string{"--type", "Q7_K"}, []string{"--type", `"Q7_K"`, "Q4_K"}},
		{[]string{"mat_mul"}, []string{`"mat_mul"`, "matmul"}},
		{[]string{"--format", "html"}, []string{"--format", "text or json or csv"}},
		{[]string{"--isa", "--format", "csv"}, []string{"--isa", "csv"}},
		{[]string{"-o", folder}, []string{folder, "is a folder"}},
	} {
		sealvk("", append([]string{"profile", "static"}, c.args...)...).wantError(t, c.want...)
	}
	t.Run("a driver that compiles for no chip", func(t *testing.T) {
		manifest := filepath.Join(folder, "radeon_icd.json")
		if err := os.WriteFile(manifest, []byte(`{"file_format_version":"1.0.0","ICD":{"library_path":"/nowhere.so","api_version":"1.3.0"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(asProgram, "1")
		t.Setenv("VK_DRIVER_FILES", manifest)
		sealvk("", "profile", "static").wantError(t, "vega10", manifest, "22.3 (Debian 12)")
	})
	t.Run("no RADV", func(t *testing.T) {
		for _, name := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"} {
			t.Setenv(name, "")
		}
		for _, name := range []string{"XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS"} {
			t.Setenv(name, t.TempDir())
		}
		sealvk("", "profile", "static").wantError(t, "RADV of Mesa is not installed", "radeon_icd.json", "apt install mesa-vulkan-drivers")
	})
}

func TestRADVEnvironment(t *testing.T) {
	before := []string{"HOME=/h", "VK_DRIVER_FILES=/sw.json", "VK_ICD_FILENAMES=/x", "VK_ADD_DRIVER_FILES=/y", "RADV_FORCE_FAMILY=old", "RADV_PERFTEST=cswave32", "VK_LOADER_DRIVERS_SELECT=*lvp*"}
	got := radvEnvironment(before, "/radeon_icd.json", "navi21")
	want := []string{"HOME=/h", "RADV_PERFTEST=cswave32", "VK_DRIVER_FILES=/radeon_icd.json", "VK_ICD_FILENAMES=/radeon_icd.json", "RADV_FORCE_FAMILY=navi21", "MESA_SHADER_CACHE_DISABLE=true"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
