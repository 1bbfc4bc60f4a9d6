package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine/profile/static"
	"sealvk/vk"
	"sealvk/weights/format"
)

type staticFlags struct {
	*modelFlags
	families, types string
	isa, here       bool
	output          outputFlags
}

func (p *program) profileStaticCommand() *cli.Command {
	f := &staticFlags{modelFlags: newModelFlags(), output: newOutputFlags("text", "json", "csv")}
	return &cli.Command{
		Name:      "static",
		Usage:     "see what the kernels take of AMD GPUs that aren't there",
		ArgsUsage: "[KERNEL…]",
		Description: "Mesa's RADV compiles the kernels, and nothing runs. The columns, per wave of 64 invocations:\n" +
			"waves that a SIMD holds at once; registers of an invocation (VGPRs) and of the wave (SGPRs);\n" +
			"shared memory of a workgroup (LDS) and private memory in bytes; the compiler's estimate of\n" +
			"a wave's latency in cycles, and of the cycles per wave while the SIMD is full.\n\n" +
			"Kernels: " + strings.Join(static.Kernels(), " ") + "\n" +
			"Chips:\n" + familyLines(),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "family", Value: static.DefaultFamilies, Destination: &f.families, Category: categoryMeasure,
				Usage: "`CHIP[,CHIP…]` to compile for, of those above; a chip and its later name are one"},
			&cli.StringFlag{Name: "type", Value: static.DefaultTypes, Destination: &f.types, Category: categoryMeasure,
				Usage: "`TYPE[,TYPE…]` of the weights, or all"},
			toggleFlag(&f.isa, categoryShow, "isa", "show the instructions too (not in csv)"),
			&cli.BoolFlag{Name: "validate", Destination: &f.validate, Hidden: true},
			&cli.BoolFlag{Name: "here", Destination: &f.here, Hidden: true,
				Usage: "compile for the chip that the environment names: what the command runs itself for"},
		}, f.output.flags("")...),
		Action: func(c *cli.Context) error { return p.profileStatic(f, c.Args().Slice()) },
	}
}

