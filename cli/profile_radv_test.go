//go:build radv

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sealvk/engine/profile/static"
	"sealvk/vk"
	"sealvk/weights/format"
)

// These tests compile with RADV, of Debian 12's or 13's mesa-vulkan-drivers: newer ones no
// longer do that without a chip. CI runs them.

func mustStatic(t *testing.T, args ...string) string {
	t.Helper()
	t.Setenv(asProgram, "1")
	return mustOnDevice(t, "", append([]string{"profile", "static"}, args...)...)
}

func readStatic(t *testing.T, text string) static.Report {
	t.Helper()
	var r static.Report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Every kernel, variant and type fits into the registers of the chips that it is judged by.
// Needs RADV: Debian's mesa-vulkan-drivers.
func TestNoKernelSpills(t *testing.T) {
	r := readStatic(t, mustStatic(t, "--type", "all", "--format", "json"))
	if r.Format != "sealvk-static" || r.Version != 1 || len(r.Compilations) != 3 {
		t.Fatalf("format %q, version %d, %d profiles", r.Format, r.Version, len(r.Compilations))
	}
	for i, family := range strings.Split(static.DefaultFamilies, ",") {
		p := r.Compilations[i]
		if p.Family != family {
			t.Errorf("profile %d is of %s, want %s", i, p.Family, family)
		}
		kernels, types := map[string]bool{}, map[string]int{}
		for _, x := range p.Pipelines {
			kernels[x.Kernel] = true
			types[x.Type]++
			if x.VGPRs == nil || x.SpilledVGPRs == nil || x.SpilledSGPRs == nil || x.Scratch == nil {
				t.Errorf("%s on %s: %+v: the driver does not tell of spills by the names that are known", &x, family, x.Statistics)
			} else if x.Spills() || *x.Scratch > 0 {
				t.Errorf("%s on %s: %s spilled, %d bytes of private memory, at %d VGPRs", &x, family, spilledText(&x), *x.Scratch, *x.VGPRs)
			}
		}
		for _, name := range static.Kernels() {
			if !kernels[name] && !slices.Contains([]string{"matmul_coopmat", "matmul_registers", "attention_coopmat"}, name) { // which take a later Mesa, and RDNA 3, or NVIDIA's matrices
				t.Errorf("%s: no %s", family, name)
			}
		}
		for _, typ := range format.Types() {
			if types[typ.String()] < 1+5*4+2 { // embed, five products of one and of many tokens and of few and many rows, two tilings
				t.Errorf("%s: %d programs for %v", family, types[typ.String()], typ)
			}
		}
		checkOccupancy(t, p)
	}
}

// checkOccupancy compares the waves with a count by hand: registers and shared memory of a
// SIMD, for workgroups of one wave.
func checkOccupancy(t *testing.T, p *static.Compilation) {
	t.Helper()
	hardware, ok := map[string]struct{ registers, simds, granule int }{
		"vega10": {256, 4, 512}, // of 64 lanes each; SIMDs that share 64 KiB, which are given away by the granule
		"navi21": {512, 2, 1024},
	}[p.Family]
	if !ok {
		return
	}
	for _, x := range p.Pipelines {
		if x.Lanes != 64 || x.SubgroupSize != 64 {
			continue
		}
		want := min(p.MaxWaves, hardware.registers / *x.VGPRs)
		if *x.LDS > 0 {
			taken := (*x.LDS + hardware.granule - 1) / hardware.granule * hardware.granule
			share := 64 << 10 / hardware.simds // the driver rounds up what fits into it
			want = min(want, (share+taken-1)/taken)
		}
		if *x.Waves != want {
			t.Errorf("%s on %s: %d waves at %d VGPRs and %d bytes of LDS, want %d", &x, p.Family, *x.Waves, *x.VGPRs, *x.LDS, want)
		}
	}
}

func TestProfileStaticForms(t *testing.T) {
	args := []string{"--family", "navi21,VEGA10", "--type", "Q4_K", "matmul", "sum_norm"}
	text := mustStatic(t, args...)
	for _, want := range []string{"=== navi21: RDNA 2, Null hardware (RADV NAVI21)", "=== vega10:", "VGPRs", "matmul Q4_K, 16 tokens, 512 lanes, normed", "sum_norm", "programs: 7"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "embed") || strings.Contains(text, "s_endpgm") {
		t.Errorf("more than asked for:\n%s", text)
	}
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(strings.TrimSpace(line)) > 132 {
			t.Errorf("too wide: %q", line)
		}
	}
	r := readStatic(t, mustStatic(t, append(args, "--isa", "--format", "json")...))
	rows, err := csv.NewReader(strings.NewReader(mustStatic(t, append(args, "--format", "csv")...))).ReadAll()
	if err != nil || len(rows) != 1+2*7 || len(r.Compilations) != 2 {
		t.Fatalf("%d rows of CSV, %d profiles (%v)", len(rows), len(r.Compilations), err)
	}
	vgprs := slices.Index(rows[0], "vgprs")
	for i, p := range r.Compilations {
		for j, x := range p.Pipelines {
			if row := rows[1+7*i+j]; row[0] != p.Family || row[6] != x.Kernel || row[vgprs] != figureText(x.VGPRs, "") {
				t.Errorf("CSV %q, JSON %+v", row, x)
			}
			if !strings.Contains(x.ISA, "s_endpgm") || strings.Contains(x.ISA, "\x00") {
				t.Errorf("%s: instructions %q", &x, x.ISA)
			}
			raw := slices.IndexFunc(x.Statistics, func(s vk.Statistic) bool { return s.Name == "Inverse Throughput" })
			if raw < 0 || x.Statistics[raw].Value != figureText(x.Inverse, "") {
				t.Errorf("%s: statistics %+v", &x, x.Statistics)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "static.txt")
	if out := mustStatic(t, "geglu", "--family", "navi31", "--isa", "-o", file); out != "" {
		t.Errorf("standard output %q", out)
	}
	if written, err := os.ReadFile(file); err != nil || !strings.Contains(string(written), "=== gfx1100:") || !strings.Contains(string(written), "--- geglu, on gfx1100\n") {
		t.Errorf("%s (%v)", written, err)
	}
}

func TestDriversThatFail(t *testing.T) {
	t.Setenv(asProgram, "1")
	manifest, err := radvManifest()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{stderr: &bytes.Buffer{}}
	args := []string{"profile", "static", "--here", "--format", "json", "geglu"}
	if _, err := p.compileOne(context.Background(), self, args, manifest, &static.Family{Names: []string{"nonsense"}}); !errors.Is(err, errUnknownFamily) {
		t.Errorf("a chip that Mesa does not know: %v", err)
	}
	r, err := p.compileOne(context.Background(), self, args, manifest, &static.Family{Names: []string{"nonsense", "navi21"}})
	if err != nil || !strings.Contains(r.Device.Name, "NAVI21") {
		t.Errorf("by its other name: %+v, %v", r, err)
	}
	crash := []string{"-c", "kill -SEGV $$"}
	if _, err := p.compileOne(context.Background(), "/bin/sh", crash, manifest, &static.Family{Names: []string{"navi21"}}); err == nil || !strings.Contains(err.Error(), "crashes on the chip") {
		t.Errorf("a driver that crashes: %v", err)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.compileOne(stopped, self, args, manifest, &static.Family{Names: []string{"navi21"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// A device that runs nothing is listed, and refused with one line where something would run.
func TestDeviceThatOnlyCompiles(t *testing.T) {
	t.Setenv(asProgram, "1")
	manifest, err := radvManifest()
	if err != nil {
		t.Fatal(err)
	}
	on := func(args ...string) outcome {
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = radvEnvironment(os.Environ(), manifest, "navi21")
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		cmd.Run() // the code tells
		return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
	o := on("devices", "--json")
	var list []struct {
		Name        string    `json:"name"`
		CompileOnly bool      `json:"compile_only"`
		Limits      vk.Limits `json:"limits"`
	}
	if err := json.Unmarshal([]byte(o.stdout), &list); err != nil || len(list) != 1 || !list[0].CompileOnly || list[0].Limits.TimestampPeriod != 0 {
		t.Errorf("%+v (%v), %s", list, err, o.stderr)
	}
	on("generate", "hi").wantError(t, "does not fit")
	on("profile", "--reps", "1").wantError(t, "Null hardware", "choose another device")
}
