package vk

import (
	"strings"
	"testing"
)

func TestPipelineErrors(t *testing.T) {
	d := openTest(t)
	good := PipelineInfo{Name: "step", SPIRV: readSPIRV(t, "step"), Bindings: 2, PushSize: 12, Constants: []uint32{1}}
	for _, c := range []struct {
		name   string
		change func(p *PipelineInfo)
		err    string
	}{
		{"no SPIR-V", func(p *PipelineInfo) { p.SPIRV = []byte("#version 450 main() {}..") }, "not SPIR-V"},
		{"cut", func(p *PipelineInfo) { p.SPIRV = p.SPIRV[:len(p.SPIRV)-1] }, "not SPIR-V"},
		{"empty", func(p *PipelineInfo) { p.SPIRV = nil }, "not SPIR-V"},
		{"bindings", func(p *PipelineInfo) { p.Bindings = maxBindings + 1 }, "bindings"},
		{"push", func(p *PipelineInfo) { p.PushSize = 1 << 20 }, "push constants"},
		{"ragged push", func(p *PipelineInfo) { p.PushSize = 13 }, "push constants"},
		{"constants", func(p *PipelineInfo) { p.Constants = make([]uint32, maxConstants+1) }, "specialization"},
		{"odd subgroup", func(p *PipelineInfo) { p.SubgroupSize = 12 }, "power of two"},
		{"huge subgroup", func(p *PipelineInfo) { p.SubgroupSize = 1024 }, "subgroup size 1024; this device has"},
	} {
		info := good
		c.change(&info)
		if p, err := d.NewPipeline(info); err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), `"step"`) {
			t.Errorf("%s: %v, %v", c.name, p, err)
		}
	}
	if s := d.Stats(); s != (Stats{}) {
		t.Errorf("failed pipelines left %+v", s)
	}
	const lanes = 64 // of step.comp, whole subgroups
	for _, size := range []int{0, min(lanes, d.Caps().Subgroup.Size), d.Caps().Subgroup.MinSize, min(lanes, d.Caps().Subgroup.MaxSize)} {
		info := good
		info.SubgroupSize = size
		p, err := d.NewPipeline(info)
		if err != nil {
			t.Fatalf("subgroup size %d: %v", size, err)
		}
		p.Free()
		p.Free()
	}
}

// Where a shader relies on a subgroup size, whole subgroups are asked for, and only there: on a
// device that was opened without the feature the layers object.
func TestFullSubgroups(t *testing.T) {
	var said []string
	has := openWith(t, Config{Validation: true, OnMessage: func(m Message) { said = append(said, m.ID) }}, "")
	s := &has.Caps().Subgroup
	if !s.ComputeFullSubgroups || s.MinSize > 64 {
		t.Skipf("the device has none: %+v", *s)
	}
	has.pd.Caps.Subgroup.ComputeFullSubgroups = false
	lacks, err := has.in.OpenDevice(has.pd, "")
	if err != nil {
		t.Fatal(err)
	}
	defer lacks.Close()
	for _, c := range []struct {
		d        *Device
		asks     bool
		size     int
		messages int
	}{{has, true, s.MinSize, 0}, {has, true, 0, 0}, {lacks, false, s.MinSize, 0}, {lacks, true, 0, 0}, {lacks, true, s.MinSize, 1}} {
		said, c.d.caps.Subgroup.ComputeFullSubgroups = nil, c.asks
		p, err := c.d.NewPipeline(PipelineInfo{Name: "step", SPIRV: readSPIRV(t, "step"), Bindings: 2, PushSize: 12, SubgroupSize: c.size})
		if err != nil {
			t.Fatal(err)
		}
		p.Free()
		if len(said) != c.messages || c.messages > 0 && said[0] != "VUID-VkPipelineShaderStageCreateInfo-flags-02785" {
			t.Errorf("subgroups of %d, asked for in full %v: %q", c.size, c.asks, said)
		}
	}
}

// Config.Shader's code is compiled in place of the shader.
func TestConfigShader(t *testing.T) {
	cfg := strict(t)
	cfg.Shader = func(name string, spirv []byte) []byte { return []byte(name) }
	d := openWith(t, cfg, "")
	_, err := d.NewPipeline(PipelineInfo{Name: "step", SPIRV: readSPIRV(t, "step"), Bindings: 2, PushSize: 12})
	if err == nil || !strings.Contains(err.Error(), "4 bytes that are not SPIR-V") {
		t.Errorf("%v", err)
	}
}

// Executables either works or says why not.
func TestExecutables(t *testing.T) {
	d := openTest(t)
	info := PipelineInfo{Name: "step", SPIRV: readSPIRV(t, "step"), Bindings: 2, PushSize: 12, Statistics: true}
	p, err := d.NewPipeline(info)
	if has := d.Caps().Features.PipelineExecutableProperties; has != (err == nil) {
		t.Fatalf("feature %v, error %v", has, err)
	}
	if err == nil {
		defer p.Free()
		list, err := p.Executables()
		if err != nil || len(list) == 0 || list[0].Name == "" {
			t.Errorf("%+v, %v", list, err)
		}
	}
	plain := newStep(t, d, 0)
	defer plain.Free()
	if _, err := plain.Executables(); err == nil {
		t.Error("executables without statistics: no error")
	}
}