// familyLines names the chips, a line for each architecture.
func familyLines() string {
	var b strings.Builder
	before := ""
	for _, f := range static.Families() {
		if f.Architecture != before {
			before = f.Architecture
			fmt.Fprintf(&b, "\n  %s:", before)
		}
		b.WriteString(" " + strings.Join(f.Names, "/"))
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func (p *program) profileStatic(f *staticFlags, kernels []string) error {
	families, err := static.ParseFamilies(f.families)
	if err != nil {
		return fmt.Errorf("--family: %w", err)
	}
	types, err := static.ParseTypes(f.types)
	if err != nil {
		return fmt.Errorf("--type: %w", err)
	}
	if err := static.CheckKernels(kernels); err != nil {
		return err
	}
	if f.isa && f.output.form.value == "csv" {
		return errors.New("--isa: csv has no place for instructions; want text or json")
	}
	if err := f.output.check(); err != nil {
		return err
	}
	var list []*static.Compilation
	if f.here {
		signal.Ignore(os.Interrupt) // Ctrl-C goes to both; the parent ends this one
		list, err = p.compileHere(f, kernels, types)
	} else {
		list, err = p.compileFor(families, f, kernels)
	}
	if err != nil {
		return err
	}
	return f.output.write(p, func(w io.Writer) error { return writeStatic(w, f.output.form.value, static.NewReport(list)) })
}

// compileHere compiles for the chip that RADV shows in this process.
func (p *program) compileHere(f *staticFlags, kernels []string, types []format.Type) (_ []*static.Compilation, err error) {
	const none = "this version of Mesa compiles for no chip that isn't there: 22.3 (Debian 12) and 25.0 (Debian 13) do, 26.2 does not"
	instance, err := p.openInstance(f.validate)
	if errors.Is(err, vk.ErrNoDevice) {
		return nil, errors.New(none)
	}
	if err != nil {
		return nil, err
	}
	defer instance.Close()
	chosen, _, err := instance.Select("")
	if errors.Is(err, vk.ErrNoDevice) || err == nil && !chosen.Caps.CompileOnly { // or it is a real one
		return nil, errors.New(none)
	}
	if err != nil {
		return nil, err
	}
	device, err := instance.OpenDevice(chosen, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	c, err := static.Compile(device, kernels, types, f.isa)
	return []*static.Compilation{c}, err
}

// writeStatic writes r in a form: text, json or csv.
func writeStatic(w io.Writer, form string, r *static.Report) error {
	switch form {
	case "json":
		return encodeJSON(w, "  ", r)
	case "csv":
		return staticCSV(w, r)
	}
	for i, c := range r.Compilations {
		if i > 0 {
			fmt.Fprintln(w)
		}
		staticText(w, c)
	}
	return nil
}

func staticText(w io.Writer, c *static.Compilation) {
	fmt.Fprintf(w, "=== %s: %s, %s; %s, %s; at most %d waves a SIMD\n\n", c.Family, c.Architecture, c.Device.Name,
		c.Device.Driver, c.Device.DriverInfo, c.MaxWaves)
	rows := [][]string{{"kernel", "waves", "VGPRs", "SGPRs", "LDS B", "private B", "instr.", "code B", "latency", "per wave", "spilled"}}
	spills := 0
	for i := range c.Pipelines {
		x := &c.Pipelines[i]
		if x.Spills() {
			spills++
		}
		row := []string{x.String()}
		for _, n := range []*int{x.Waves, x.VGPRs, x.SGPRs, x.LDS, x.Scratch, x.Instructions, x.Code, x.Latency, x.Inverse} {
			row = append(row, figureText(n, "-"))
		}
		rows = append(rows, append(row, spilledText(x)))
	}
	writeAligned(w, rows)
	fmt.Fprintf(w, "\nprograms: %d, of which %d spill registers\n", len(c.Pipelines), spills)
	for i := range c.Pipelines {
		if x := &c.Pipelines[i]; x.ISA != "" {
			fmt.Fprintf(w, "\n--- %s, on %s\n\n%s\n", x, c.Family, strings.TrimRight(x.ISA, "\n"))
		}
	}
}

func figureText(n *int, unknown string) string {
	if n == nil {
		return unknown
	}
	return strconv.Itoa(*n)
}

func spilledText(x *static.Pipeline) string {
	var parts []string
	for _, kind := range []struct {
		n    *int
		name string
	}{{x.SpilledVGPRs, "VGPR"}, {x.SpilledSGPRs, "SGPR"}} {
		if kind.n == nil {
			return "-"
		}
		if *kind.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", *kind.n, kind.name))
			if *kind.n > 1 {
				parts[len(parts)-1] += "s"
			}
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func staticCSV(w io.Writer, r *static.Report) error {
	lines := [][]string{{"family", "architecture", "max_waves_per_simd", "device", "driver", "driver_info", "kernel", "variant", "type", "lanes", "subgroup_size",
		"waves_per_simd", "vgprs", "sgprs", "spilled_vgprs", "spilled_sgprs", "lds_bytes", "scratch_bytes", "instructions", "code_bytes",
		"latency_cycles", "inverse_throughput_cycles"}}
	for _, c := range r.Compilations {
		for i := range c.Pipelines {
			x := &c.Pipelines[i]
			line := []string{c.Family, c.Architecture, strconv.Itoa(c.MaxWaves), c.Device.Name, c.Device.Driver, c.Device.DriverInfo,
				x.Kernel, x.Variant, x.Type, strconv.Itoa(x.Lanes), strconv.Itoa(x.SubgroupSize)}
			for _, n := range []*int{x.Waves, x.VGPRs, x.SGPRs, x.SpilledVGPRs, x.SpilledSGPRs, x.LDS, x.Scratch, x.Instructions, x.Code, x.Latency, x.Inverse} {
				line = append(line, figureText(n, ""))
			}
			lines = append(lines, line)
		}
	}
	return csv.NewWriter(w).WriteAll(lines)
}
