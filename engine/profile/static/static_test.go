package static

import (
	"slices"
	"strings"
	"testing"

	"sealvk/vk"
	"sealvk/weights/format"
)

func TestTypesAreThoseWithKernels(t *testing.T) {
	types := format.Types()
	for x := format.Type(0); x < 1<<20; x++ {
		if x.Known() != slices.Contains(types, x) {
			t.Errorf("type %d (%v): kernels %v, listed %v", x, x, x.Known(), !x.Known())
		}
	}
	if all, err := ParseTypes("all"); err != nil || len(all) != len(types) {
		t.Errorf("all: %v, %v", all, err)
	}
	want := []format.Type{format.Q4_K, format.MLX(4, 64, format.F16)}
	if got, err := ParseTypes(" q4_k,MLX 4-bit/64 F16, Q4_K"); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseTypes(DefaultTypes); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "Q4_K,", "IQ4_NL", "Q9"} {
		if _, err := ParseTypes(bad); err == nil || !strings.Contains(err.Error(), "Q6_K") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseFamilies(t *testing.T) {
	got, err := ParseFamilies("Navi31, vega10,gfx1100")
	if err != nil || len(got) != 2 || got[0].String() != "gfx1100" || got[1].String() != "vega10" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseFamilies(DefaultFamilies); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "bogus", "vega10,"} {
		if _, err := ParseFamilies(bad); err == nil || !strings.Contains(err.Error(), "gfx1100/navi31") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	seen := map[string]bool{}
	for _, f := range Families() {
		for _, name := range f.Names {
			if seen[name] || name != strings.ToLower(name) {
				t.Errorf("%q is there twice, or not in lower case", name)
			}
			seen[name] = true
		}
	}
}

func TestCheckKernels(t *testing.T) {
	if err := CheckKernels(Kernels()); err != nil {
		t.Error(err)
	}
	if err := CheckKernels([]string{"matmul", "gemm"}); err == nil || !strings.Contains(err.Error(), `"gemm"`) || !strings.Contains(err.Error(), "matmul") {
		t.Error(err)
	}
}

// What Mesa 22.3.6 and 25.0.7 tell of the same kernel on the same chip.
func TestFigures(t *testing.T) {
	names := strings.Split("Driver pipeline hash|SGPRs|VGPRs|Spilled SGPRs|Spilled VGPRs|Code size|LDS size|Scratch size|Subgroups per SIMD|"+
		"Hash|Instructions|Copies|Branches|Latency|Inverse Throughput|VMEM Clause|SMEM Clause|Pre-Sched SGPRs|Pre-Sched VGPRs", "|")
	later := slices.Concat(names[:9], []string{"Combined inputs", "Combined outputs"}, names[9:], []string{"VALU", "SALU", "VMEM", "SMEM", "VOPD"})
	for _, c := range []struct {
		names  []string
		values string
		want   []int
	}{
		{names, "7 128 132 3 2 5416 8192 1024 8 99 1102 63 9 23396 6074 14 3 39 128", []int{8, 132, 128, 2, 3, 8192, 1024, 1102, 5416, 23396, 6074}},
		{later, "7 128 180 0 0 9244 8192 0 8 0 0 99 1712 68 6 12852 3646 7 3 29 123 871 86 25 3 0", []int{8, 180, 128, 0, 0, 8192, 0, 1712, 9244, 12852, 3646}},
	} {
		var statistics []vk.Statistic
		for i, v := range strings.Fields(c.values) {
			statistics = append(statistics, vk.Statistic{Name: c.names[i], Value: v})
		}
		f := figuresOf(statistics)
		for i, n := range []*int{f.Waves, f.VGPRs, f.SGPRs, f.SpilledVGPRs, f.SpilledSGPRs, f.LDS, f.Scratch, f.Instructions, f.Code, f.Latency, f.Inverse} {
			if n == nil || *n != c.want[i] {
				t.Errorf("figure %d: %v, want %d", i, n, c.want[i])
			}
		}
		if spills := c.want[3]+c.want[4] > 0; f.Spills() != spills {
			t.Errorf("spills: %v, want %v", f.Spills(), spills)
		}
	}
	other := figuresOf([]vk.Statistic{{Name: "Register Count", Value: "40"}, {Name: "Latency", Value: "1.5"}})
	if other != (Figures{}) || other.Spills() {
		t.Errorf("%+v", other)
	}
}

func TestISAIsTheLastText(t *testing.T) {
	forms := []vk.Representation{{Name: "IR", IsText: true, Data: []byte("ir")}, {Name: "Assembly", IsText: true, Data: []byte("s_endpgm")}, {Name: "Binary", Data: []byte{1}}}
	if got := isa(forms); got != "s_endpgm" {
		t.Errorf("%q", got)
	}
	if got := isa(nil); got != "" {
		t.Errorf("%q", got)
	}
}
